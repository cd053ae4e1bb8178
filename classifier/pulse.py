"""Says every few seconds that a batch's request is alive, however long one of its pictures takes.

So a request that died is known to have within a minute or two, and its sender need not wait longer
before it may send the batch again.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Self

from django.db import connection

logger = logging.getLogger(__name__)

EVERY = 5.0  # seconds
HUNG = 600.0  # seconds without a picture; waiting for a decoder and decoding have half of that


class Pulse:
    def __init__(self, *beats: Callable[[], None]) -> None:
        self._beats = beats
        self._over = threading.Event()
        self._moved = time.monotonic()
        self._thread = threading.Thread(target=self._go_on, name="pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def moved(self) -> None:
        """There is progress. Without any it falls silent, as if the process had died."""
        self._moved = time.monotonic()

    def _go_on(self) -> None:
        while not self._over.wait(EVERY) and time.monotonic() - self._moved < HUNG:
            try:
                for beat in self._beats:
                    beat()
            except Exception:  # the intake itself meets whatever it is, or the next beat comes
                logger.warning("A batch's pulse was missed", exc_info=True)
            finally:
                connection.close()  # a thread's own, which nobody else would close
