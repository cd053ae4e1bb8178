"""A prediction: the row that is the job, from the question to the answer.

Contracts that hold here (docs/architecture.md): the row is the truth, a message only a bell; a
claim raises `attempt` and sets a lease and a fence; a result is one conditional UPDATE that names
the fence. Each change of status is one UPDATE whose row count tells whether it happened.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, cast

from django.conf import settings
from django.db import connections, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.ids import uuid7
from classifier.models.image import Image
from classifier.models.model_version import ModelVersion
from classifier.models.owner import Owned, OwnedQuerySet
from classifier.problems import Problem


class Status(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELED = "canceled", _("canceled")
    EXPIRED = "expired", _("expired")


# From a status to those that may follow it. What leads nowhere is final and never changes.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.CANCELED, Status.EXPIRED}),
    Status.RUNNING: frozenset(
        {Status.QUEUED, Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.EXPIRED}
    ),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELED: frozenset(),
    Status.EXPIRED: frozenset(),
}
FINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)
INTERACTIVE, BATCH = 0, 1


@dataclass(frozen=True)
class Result:
    """One answer: the probabilities in the order of the model's classes, and the likeliest."""

    label: str
    confidence: float
    probabilities: list[float]


class PredictionQuerySet(OwnedQuerySet["Prediction"]):
    def ask(self, image: Image, priority: int = INTERACTIVE) -> "Prediction":
        """Queue a prediction for an image; its owner is the image's. Ringing is the caller's."""
        return self.create(image=image, priority=priority, owner=image.owner, visitor=image.visitor)

    def waiting(self) -> Self:
        return self.filter(status=Status.QUEUED)

    def unfinished(self) -> Self:
        return self.exclude(status__in=FINAL)

    def lost(self) -> Self:
        """Claimed by a worker that has not answered within its lease."""
        return self.filter(status=Status.RUNNING, lease_until__lt=Now())

    def claim(self, limit: int, worker: str) -> list["Prediction"]:
        """Take up to `limit` waiting rows for `worker`: interactive first, oldest first.

        A row that was claimed before is taken alone: it may be what ended its last worker, and
        must not use up the attempts of others.
        """
        fence = uuid.uuid4()
        with transaction.atomic(using=self.db):
            ids = self._next_ids(limit)
            self.filter(pk__in=ids)._move(
                Status.RUNNING,
                attempt=F("attempt") + 1,
                fence=fence,
                lease_until=Now() + timedelta(seconds=settings.LEASE_SECONDS),
                started_at=Now(),
                worker=worker,
            )
        if not ids:
            return []
        claimed = self.filter(pk__in=ids, fence=fence).select_related("image")
        return list(claimed.order_by("priority", "queued_at", "pk"))

    def _next_ids(self, limit: int) -> list[uuid.UUID]:
        # SQLite has no row locks and needs none: the transaction holds the only write lock.
        rows = self.waiting().order_by("priority", "queued_at", "pk")
        rows = rows.select_for_update(skip_locked=True, of=("self",))
        head = list(rows.values_list("pk", "attempt")[:limit])
        if head and head[0][1] > 0:
            return [head[0][0]]
        return [pk for pk, attempt in head if attempt == 0]

    def publish(
        self, fence: uuid.UUID, model: ModelVersion, results: dict[uuid.UUID, Result]
    ) -> int:
        """Write the results of claimed rows; returns how many were still held under `fence`.

        One prepared statement for all rows, in one transaction: through `bulk_update` the
        same rows cost sixty times as much.
        """
        connection = connections[self.db]
        with transaction.atomic(using=self.db), connection.cursor() as cursor:
            cursor.executemany(
                PUBLISH,
                [_publish_row(connection, pk, fence, model, r) for pk, r in results.items()],
            )
            return int(cursor.rowcount)

    def give_back(self, fence: uuid.UUID, pk: uuid.UUID, code: str) -> None:
        """Return a claimed row that could not be answered: to the queue, or as failed with `code`
        once its attempts are used up."""
        held = self.filter(pk=pk, fence=fence, status=Status.RUNNING)
        held._retry_or_fail(code)

    def free_lost(self) -> int:
        """Return the rows of silent workers to the queue, or fail them; returns how many."""
        return self.lost()._retry_or_fail("ATTEMPTS_EXHAUSTED")

    def _retry_or_fail(self, code: str) -> int:
        failed = self.filter(attempt__gte=settings.MAX_ATTEMPTS)._move(
            Status.FAILED, finished_at=Now(), error_code=code, fence=None, lease_until=None
        )
        retried = self.filter(attempt__lt=settings.MAX_ATTEMPTS)._move(
            Status.QUEUED, fence=None, lease_until=None
        )
        return failed + retried

    def _move(self, to: Status, **fields: Any) -> int:
        """The one way to change a status: only from where TRANSITIONS allows it."""
        sources = [status for status, following in TRANSITIONS.items() if to in following]
        return self.filter(status__in=sources).update(status=to, **fields)


