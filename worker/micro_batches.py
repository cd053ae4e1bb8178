"""Claim, read, predict, publish: one micro-batch after another until nothing waits.

While the network computes one, the next is claimed and read in a thread beside it. What is
interactive and comes in meanwhile still goes before it.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db import close_old_connections

from classifier import bell
from classifier.models import Prediction
from classifier.models.claiming import Claimed
from classifier.models.prediction_queue import INTERACTIVE
from ml import preprocess
from worker import corrections, turn
from worker.order import Order
from worker.tally import tally
from worker.watchdog import watchdog

if TYPE_CHECKING:
    from worker.process import ServedModel

logger = logging.getLogger(__name__)

# A run ends after so long even when more waits, so that a worker asked to stop does so soon.
RUN_SECONDS = 5
ahead: Executor = ThreadPoolExecutor(1, thread_name_prefix="ahead")
order = Order()


@dataclass(frozen=True)
class MicroBatch:
    """Claimed rows, and the network's inputs (size, size, 3) uint8 of those that could be read."""

    rows: list[Claimed]
    inputs: dict[uuid.UUID, np.ndarray]

    @property
    def fence(self) -> uuid.UUID:
        return self.rows[0].fence

    @property
    def is_full(self) -> bool:
        return len(self.rows) == settings.MICRO_BATCH

    @property
    def is_interactive(self) -> bool:
        return bool(self.rows) and self.rows[0].priority == INTERACTIVE


def run(model: "ServedModel") -> None:
    """Work until nothing waits or the time is up; then ring, so that the rest is not forgotten."""
    bell.answer()
    end = time.monotonic() + RUN_SECONDS
    try:
        with turn.micro_batch:
            all_done = _work(model, lambda: time.monotonic() < end and not turn.ending.is_set())
    finally:
        bell.note_heard()
    if not all_done:
        bell.ring()


def _work(model: "ServedModel", goes_on: Callable[[], bool]) -> bool:
    """Micro-batch after micro-batch; returns whether nothing waits any more."""
    following: MicroBatch | None = None  # claimed already
    while following or goes_on():
        with watchdog.guard():
            taken, following = _next(model, following)
            if taken.rows:
                following = _answer_and_go_ahead(model, taken, following, goes_on)
            # What is checked again takes turns with batches, and waits while people do.
            checked = not taken.is_interactive and corrections.run_one(model)
            if not taken.rows and not checked:
                return True
    return False


def _answer_and_go_ahead(
    model: "ServedModel",
    taken: MicroBatch,
    following: MicroBatch | None,
    goes_on: Callable[[], bool],
) -> MicroBatch | None:
    """Answer what was taken; returns what has been claimed meanwhile, or was before."""
    coming = None
    if taken.is_full:
        bell.ring()  # there may be more, for a worker that is idle
        coming = None if following or not goes_on() else ahead.submit(_take_ahead, model)
    answer(taken, model)
    return coming.result() if coming else following


def _next(
    model: "ServedModel", following: MicroBatch | None
) -> tuple[MicroBatch, MicroBatch | None]:
    """Whose turn it is; and what was claimed before, if that has to wait for it."""
    if following is None:
        taken = take(model, order.priorities())
    elif following.rows and not following.is_interactive and not order.is_batchs_turn:
        urgent = take(model, (INTERACTIVE,))
        taken, following = (urgent, following) if urgent.rows else (following, None)
    else:
        taken, following = following, None
    if taken.rows:
        order.took(taken.rows[0].priority)
    return taken, following


def _take_ahead(model: "ServedModel") -> MicroBatch:
    close_old_connections()  # this thread's own
    return take(model, order.priorities())


def take(model: "ServedModel", priorities: Iterable[int]) -> MicroBatch:
    """Claim what waits, up to a micro-batch, and read it."""
    rows = Prediction.objects.claim(settings.MICRO_BATCH, model.worker, priorities)
    return MicroBatch(rows, read(rows, model.input_size))


def answer(taken: MicroBatch, model: "ServedModel") -> None:
    """Publish a result for each row that could be read, or give it back."""
    if not taken.inputs:
        return
    try:
        answers = model.runtime.predict(np.stack(list(taken.inputs.values())))
    except Exception:
        logger.exception("The model failed on a micro-batch of %d", len(taken.inputs))
        model.check()  # ends the process where the fault is its own; the leases then run out
        for pk in taken.inputs:
            Prediction.objects.give_back(taken.fence, pk, "INFERENCE_FAILED")
        return
    results = dict(zip(taken.inputs, map(model.result, *answers), strict=True))
    published = Prediction.objects.publish(taken.fence, model.version, results)
    tally.note(published)
    if published < len(results):
        logger.warning("%d results came too late and were dropped", len(results) - published)


def read(rows: list[Claimed], size: int) -> dict[uuid.UUID, np.ndarray]:
    """The network's inputs, (size, size, 3) uint8, by row; what cannot be read is given back."""
    inputs = {}
    for row in rows:
        try:
            if row.is_withheld:  # asked for while it was being set aside
                Prediction.objects.filter(pk=row.pk).cancel()
                continue
            inputs[row.pk] = preprocess.from_jpeg(row.read_preview(), size)
        except (OSError, preprocess.UnreadableImage) as error:
            logger.warning("The preview of %s could not be read: %s", row.pk, error)
            Prediction.objects.give_back(row.fence, row.pk, "PREVIEW_UNREADABLE")
    return inputs
