"""A batch: many predictions that are sent, watched, canceled and fetched as one.

Its state and counts are derived from its items, so they cannot disagree with them.
"""

import math
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.db import models, transaction
from django.db.models import Count, Exists, Min, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.ids import uuid7
from classifier.models.idempotency import IdempotencyKey
from classifier.models.image import Image
from classifier.models.owner import Owned, OwnedQuerySet
from classifier.models.prepared import Prepared
from classifier.models.status import UNFINISHED, Status
from classifier.models.webhook_delivery import WebhookDelivery

RATE_WINDOW = timedelta(seconds=30)  # over which the live rate is taken
PACE_SECONDS, MOST_PACES = 2.0, 1000  # for which a batch's pace is kept, and for how many
SETTLED_SECONDS = 3600.0  # for which that of one is kept of which all is answered
Pace = tuple[datetime | None, int, datetime]  # of Progress: started_at, recent, counted_at
PACES: dict[uuid.UUID, tuple[float, Pace]] = {}  # by batch, since when
NO_PACE: tuple[float, Pace] = (-math.inf, (None, 0, datetime.min))
ABANDONED_AFTER = timedelta(minutes=2)  # an intake that was silent for so long is dead
FORGOTTEN_AT_ONCE = 200  # items, within the request that refuses them


class BatchStatus(models.TextChoices):
    VALIDATING = "validating", _("validating")
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    CANCELING = "canceling", _("canceling")
    COMPLETED = "completed", _("completed")
    CANCELED = "canceled", _("canceled")


class BatchQuerySet(OwnedQuerySet["Batch"]):
    def settle(self, ids: Iterable[uuid.UUID] | None = None) -> int:
        """Mark as finished the batches whose items all are; returns how many."""
        rows = self
        if ids is not None:
            rows = self.filter(pk__in=(chosen := list(ids)))
            # After each micro-batch of one batch this is asked, and nearly always in vain.
            if len(chosen) == 1 and not DONE.rows(*chosen, using=self.db):
                return 0
        with transaction.atomic(using=self.db):
            done = list(rows._done().order_by("pk").select_for_update(of=("self",)))
            now = timezone.now()
            self.filter(pk__in=[batch.pk for batch in done]).update(finished_at=now)
            for batch in done:
                batch.tell()
        return len(done)

    def _done(self) -> Self:
        """Sealed, not marked as finished, and without an unfinished item."""
        items = Batch.items.rel.related_model._default_manager
        unfinished = items.filter(batch=OuterRef("pk"), status__in=UNFINISHED)
        return self.filter(sealed_at__isnull=False, finished_at=None).exclude(Exists(unfinished))

    def abandoned(self) -> "BatchQuerySet":
        """Begun, never sealed, and not touched for a while: their request died."""
        return self.filter(sealed_at=None, touched_at__lt=timezone.now() - ABANDONED_AFTER)


DONE = Prepared(lambda pk: Batch.objects.filter(pk=pk)._done().values_list("pk"), uuid.UUID(int=1))


@dataclass(frozen=True)
class Progress:
    """What a batch's items say of it: the counts of now, the pace of a moment ago at most."""

    counts: dict[str, int]
    started_at: datetime | None
    recent: int  # items finished within RATE_WINDOW
    counted_at: datetime  # when they were

    @property
    def unfinished(self) -> int:
        return sum(self.counts[status] for status in UNFINISHED)

    @property
    def outcome(self) -> str:
        succeeded, total = self.counts[Status.SUCCEEDED], self.counts["total"]
        if succeeded == total:
            return "all_succeeded"
        return "partial" if succeeded else "none_succeeded"

    @property
    def estimated_finish_at(self) -> datetime | None:
        """At the live rate; None while there is none."""
        if not self.unfinished or not self.recent or self.started_at is None:
            return None
        window = min(RATE_WINDOW, self.counted_at - self.started_at)
        return timezone.now() + window / self.recent * self.unfinished


