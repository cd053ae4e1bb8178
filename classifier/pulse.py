"""Says every few seconds that a batch's request is alive, however long one of its pictures takes.

So a request that died is known to have within a minute or two, and its sender need not wait longer
before it may send the batch again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

logger = logging.getLogger(__name__)

EVERY = 5.0  # seconds
HUNG = 600.0  # seconds without a picture; waiting for a decoder and decoding have half of that


class Pulse:
    def __init__(self) -> None:
        self.moved()

    @contextmanager
    def beating(self, *beats: Callable[[], None]) -> Iterator[threading.Thread]:
        """Call each of `beats` every few seconds, from the thread that is given."""
        over = threading.Event()
        thread = threading.Thread(target=self._go_on, args=(beats, over), name="pulse", daemon=True)
        thread.start()
        try:
            yield thread
        finally:
            over.set()
            thread.join()

    def moved(self) -> None:
        """There is progress. Without any it falls silent, as if the process had died."""
        self._moved = time.monotonic()

    def _go_on(self, beats: tuple[Callable[[], None], ...], over: threading.Event) -> None:
        while not over.wait(EVERY) and time.monotonic() - self._moved < HUNG:
            try:
                for beat in beats:
                    beat()
            except Exception:  # the intake itself meets whatever it is, or the next beat comes
                logger.warning("A batch's pulse was missed", exc_info=True)
            finally:
                connection.close()  # a thread's own, which nobody else would close