PUBLISH = """
UPDATE classifier_prediction
SET status = 'succeeded', label = %s, confidence = %s, probabilities = %s, model_id = %s,
    finished_at = %s, fence = NULL, lease_until = NULL
WHERE id = %s AND fence = %s AND status = 'running'
"""


def _publish_row(
    connection: Any, pk: uuid.UUID, fence: uuid.UUID, model: ModelVersion, result: Result
) -> list[Any]:
    values = {
        "label": result.label,
        "confidence": result.confidence,
        "probabilities": result.probabilities,
        "model": model.pk,
        "finished_at": timezone.now(),
        "id": pk,
        "fence": fence,
    }
    return [_field(name).get_db_prep_save(value, connection) for name, value in values.items()]


def _field(name: str) -> "models.Field[Any, Any]":
    return cast("models.Field[Any, Any]", Prediction._meta.get_field(name))


class Prediction(Owned):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    image = models.ForeignKey(
        Image, models.CASCADE, related_name="predictions", verbose_name=_("image")
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.QUEUED
    )
    priority = models.PositiveSmallIntegerField(default=INTERACTIVE)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    fence = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    queued_at = models.DateTimeField(_("queued"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    model = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, verbose_name=_("model")
    )
    label = models.CharField(_("label"), max_length=100, blank=True)
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    probabilities = models.JSONField(null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=50, blank=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        verbose_name = _("prediction")
        verbose_name_plural = _("predictions")
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("owner", "-created_at", "-id"), name="prediction_of_owner"),
            models.Index(fields=("visitor", "-created_at", "-id"), name="prediction_of_visitor"),
            models.Index(
                fields=("priority", "queued_at", "id"),
                name="prediction_waiting",
                condition=Q(status=Status.QUEUED),
            ),
            models.Index(
                fields=("lease_until",),
                name="prediction_claimed",
                condition=Q(status=Status.RUNNING),
            ),
            models.Index(fields=("-created_at", "-id"), name="prediction_newest"),
        )
        constraints = (
            models.CheckConstraint(
                name="prediction_status_known", condition=Q(status__in=Status.values)
            ),
            models.CheckConstraint(
                name="prediction_running_is_held",
                condition=Q(status=Status.RUNNING, fence__isnull=False, lease_until__isnull=False)
                | (~Q(status=Status.RUNNING) & Q(fence__isnull=True, lease_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="prediction_final_is_finished",
                condition=Q(status__in=sorted(FINAL), finished_at__isnull=False)
                | (~Q(status__in=sorted(FINAL)) & Q(finished_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="prediction_succeeded_has_result",
                condition=~Q(status=Status.SUCCEEDED)
                | Q(
                    model__isnull=False,
                    confidence__isnull=False,
                    probabilities__isnull=False,
                    label__gt="",
                ),
            ),
            models.CheckConstraint(
                name="prediction_failed_has_code",
                condition=~Q(status=Status.FAILED) | Q(error_code__gt=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.id}: {self.label or self.get_status_display()}"

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    def top(self, k: int = 3) -> list[dict[str, Any]]:
        """The k likeliest labels with their confidence, likeliest first; [] without a result."""
        return self.model.top(self.probabilities, k) if self.model and self.probabilities else []

    @property
    def problem(self) -> Problem | None:
        """Why it failed; None where it did not."""
        return Problem(self.error_code) if self.error_code else None

    @property
    def label_localized(self) -> str:
        return self.model.label_name(self.label) if self.model else ""
