"""The random audit as it stands in the tables: what was drawn, and what was said of it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import combinations
from uuid import UUID

from classifier import ids
from classifier.models import Review, ReviewTask, Status, Stream, Verdict
from classifier.models.review_task import ReviewTaskQuerySet
from classifier.statistics.estimate import NONE, Drawn

MOST = 20_000  # of the newest rows that are read, of each kind
Pair = tuple[str, str]


def drawn(since: datetime, model: int | None = None) -> list[Drawn]:
    """The audited answers of pictures sent since then, newest first, the 20,000 newest at most.

    What was deleted has no picture to look at any more and is left out. The range is one of the
    index on (prediction, stream): identifiers sort by time. UUIDs stay in the database, for making
    them takes longer than all else.
    """
    rows = _tasks(since).order_by("-prediction_id")
    if model:
        rows = rows.filter(prediction__model=model)
    columns = rows.values_list(
        "inclusion_probability",
        "prediction__confidence",
        "prediction__label",
        "pk",
        "prediction__model",
        "prediction__created_at",
    )
    said = _truths(since)
    return [
        Drawn(probability, sure, answer, said.get(task), task, model, asked_at)
        for probability, sure, answer, task, model, asked_at in columns[:MOST]
        if probability is not None and sure is not None
    ]


def _tasks(since: datetime) -> ReviewTaskQuerySet:
    return ReviewTask.objects.filter(
        stream=Stream.AUDIT,
        prediction_id__gte=ids.first_at(since),
        prediction__status=Status.SUCCEEDED,
        prediction__deleted_at=None,
        prediction__image__isnull=False,
        prediction__image__trashed_at=None,
    )


def _truths(since: datetime) -> dict[int, str]:
    """What the image of each task is taken to show: the newest standing word about it."""
    task = "image__predictions__review_tasks"
    about = Review.objects.standing().filter(
        **{f"{task}__stream": Stream.AUDIT, f"{task}__prediction_id__gte": ids.first_at(since)}
    )
    rows = about.order_by("pk").values_list(f"{task}__pk", "verdict", "label")
    return {pk: _truth(verdict, label) for pk, verdict, label in rows}


def _truth(verdict: str, label: str) -> str:
    return NONE if verdict == Verdict.NONE else label


def pairs(since: datetime) -> dict[tuple[str, str], list[Pair]]:
    """For every two reviewers who looked at the same images, by name: what the one and the other
    said of each, the last time they said it. Of the 20,000 newest reviews at most."""
    rows = Review.objects.standing().filter(created_at__gte=since, reviewer__isnull=False)
    columns = rows.order_by("-created_at", "-pk").values_list(
        "image", "reviewer__username", "verdict", "label"
    )
    said: dict[UUID, dict[str, str]] = defaultdict(dict)
    for image, reviewer, verdict, label in columns[:MOST]:
        said[image].setdefault(reviewer, _truth(verdict, label))
    return _paired(said.values())


def _paired(images: Iterable[dict[str, str]]) -> dict[tuple[str, str], list[Pair]]:
    found: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for by_reviewer in images:
        for first, second in combinations(sorted(by_reviewer), 2):
            found[first, second].append((by_reviewer[first], by_reviewer[second]))
    return dict(found)
