"""Exports: a filter of one's predictions as a file, written by the jobs process."""

import logging
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier import bell
from classifier.ids import uuid7
from classifier.models.idempotency import IdempotencyKey
from classifier.models.owner import Owned, OwnedQuerySet, Owner, hold
from classifier.models.webhook_delivery import WebhookDelivery
from classifier.models.work_queue import QueueName, WorkQueue
from classifier.problems import Problem

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)  # renewed as the file grows
KEPT = timedelta(days=7)
MAX_ATTEMPTS = 3
DATASET = "reviewed"  # in a filter: no filter of predictions, and nothing the API takes


class ExportFormat(models.TextChoices):
    CSV = "csv", "CSV"
    JSONL = "jsonl", "JSON lines"
    ZIP = "zip", "ZIP"


class ExportStatus(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")


class ExportQuerySet(OwnedQuerySet["Export"]):
    def waiting(self) -> "ExportQuerySet":
        """To be written: new ones, and those whose writer has fallen silent."""
        lost = Q(status=ExportStatus.RUNNING, lease_until__lt=Now())
        return self.filter(Q(status=ExportStatus.QUEUED) | lost)

    def claim(self) -> "Export | None":
        fence = uuid.uuid4()
        with transaction.atomic():
            spent = self.waiting().filter(attempt__gte=MAX_ATTEMPTS)
            spent.update(
                status=ExportStatus.FAILED,
                error_code="ATTEMPTS_EXHAUSTED",
                finished_at=timezone.now(),
            )
            rows = self.waiting().filter(WorkQueue.objects.gives_out(QueueName.EXPORTS))
            rows = rows.order_by("created_at", "pk").select_for_update(skip_locked=True)
            if (first := rows.values_list("pk", flat=True).first()) is None:
                return None
            self.waiting().filter(pk=first).update(
                status=ExportStatus.RUNNING,
                fence=fence,
                lease_until=Now() + LEASE,
                attempt=F("attempt") + 1,
            )
        return self.filter(pk=first, fence=fence).first()

    def open_to(self, owner: Owner) -> "ExportQuerySet":
        """One's own; data sets, which hold everybody's pictures, only while one is staff."""
        rows = self.owned_by(owner)
        staff = owner.user is not None and owner.user.is_staff
        return rows if staff else rows.exclude(filter__has_key=DATASET)

    def check_limit(self, owner: Owner) -> None:
        """Raises Problem where the owner has enough of them, for the transaction that adds one.
        What failed takes no room, and data sets are asked for by staff alone."""
        if owner.user:
            hold(owner.user)
        rows = self.owned_by(owner).exclude(status=ExportStatus.FAILED)
        if rows.exclude(filter__has_key=DATASET).count() >= settings.EXPORT_LIMIT:
            raise Problem("EXPORT_LIMIT")

    def ask_dataset(self, user: User, wanted: dict[str, Any], total: int) -> "Export":
        """Have the reviewed pictures written, as `classifier.dataset` selects them."""
        kept = {DATASET: {**wanted, "total": total}}
        with transaction.atomic():
            export = self.create(owner=user, format=ExportFormat.ZIP, filter=kept)
            transaction.on_commit(Export.ring)
        return export

    def erase_each(self) -> None:
        """Each with its file; one whose file cannot be deleted now stays."""
        for export in self:
            try:
                export.erase()
            except OSError:
                logger.exception("The file of the export %s cannot be deleted", export.pk)

    def expired(self) -> "ExportQuerySet":
        return self.filter(created_at__lt=timezone.now() - KEPT)


class Export(Owned):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    format = models.CharField(_("format"), max_length=5, choices=ExportFormat.choices)
    filter = models.JSONField(_("filter"), default=dict)
    status = models.CharField(
        _("status"), max_length=10, choices=ExportStatus.choices, default=ExportStatus.QUEUED
    )
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    fence = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    file = models.FileField(_("file"), blank=True, max_length=120)
    byte_size = models.PositiveBigIntegerField(_("bytes"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=50, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(
                fields=("created_at", "id"),
                name="export_waiting",
                condition=Q(status__in=("queued", "running")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.format} {self.id}"

    @property
    def dataset(self) -> dict[str, Any] | None:
        """What is asked of the reviewed pictures; None where one's own predictions are wanted."""
        asked: dict[str, Any] | None = self.filter.get(DATASET)
        return asked

    @property
    def problem(self) -> Problem | None:
        return Problem(self.error_code) if self.error_code else None

    @property
    def expires_at(self) -> object:
        return self.created_at + KEPT

    def hold_on(self, rows: int) -> bool:
        """Renew the lease; False once somebody else has it, or nobody wants it any more."""
        return bool(self._mine().update(lease_until=Now() + LEASE, rows=rows))

    def ready(self, name: str, size: int, rows: int) -> bool:
        with transaction.atomic():
            fields = {"file": name, "byte_size": size, "rows": rows, "fence": None}
            done = self._mine().update(
                status=ExportStatus.READY, finished_at=timezone.now(), lease_until=None, **fields
            )
            if done and self.owner_id:
                data = {"id": str(self.pk), "status": "ready", "url": f"/api/v1/exports/{self.pk}"}
                WebhookDelivery.objects.record("export.ready", [(self.owner_id, data)])
        return bool(done)

    def _mine(self) -> models.QuerySet["Export"]:
        return Export.objects.filter(pk=self.pk, fence=self.fence, status=ExportStatus.RUNNING)

    def give_back(self) -> None:
        """Let it wait again, as if nobody had tried."""
        self._mine().update(
            status=ExportStatus.QUEUED, attempt=F("attempt") - 1, fence=None, lease_until=None
        )

    def erase(self) -> None:
        """With its file, and the key under which it was asked for."""
        if self.file and self.file.name:
            self.file.storage.delete(self.file.name)
        IdempotencyKey.objects.filter(resource=self.pk).delete()
        self.delete()

    @staticmethod
    def ring() -> None:
        bell.ring(bell.EXPORTS)
