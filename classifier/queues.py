"""The queues as people see them: how much waits in each, for how long, and whether it is open."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from classifier.models import Correction, Export, Prediction, Status, TrialAnswer, WebhookDelivery
from classifier.models import WorkQueue as Queue
from classifier.models.correction import CorrectionStatus
from classifier.models.export import ExportStatus
from classifier.models.status import UNFINISHED
from classifier.models.trial import OPEN as OPEN_TRIALS
from classifier.models.webhook_delivery import DeliveryStatus
from classifier.models.work_queue import PRIORITIES, QueueName, QueueState


@dataclass(frozen=True)
class Depth:
    """One queue now."""

    name: QueueName
    state: QueueState
    since: datetime | None  # of that state; None where it never was another
    waiting: int
    running: int
    oldest: datetime | None  # of those that wait, when it was queued


def depths() -> list[Depth]:
    rows = {row.name: row for row in Queue.objects.all()}
    return [_depth(name, rows.get(name)) for name in QueueName]


def _depth(name: QueueName, row: Queue | None) -> Depth:
    waits, runs, moment = WAITING[name]
    found = unfinished(name).aggregate(
        waiting=Count("pk", filter=waits),
        running=Count("pk", filter=runs),
        oldest=Min(moment, filter=waits),
    )
    state = QueueState(row.state) if row else QueueState.OPEN
    return Depth(name, state, row.since if row else None, **found)


def unfinished(name: str) -> "QuerySet[Any]":
    """What of this queue is not done."""
    for priority, queue in PRIORITIES.items():
        if name == queue:
            return Prediction.objects.filter(priority=priority, status__in=sorted(UNFINISHED))
    rows: QuerySet[Any] = OTHERS[name]()
    return rows


def settle_drained() -> None:
    """Pause the draining queues of which all that they were to give out is done."""
    for row in Queue.objects.filter(state=QueueState.DRAINING):
        if not unfinished(row.name).filter(created_at__lte=row.since).exists():
            Queue.objects.drained(row.name)


OTHERS: dict[str, Any] = {
    QueueName.RECALL: lambda: Correction.objects.unfinished(),
    QueueName.TRIALS: lambda: TrialAnswer.objects.pending().filter(trial__status__in=OPEN_TRIALS),
    QueueName.WEBHOOKS: lambda: WebhookDelivery.objects.filter(
        status=DeliveryStatus.PENDING, endpoint__enabled=True
    ),
    QueueName.EXPORTS: lambda: Export.objects.filter(
        status__in=(ExportStatus.QUEUED, ExportStatus.RUNNING)
    ),
}
_PREDICTION = (Q(status=Status.QUEUED), Q(status=Status.RUNNING), "queued_at")
_HELD = Q(fence__isnull=False)
WAITING: dict[str, tuple[Q, Q, str]] = {  # what waits, what runs, since when
    QueueName.INTERACTIVE: _PREDICTION,
    QueueName.BATCH: _PREDICTION,
    QueueName.RECALL: (
        Q(status=CorrectionStatus.QUEUED),
        Q(status=CorrectionStatus.RUNNING),
        "created_at",
    ),
    QueueName.TRIALS: (Q(), Q(pk__in=[]), "created_at"),
    QueueName.WEBHOOKS: (~_HELD, _HELD, "created_at"),
    QueueName.EXPORTS: (~_HELD, _HELD, "created_at"),
}
