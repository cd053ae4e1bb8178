"""The queues as people see them: how much waits in each, for how long, and whether it is open.

What waits and what runs is asked for apart: both at once would fit neither of the indexes that hold
the one or the other alone, and the whole table would be gone through.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, QuerySet

from classifier.models import Correction, Export, Prediction, Status, TrialAnswer, WebhookDelivery
from classifier.models import WorkQueue as Queue
from classifier.models.correction import CorrectionStatus
from classifier.models.export import ExportStatus
from classifier.models.trial import OPEN as OPEN_TRIALS
from classifier.models.webhook_delivery import DeliveryStatus
from classifier.models.work_queue import PRIORITIES, QueueName, QueueState

Rows = QuerySet[Any]


@dataclass(frozen=True)
class Depth:
    """One queue now."""

    name: QueueName
    state: QueueState
    since: datetime | None  # of that state; None where it never was another
    waiting: int
    running: int
    oldest: datetime | None  # of those that wait, when it was queued


@dataclass(frozen=True)
class Work:
    """What of a queue is not done."""

    waiting: Rows
    running: Rows  # few: what workers hold
    moment: str = "created_at"  # the column that says since when it waits

    def any_until(self, moment: datetime) -> bool:
        """Whether anything is left of what was there at that time."""
        left = self.waiting.filter(created_at__lte=moment)
        # Compared here: the database would rather walk all that was ever created until then.
        begun = self.running.order_by().values_list("created_at", flat=True)
        # Asked for once more at the end: what ran may have been given back in between.
        return left.exists() or any(each <= moment for each in begun) or left.exists()


def depths() -> list[Depth]:
    rows = {row.name: row for row in Queue.objects.all()}
    return [_depth(name, rows.get(name)) for name in QueueName]


def _depth(name: QueueName, row: Queue | None) -> Depth:
    work = WORK[name]()
    found = work.waiting.aggregate(waiting=Count("pk"), oldest=Min(work.moment))
    state = QueueState(row.state) if row else QueueState.OPEN
    since = row.since if row else None
    return Depth(name, state, since, running=work.running.count(), **found)


def settle_drained() -> None:
    """Pause the draining queues of which all that they were to give out is done."""
    for row in Queue.objects.filter(state=QueueState.DRAINING):
        if not WORK[row.name]().any_until(row.since):
            Queue.objects.drained(row.name)


def _predictions(name: QueueName) -> Work:
    (priority,) = [each for each, queue in PRIORITIES.items() if queue == name]
    rows = Prediction.objects.filter(priority=priority)
    running = rows.filter(status=Status.RUNNING)
    return Work(rows.filter(status=Status.QUEUED), running, "queued_at")


def _corrections() -> Work:
    """Of recalls that were stopped only what a worker still holds: the rest is given to nobody."""
    rows = Correction.objects.all()
    return Work(rows.waiting(), rows.filter(status=CorrectionStatus.RUNNING))


def _trials() -> Work:
    rows = TrialAnswer.objects.pending().filter(trial__status__in=OPEN_TRIALS)
    return Work(rows, rows.none())


def _deliveries() -> Work:
    return _held_apart(
        WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING, endpoint__enabled=True)
    )


def _exports() -> Work:
    open_ones = (ExportStatus.QUEUED, ExportStatus.RUNNING)
    return _held_apart(Export.objects.filter(status__in=open_ones))


def _held_apart(rows: Rows) -> Work:
    return Work(rows.filter(fence=None), rows.exclude(fence=None))


WORK: dict[str, Callable[[], Work]] = {
    QueueName.INTERACTIVE: lambda: _predictions(QueueName.INTERACTIVE),
    QueueName.BATCH: lambda: _predictions(QueueName.BATCH),
    QueueName.RECALL: _corrections,
    QueueName.TRIALS: _trials,
    QueueName.WEBHOOKS: _deliveries,
    QueueName.EXPORTS: _exports,
}
