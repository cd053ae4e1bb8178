"""A batch's pictures in the order sent, while decoders that are free work ahead of it.

Who comes with a single picture loses little by it: nothing goes ahead while somebody waits for a
decoder. A picture that found none free is decoded at its turn, and then waits in line as any other.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings

from classifier.images import Accepted, Checked, check
from classifier.problems import Problem

if TYPE_CHECKING:
    from classifier.intake import Item

Accept = Callable[[], Accepted]  # raises Problem


def in_order(items: "Iterable[Item]") -> "Generator[tuple[Item, Accept | None], None, None]":
    """Each item with what accepts its picture, or None where it brings none. At most MAX_DECODING
    pictures are held ahead of their turn."""
    threads = ThreadPoolExecutor(settings.DECODERS, "decoding-ahead")  # started as they are needed
    ahead: deque[tuple[Item, Accept | None]] = deque()
    try:
        for item in items:
            ahead.append(_begun(item, threads))
            if len(ahead) > settings.MAX_DECODING:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()
    finally:
        threads.shutdown(cancel_futures=True)


def _begun(item: "Item", threads: Executor) -> "tuple[Item, Accept | None]":
    if item.problem or item.image_id:
        return item, None
    try:
        checked = check(item.data or b"")
    except Problem as problem:
        return replace(item, data=None, problem=problem), None
    if checked.is_small:
        return item, partial(checked.accept, settings.DECODE_PATIENCE_BATCH)
    return item, partial(_outcome, threads.submit(checked.accept, 0), checked)


def _outcome(begun: "Future[Accepted]", checked: Checked) -> Accepted:
    try:
        return begun.result()
    except Problem as problem:
        if problem.code != "DECODERS_BUSY":
            raise
    # All that the batch has brought so far would be lost with it.
    return checked.accept(settings.DECODE_PATIENCE_BATCH, stands_by=True)
