"""One answer that is asked again: the row is the job, as a prediction is, and what came of it.

The prediction keeps its answer until the new one replaces it, in one transaction with what is told.
"""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.models.model_version import ModelVersion
from classifier.models.prediction import Prediction
from classifier.models.prepared import Prepared
from classifier.models.recall import Recall, RecallStatus
from classifier.models.status import Status
from classifier.models.webhook_delivery import WebhookDelivery
from classifier.models.work_queue import QueueName, WorkQueue

if TYPE_CHECKING:
    from classifier.models.prediction_queue import Result


class CorrectionStatus(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    CHANGED = "changed", _("another label")
    CONFIRMED = "confirmed", _("the same label")
    FAILED = "failed", _("failed")
    SKIPPED = "skipped", _("picture deleted or withheld")


OPEN = (CorrectionStatus.QUEUED, CorrectionStatus.RUNNING)
FREE: dict[str, Any] = {"fence": None, "lease_until": None}
PAGE = 1000  # rows that are closed in one transaction


class CorrectionQuerySet(models.QuerySet["Correction"]):
    def unfinished(self) -> Self:
        return self.filter(status__in=OPEN)

    def waiting(self) -> Self:
        return self.filter(status=CorrectionStatus.QUEUED, recall__status=RecallStatus.RUNNING)

    def any_waits(self) -> bool:
        """Whether any at all is waiting, asked cheaply: a worker does at each bell."""
        return ANY_WAITING.first() is not None

    def lost(self) -> Self:
        return self.filter(status=CorrectionStatus.RUNNING, lease_until__lt=Now())

    def claim(self, limit: int, version: ModelVersion, worker: str) -> list["Correction"]:
        """Take up to `limit`, the oldest recall's first, of those that `version` may answer: no
        version checks itself. As with predictions, one that was tried before is taken alone."""
        fence = uuid.uuid4()
        with transaction.atomic():
            ids = self._next_ids(limit, version)
            self.filter(pk__in=ids, status=CorrectionStatus.QUEUED).update(
                status=CorrectionStatus.RUNNING,
                attempt=F("attempt") + 1,
                fence=fence,
                lease_until=Now() + timedelta(seconds=settings.LEASE_SECONDS),
                worker=worker,
            )
        claimed = self.filter(pk__in=ids, fence=fence).select_related("prediction__image")
        return list(claimed.order_by("pk")) if ids else []

    def _next_ids(self, limit: int, version: ModelVersion) -> list[int]:
        head: list[tuple[int, int]] = []
        # By recall: what stopped ones left queued would all be walked.
        for recall in Recall.objects.running().exclude(model=version).order_by("created_at", "pk"):
            rows = self.filter(recall=recall, status=CorrectionStatus.QUEUED).order_by("pk")
            rows = rows.filter(WorkQueue.objects.gives_out(QueueName.RECALL))
            rows = rows.select_for_update(skip_locked=True, of=("self",))
            head += rows.values_list("pk", "attempt")[: limit - len(head)]
            if len(head) == limit:
                break
        if head and head[0][1] > 0:
            return [head[0][0]]
        return [pk for pk, attempt in head if attempt == 0]

    def publish(self, fence: uuid.UUID, version: ModelVersion, results: dict[int, "Result"]) -> int:
        """Replace the answers of claimed rows; returns how many were still held under `fence`."""
        with transaction.atomic():
            rows = list(self._held(fence).filter(pk__in=results))
            changed = [row for row in rows if row.replace(version, results[row.pk])]
            _tell(changed)
        return len(rows)

    def _held(self, fence: uuid.UUID) -> Self:
        rows = self.filter(fence=fence, status=CorrectionStatus.RUNNING).order_by("pk")
        rows = rows.select_related("prediction__image", "prediction__model")
        return rows.select_for_update(of=("self", "prediction"))

    def give_back(self, fence: uuid.UUID, pk: int, code: str) -> None:
        """Return a claimed row that could not be answered, or fail it after its last attempt."""
        self.filter(pk=pk, fence=fence, status=CorrectionStatus.RUNNING)._retry_or_fail(code)

    def free_lost(self) -> int:
        """Return the rows of silent workers, or fail them; returns how many."""
        return self.lost()._retry_or_fail("ATTEMPTS_EXHAUSTED")

    def _retry_or_fail(self, code: str) -> int:
        # The rows that failed are no longer running, so the second UPDATE passes them over.
        spent = self.filter(attempt__gte=settings.MAX_ATTEMPTS)
        failed = spent.end(CorrectionStatus.FAILED, error_code=code)
        return failed + self.update(status=CorrectionStatus.QUEUED, **FREE)

    def skip_unreachable(self) -> int:
        """Close those whose picture is deleted for good or set aside, among the next of each
        running recall; returns how many. Later ones come to be the next in time."""
        running = Recall.objects.running().order_by().values_list("pk", flat=True)
        return sum(self._skip_unreachable_of(recall) for recall in running)

    def _skip_unreachable_of(self, recall: uuid.UUID) -> int:
        queued = self.filter(recall=recall, status=CorrectionStatus.QUEUED)
        near = list(queued.order_by("pk").values_list("pk", flat=True)[:PAGE])
        gone = Q(prediction__image=None) | Q(prediction__image__quarantined_at__isnull=False)
        # Looked for first: an UPDATE would hold SQLite's only write lock while it looks, and there
        # is nearly always nothing to find.
        ids = list(queued.filter(gone, pk__in=near).values_list("pk", flat=True))
        return queued.filter(gone, pk__in=ids).end(CorrectionStatus.SKIPPED) if ids else 0

    def end(self, status: CorrectionStatus, **fields: Any) -> int:
        return self.update(status=status, finished_at=timezone.now(), **FREE, **fields)


class Correction(models.Model):
    recall = models.ForeignKey(
        Recall, models.CASCADE, related_name="corrections", verbose_name=_("recall")
    )
    prediction = models.ForeignKey(
        Prediction, models.CASCADE, related_name="corrections", verbose_name=_("prediction")
    )
    status = models.CharField(
        _("status"), max_length=10, choices=CorrectionStatus.choices, default=OPEN[0]
    )
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    fence = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=50, blank=True)
    # The answer that was replaced, whole; the one that replaced it stands in the prediction.
    model_before = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="+", null=True, verbose_name=_("answered by")
    )
    label_before = models.CharField(_("said before"), max_length=100, blank=True)
    confidence_before = models.FloatField(_("confidence before"), null=True)
    probabilities_before = models.JSONField(null=True)
    label_after = models.CharField(_("says now"), max_length=100, blank=True)

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer checked again")
        verbose_name_plural = _("answers checked again")
        ordering = ("pk",)
        indexes = (
            models.Index(fields=("id",), name="correction_waiting", condition=Q(status=OPEN[0])),
            models.Index(
                fields=("lease_until",), name="correction_claimed", condition=Q(status=OPEN[1])
            ),
            models.Index(fields=("recall", "status"), name="correction_of_recall"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("recall", "prediction"), name="correction_once_a_recall"
            ),
            models.CheckConstraint(
                name="correction_status_known", condition=Q(status__in=CorrectionStatus.values)
            ),
            models.CheckConstraint(
                name="correction_running_is_held",
                condition=Q(status=OPEN[1], fence__isnull=False, lease_until__isnull=False)
                | (~Q(status=OPEN[1]) & Q(fence__isnull=True, lease_until__isnull=True)),
            ),
        )

    def __str__(self) -> str:
        return f"{self.prediction_id}: {self.label_before} → {self.label_after or self.status}"

    def replace(self, version: ModelVersion, result: "Result") -> bool:
        """Write the new answer in place of the old one, both rows held; returns whether the label
        changed. What is not answered or no longer there is passed over."""
        old, mine = self.prediction, Correction.objects.filter(pk=self.pk)
        if old.status != Status.SUCCEEDED or old.deleted_at or old.is_withheld:
            mine.end(CorrectionStatus.SKIPPED)
            return False
        changed = old.label != result.label
        mine.end(
            CorrectionStatus.CHANGED if changed else CorrectionStatus.CONFIRMED,
            model_before=old.model,
            label_before=old.label,
            confidence_before=old.confidence,
            probabilities_before=old.probabilities,
            label_after=result.label,
        )
        Prediction.objects.filter(pk=old.pk).correct(version, result, old.label if changed else "")
        self.label_after = result.label
        return changed


def _tell(changed: list[Correction]) -> None:
    """Webhooks to whoever got another label before, items of batches included."""
    messages = [
        (row.prediction.owner_id, _message(row))
        for row in changed
        if row.prediction.image and not row.prediction.image.trashed_at
    ]
    WebhookDelivery.objects.record("prediction.corrected", messages)


def _message(row: Correction) -> dict[str, Any]:
    pk, before = row.prediction_id, row.prediction.label
    url = f"/api/v1/predictions/{pk}"
    labels = {"label_before": before, "label": row.label_after}
    return {"id": str(pk), "status": Status.SUCCEEDED.value, "url": url, **labels}


def _recalls_with_waiting() -> QuerySet[Recall, Any]:
    """From the few recalls on: what stopped ones leave queued would all be walked."""
    queued = Correction.objects.filter(recall=OuterRef("pk"), status=CorrectionStatus.QUEUED)
    return Recall.objects.running().filter(Exists(queued)).order_by().values_list("pk")[:1]


ANY_WAITING = Prepared(_recalls_with_waiting)
