"""A delivery: one event for one endpoint, from the transaction that caused it to a 2xx.

Like a prediction, the row is the job: a claim raises `attempt` and sets a lease and a fence, an
outcome is one conditional UPDATE that names the fence. A sender that dies between sending and
recording leaves a row that is sent again under the same id: at least once, never lost.
"""

import json
import random
import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier import bell
from classifier.ids import uuid7
from classifier.models.webhook import Event, WebhookEndpoint
from classifier.models.work_queue import QueueName, WorkQueue

# Between the attempts; each is lengthened by up to a tenth, so that a crowd does not stay one.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
MAX_DELIVERY_ATTEMPTS = len(PAUSES) + 1
LONGEST_PAUSE = timedelta(hours=24)
LEASE = timedelta(seconds=90)  # resolving the name and then sending take less
LARGEST_PAYLOAD = 20_000  # bytes
LOG_LENGTH = MAX_DELIVERY_ATTEMPTS
KEPT = timedelta(days=30)


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("failed")


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def record(
        self, event: str, user_ids_to_data: Iterable[tuple[int | None, Mapping[str, Any]]]
    ) -> int:
        """Note what is to be told, one row an endpoint; returns how many.

        Called in the transaction that changes the row it tells of. `data` holds at least `id`,
        `status` and `url`. Visitors, whose user id is None, have no endpoints.
        """
        told = [(user_id, data) for user_id, data in user_ids_to_data if user_id is not None]
        if not told:
            return 0
        endpoints = WebhookEndpoint.objects.subscribed(event, (user_id for user_id, _data in told))
        if not endpoints:
            return 0
        rows = [
            self.model(endpoint=each, event=event, payload=body, next_attempt_at=Now())
            for user_id, body in [(user_id, payload(event, data)) for user_id, data in told]
            for each in endpoints
            if each.user_id == user_id
        ]
        transaction.on_commit(_ring)
        return len(self.bulk_create(rows))

    def record_test(self, endpoint: WebhookEndpoint) -> "WebhookDelivery":
        body = payload(Event.TEST, {"id": str(endpoint.pk), "status": "test"})
        row = self.create(endpoint=endpoint, event=Event.TEST, payload=body, next_attempt_at=Now())
        row.refresh_from_db()
        transaction.on_commit(_ring)
        return row

    def idle(self) -> Self:
        """Held by nobody. PostgreSQL looks at the row itself again once it has locked it, which it
        does not do for a subquery, so a claim cannot rest on `busy` below alone."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lt=Now()))

    def due(self) -> Self:
        """What may be sent now: one at a time to an endpoint, so that a slow receiver takes one
        sender and not all of them. (Two at the same instant may slip through; each row is held
        by one all the same.)"""
        busy = WebhookDelivery.objects.filter(endpoint=OuterRef("endpoint"), lease_until__gt=Now())
        return self.idle().filter(
            ~Exists(busy),
            status=DeliveryStatus.PENDING,
            next_attempt_at__lte=Now(),
            attempt__lt=MAX_DELIVERY_ATTEMPTS,
            endpoint__enabled=True,
        )

    def claim(self) -> "WebhookDelivery | None":
        """Take the delivery that is due for longest; None where nothing is."""
        fence = uuid.uuid4()
        with transaction.atomic(using=self.db):
            rows = self.due().filter(WorkQueue.objects.gives_out(QueueName.WEBHOOKS))
            rows = rows.order_by("next_attempt_at", "pk")
            rows = rows.select_for_update(skip_locked=True, of=("self",))
            pk = rows.values_list("pk", flat=True).first()
            if pk is None:
                return None
            self.idle().filter(pk=pk, status=DeliveryStatus.PENDING).update(
                attempt=F("attempt") + 1, fence=fence, lease_until=Now() + LEASE
            )
        return self.filter(pk=pk, fence=fence).select_related("endpoint").first()

    def held(self, row: "WebhookDelivery") -> Self:
        """The row, as long as nobody has claimed it anew."""
        return self.filter(pk=row.pk, fence=row.fence, status=DeliveryStatus.PENDING)

    def mark_delivered(self, row: "WebhookDelivery", entry: dict[str, Any]) -> int:
        return self.held(row)._finish(
            DeliveryStatus.DELIVERED, row.noted(entry), delivered_at=Now(), last_error=""
        )

    def mark_failed(self, row: "WebhookDelivery", entry: dict[str, Any]) -> int:
        """Give up. The row stays and can be replayed."""
        return self.held(row)._finish(DeliveryStatus.FAILED, row.noted(entry))

    def retry(
        self, row: "WebhookDelivery", entry: dict[str, Any], not_before: timedelta = timedelta(0)
    ) -> int:
        """Schedule the next attempt, or give up after the last. `not_before` is the receiver's
        wish, which is heard up to a day."""
        if row.attempt >= MAX_DELIVERY_ATTEMPTS:
            return self.mark_failed(row, entry)
        pause = PAUSES[row.attempt - 1] * random.uniform(1, 1.1)  # noqa: S311
        pause = max(pause, min(not_before, LONGEST_PAUSE))
        return self.held(row)._finish(
            DeliveryStatus.PENDING, row.noted(entry), next_attempt_at=Now() + pause
        )

    def _finish(self, status: DeliveryStatus, noted: dict[str, Any], **fields: Any) -> int:
        return self.update(status=status, fence=None, lease_until=None, **{**noted, **fields})

    def give_up_lost(self) -> int:
        """Fail the rows whose every sender died; returns how many."""
        lost = self.filter(
            status=DeliveryStatus.PENDING,
            attempt__gte=MAX_DELIVERY_ATTEMPTS,
            lease_until__lt=Now(),
        )
        return lost._finish(DeliveryStatus.FAILED, {"last_error": "every attempt was cut short"})

    def replay(self) -> int:
        """Send again from the first attempt on, under the same id; not what is being sent now."""
        return self.idle()._finish(
            DeliveryStatus.PENDING,
            {"attempt": 0, "next_attempt_at": Now(), "delivered_at": None},
        )

    def forget_old(self) -> int:
        """Delete what is past keeping; returns how many."""
        return self.idle().filter(created_at__lt=timezone.now() - KEPT).delete()[0]


def payload(event: str, data: Mapping[str, Any]) -> str:
    """The body, as it will be sent: thin, for the result is always there to be fetched."""
    now = timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"type": str(event), "timestamp": now, "data": data}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str)
    if len(text.encode()) > LARGEST_PAYLOAD:
        raise ValueError(f"a webhook's payload is at most {LARGEST_PAYLOAD} bytes: {event}")
    return text


class WebhookDelivery(models.Model):
    # The header webhook-id: the same over retries and replays, so that receivers can drop repeats.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        models.CASCADE,
        related_name="deliveries",
        db_index=False,
        verbose_name=_("webhook endpoint"),
    )
    event = models.CharField(_("event"), max_length=40, choices=Event.choices)
    payload = models.TextField(_("body"))
    status = models.CharField(
        _("status"), max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING
    )
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), db_default=Now())
    fence = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    last_error = models.CharField(_("error"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    log = models.JSONField(_("attempts"), default=list)  # [{"at", "status", "error", "ms"}]

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(
                fields=("next_attempt_at", "id"),
                name="delivery_due",
                condition=Q(status=DeliveryStatus.PENDING),
            ),
            models.Index(
                fields=("endpoint", "lease_until"),
                name="delivery_claimed",
                condition=Q(lease_until__isnull=False),
            ),
            models.Index(fields=("endpoint", "-created_at", "-id"), name="delivery_of_endpoint"),
            models.Index(fields=("created_at",), name="delivery_oldest"),
        )
        constraints = (
            models.CheckConstraint(
                name="delivery_status_known", condition=Q(status__in=DeliveryStatus.values)
            ),
            models.CheckConstraint(
                name="delivery_held_is_pending",
                condition=Q(fence__isnull=True, lease_until__isnull=True)
                | Q(status=DeliveryStatus.PENDING, fence__isnull=False, lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="delivery_delivered_has_time",
                condition=Q(status=DeliveryStatus.DELIVERED, delivered_at__isnull=False)
                | (~Q(status=DeliveryStatus.DELIVERED) & Q(delivered_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="delivery_failed_has_error",
                condition=~Q(status=DeliveryStatus.FAILED) | Q(last_error__gt=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.id}: {self.event}"

    def noted(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The fields that tell of an attempt, for the UPDATE that ends it."""
        return {
            "last_status": entry["status"],
            "last_error": entry["error"],
            "log": [*self.log, entry][-LOG_LENGTH:],
        }


def _ring() -> None:
    bell.ring(bell.WEBHOOKS)