class Batch(Owned):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    metadata = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    touched_at = models.DateTimeField(default=timezone.now)
    sealed_at = models.DateTimeField(_("sealed"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(_("cancel requested"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("owner", "-created_at", "-id"), name="batch_of_owner"),
            models.Index(fields=("visitor", "-created_at", "-id"), name="batch_of_visitor"),
            models.Index(fields=("touched_at",), name="batch_open", condition=Q(finished_at=None)),
        )

    def __str__(self) -> str:
        return str(self.id)

    def progress(self) -> Progress:
        # By the index alone, so that who polls a large batch often costs little.
        tallied = self.items.order_by().values_list("status").annotate(number=Count("*"))
        counts = {status.value: 0 for status in Status} | dict(tallied)
        is_begun = bool(counts[Status.RUNNING] or counts[Status.SUCCEEDED])
        is_open = self.finished_at is None or any(counts[status] for status in UNFINISHED)
        pace = self._pace(is_begun, PACE_SECONDS if is_open else SETTLED_SECONDS)
        return Progress({"total": sum(counts.values()), **counts}, *pace)

    def _pace(self, is_begun: bool, kept: float) -> Pace:
        """When its first item was begun, and how many were finished lately. That reads every row,
        so it is kept for some seconds; but not that nothing was begun, once something is."""
        since, pace = PACES.get(self.pk, NO_PACE)
        if time.monotonic() - since < kept and (pace[0] or not is_begun):
            return pace
        now = timezone.now()
        lately = Q(finished_at__gte=now - RATE_WINDOW, started_at__isnull=False)
        found = self.items.aggregate(first=Min("started_at"), recent=Count("pk", filter=lately))
        if len(PACES) >= MOST_PACES:
            PACES.clear()
        pace = (found["first"], found["recent"], now)
        PACES[self.pk] = (time.monotonic(), pace)
        return pace

    def status_with(self, progress: Progress) -> BatchStatus:
        if self.sealed_at is None:
            return BatchStatus.VALIDATING
        if self.cancel_requested_at:
            return BatchStatus.CANCELING if progress.unfinished else BatchStatus.CANCELED
        if not progress.unfinished:
            return BatchStatus.COMPLETED
        all_wait = progress.counts[Status.QUEUED] == progress.unfinished
        fresh = progress.started_at is None
        return BatchStatus.QUEUED if all_wait and fresh else BatchStatus.RUNNING

    def tell(self) -> None:
        """Webhooks for its end."""
        if self.owner_id is None:
            return
        status = BatchStatus.CANCELED if self.cancel_requested_at else BatchStatus.COMPLETED
        data = {"id": str(self.pk), "status": status.value, "url": f"/api/v1/batches/{self.pk}"}
        WebhookDelivery.objects.record(f"batch.{status}", [(self.owner_id, data)])

    def touch(self) -> None:
        """Its request is alive."""
        Batch.objects.filter(pk=self.pk).update(touched_at=timezone.now())

    @property
    def abandoned_at(self) -> datetime:
        return self.touched_at + ABANDONED_AFTER

    def seal(self) -> None:
        """All items are in."""
        self.sealed_at = timezone.now()
        Batch.objects.filter(pk=self.pk, sealed_at=None).update(sealed_at=self.sealed_at)
        Batch.objects.settle([self.pk])

    def refuse(self) -> None:
        """Undo an intake that was refused: at once where little has come in. Else the sweep does,
        as erasing each picture takes longer than anybody waits for a refusal."""
        if self.items.count() <= FORGOTTEN_AT_ONCE:
            return self.forget()
        self.items.all().cancel()
        Batch.objects.filter(pk=self.pk).update(touched_at=timezone.now() - ABANDONED_AFTER)

    def forget(self) -> None:
        """Undo an intake that was refused or died: pictures, items and the batch itself. Whoever
        repeats its request begins anew."""
        self.items.all().cancel()
        brought = Image.objects.filter(predictions__batch=self, created_at__gte=self.created_at)
        Image.objects.erase_each(brought.distinct())
        IdempotencyKey.objects.filter(resource=self.pk).delete()
        self.delete()

    def cancel(self) -> None:
        """Stop what is not finished. What is done stays."""
        asked = Batch.objects.filter(pk=self.pk, cancel_requested_at=None, finished_at=None)
        asked.update(cancel_requested_at=timezone.now())
        self.items.all().cancel()
        Batch.objects.settle([self.pk])
