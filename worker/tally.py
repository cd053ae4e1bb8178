"""What this process has done, counted in memory; the heartbeat writes it down."""

import threading
import time
from collections import deque
from datetime import datetime
from typing import Any

from django.utils import timezone

WINDOW = 60.0  # seconds over which the rate is taken


class Tally:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, int]] = deque()
        self._answered = 0
        self._last: tuple[datetime | None, int | None] = (None, None)

    def note(self, pictures: int) -> None:
        """A micro-batch of so many pictures was answered."""
        with self._lock:
            self._answered += pictures
            self._last = timezone.now(), pictures
            self._recent.append((time.monotonic(), pictures))

    def fields(self) -> dict[str, Any]:
        """The Worker's columns."""
        with self._lock:
            since = time.monotonic() - WINDOW
            while self._recent and self._recent[0][0] < since:
                self._recent.popleft()
            rate = sum(pictures for _at, pictures in self._recent) / WINDOW
            at, size = self._last
        return {
            "answered": self._answered,
            "last_batch_at": at,
            "last_batch_size": size,
            "rate": round(rate, 2),
        }


tally = Tally()
