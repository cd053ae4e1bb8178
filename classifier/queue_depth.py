"""How much waits, and the refusal of more than can be answered in any useful time.

The depth is looked up every few seconds and not at every upload, so the limit is approximate.
"""

import time

from django.conf import settings

from classifier.models import Prediction
from classifier.problems import Problem

FRESH_SECONDS = 2.0
_looked_at = 0.0
_full = False


def check() -> None:
    """Raises Problem QUEUE_FULL past the limit."""
    global _looked_at, _full
    if time.monotonic() - _looked_at > FRESH_SECONDS:
        # One row at an offset, by the index of what waits, instead of a count of it all.
        rows = Prediction.objects.waiting().order_by("priority", "queued_at", "pk")
        _full = rows.values("pk")[settings.QUEUE_LIMIT - 1 :][:1].exists()
        _looked_at = time.monotonic()
    if _full:
        raise Problem("QUEUE_FULL")


def forget() -> None:
    """Look again at the next call."""
    global _looked_at
    _looked_at = 0.0
