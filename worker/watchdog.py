"""Ends a process that hangs, before its lease does: a thread of our own.

Celery's time limits are not enough: in 5.6 they are forgotten whenever the broker reconnects.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator

from django.conf import settings

logger = logging.getLogger(__name__)

HUNG = 70  # exit status; EX_SOFTWARE of sysexits.h


class Watchdog:
    def __init__(self) -> None:
        self._since: float | None = None

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """What runs inside must end within the allowed time."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def hangs(self) -> bool:
        since = self._since
        return since is not None and time.monotonic() - since > settings.WATCHDOG_SECONDS

    def start(self) -> None:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while not self.hangs():
            time.sleep(1)
        logger.critical("No progress in %d s: this process ends", settings.WATCHDOG_SECONDS)
        os._exit(HUNG)


watchdog = Watchdog()
