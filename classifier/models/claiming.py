"""Waiting rows become a worker's by one prepared statement."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from classifier.models.image import read_file
from classifier.models.prepared import PreparedUpdate, example_ids, filled
from classifier.models.status import Status


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a worker needs of a row that is its own: an instance would cost ten times as much."""

    pk: uuid.UUID
    fence: uuid.UUID
    priority: int
    preview: str  # the name of its file
    is_withheld: bool

    def read_preview(self) -> bytes:
        """Raises OSError where it is gone."""
        return read_file(self.preview)


def take(ids: list[uuid.UUID], fence: uuid.UUID, worker: str, using: str) -> int:
    """Give rows to `worker` under `fence` until its lease ends; returns how many waited."""
    if not ids:
        return 0
    places = filled(ids)
    taking = _taking(len(places), settings.LEASE_SECONDS)
    return taking.update(fence, worker, *places, using=using)


@cache
def _taking(places: int, lease: float) -> PreparedUpdate:
    objects = apps.get_model("classifier", "Prediction").objects

    def compose(fence: uuid.UUID, worker: str, *ids: uuid.UUID) -> tuple[Any, dict[str, Any]]:
        return objects.filter(pk__in=ids).movable(Status.RUNNING), {
            "status": Status.RUNNING,
            "attempt": F("attempt") + 1,
            "fence": fence,
            "lease_until": Now() + timedelta(seconds=lease),
            "started_at": Now(),
            "worker": worker,
        }

    fence, *ids = example_ids(places + 1)
    return PreparedUpdate(compose, fence, "an example worker", *ids)
