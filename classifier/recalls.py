"""Recalls as they go: begun, every answer found, and completed once none is left.

Who finds the answers may die at any point: the next one begins at the first answer again and passes
over those that have their Correction. The workers do the rest (worker/corrections.py).
"""

import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from classifier import bell, installed_models
from classifier.models import Correction, ModelVersion, Prediction, Recall, Status, Worker
from classifier.models.prediction_queue import PredictionQuerySet

PAGE = 2000  # answers looked at in one transaction
MOST_BY_HAND = 1000  # answers that are chosen at once


class StillServes(Exception):  # noqa: N818  # says what is the case, and what to do
    """The version is the one that answers now, so nobody could check what it said."""


def begin(version: ModelVersion, **fields: Any) -> Recall:
    """Withdraw a version, or go on where its recall was stopped; the last one again where nothing
    of the version is left. Raises StillServes."""
    if installed_models.serves(version.digest):
        raise StillServes(version.name)
    last = Recall.objects.filter(model=version).first()
    if last and is_over(last) and last.finished_at and not _left(version):
        return last
    return Recall.objects.begin(version, **fields)


def _left(version: ModelVersion) -> bool:
    return _to_check(Prediction.objects.filter(model=version)).exists()


def again(predictions: PredictionQuerySet, **fields: Any) -> int:
    """Ask the model that serves about these answers again, whoever gave them; returns how many
    that are."""
    with transaction.atomic():
        ids = list(_to_check(predictions).values_list("pk", flat=True)[:MOST_BY_HAND])
        if ids:
            recall = Recall.objects.create(marked_at=timezone.now(), **fields)
            _add(recall, ids)
            transaction.on_commit(bell.ring, robust=True)
    return len(ids)


def find(recall: Recall) -> Iterator[int]:
    """Give each answer of the version its Correction; yields how many were looked at so far.

    The table is walked by its key: whichever index the database would choose for one version, a
    page then costs what a page costs.
    """
    rows, last, seen = Prediction.objects.order_by("pk"), None, 0
    while page := _page(rows.filter(pk__gt=last) if last else rows):
        theirs = [pk for pk, model, status in page if (model, status) == _of(recall)]
        _add(recall, theirs)
        bell.ring()
        last, seen = page[-1][0], seen + len(page)
        yield seen
    Recall.objects.filter(pk=recall.pk, marked_at=None).update(marked_at=timezone.now())


def _page(rows: PredictionQuerySet) -> list[tuple[uuid.UUID, int | None, str]]:
    return list(rows.values_list("pk", "model_id", "status")[:PAGE])


def _of(recall: Recall) -> tuple[int | None, str]:
    return recall.model_id, Status.SUCCEEDED


def _add(recall: Recall, predictions: list[uuid.UUID]) -> None:
    rows = [Correction(recall=recall, prediction_id=pk) for pk in predictions]
    Correction.objects.bulk_create(rows, ignore_conflicts=True)


def _to_check(predictions: PredictionQuerySet) -> PredictionQuerySet:
    rows = predictions.filter(status=Status.SUCCEEDED, image__isnull=False)
    return rows.filter(image__trashed_at=None, image__quarantined_at=None).order_by("pk")


def settle() -> int:
    """Complete the recalls of which nothing is left; returns how many."""
    Correction.objects.skip_unreachable()
    return sum(_settle(recall) for recall in Recall.objects.running().select_related("model"))


def _settle(recall: Recall) -> int:
    if recall.marked_at is None:
        for _seen in find(recall):
            pass
    if recall.corrections.unfinished().exists() or _late(recall):
        return 0
    return Recall.objects.filter(pk=recall.pk).complete()


def _late(recall: Recall) -> bool:
    """Whether a worker may still publish, or has published, what was not there when the answers
    were found."""
    if recall.model is None:
        return False
    rows = _to_check(Prediction.objects.filter(model=recall.model))
    late = list(rows.exclude(corrections__recall=recall).values_list("pk", flat=True)[:PAGE])
    _add(recall, late)
    return bool(late) or Worker.objects.alive().filter(model=recall.model).exists()


def is_over(recall: Recall) -> bool:
    """Whether nothing more happens of itself: it is complete, or was stopped."""
    return not Recall.objects.running().filter(pk=recall.pk).exists()
