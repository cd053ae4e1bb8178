"""A webhook endpoint: where a user wants to be told, and the secret that proves who tells."""

import base64
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.ids import uuid7
from classifier.models.owner import hold
from classifier.problems import Problem

MOST_A_USER = 10
ROTATION = timedelta(hours=24)
WARN_AFTER = timedelta(days=5)


class Event(models.TextChoices):
    PREDICTION_SUCCEEDED = "prediction.succeeded"
    PREDICTION_FAILED = "prediction.failed"
    PREDICTION_CANCELED = "prediction.canceled"
    PREDICTION_CORRECTED = "prediction.corrected"
    BATCH_COMPLETED = "batch.completed"
    BATCH_CANCELED = "batch.canceled"
    EXPORT_READY = "export.ready"
    TEST = "test"


# A test is sent to the endpoint that it was asked for, so nobody subscribes to it.
SUBSCRIBABLE = [event.value for event in Event if event != Event.TEST]


class Disabled(models.TextChoices):
    OWNER = "owner", _("by its owner")
    STAFF = "staff", _("by the staff")
    GONE = "gone", _("the receiver answered 410 Gone")


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def register(self, user: User, **fields: Any) -> "WebhookEndpoint":
        """Make an endpoint with a new secret. Raises Problem where the user has enough of them."""
        with transaction.atomic():
            hold(user)
            if self.filter(user=user).count() >= MOST_A_USER:
                raise Problem("WEBHOOK_LIMIT")
            return self.create(user=user, **fields)

    def subscribed(self, event: str, user_ids: Iterable[int]) -> list["WebhookEndpoint"]:
        """The enabled endpoints of these users that want `event`, in one query. They stay until the
        transaction ends: a delivery to one that is deleted meanwhile would undo all it tells of."""
        # SQLite cannot search in JSON lists through Django; a user has ten endpoints at most.
        rows = self.filter(user__in=set(user_ids), enabled=True).only("user_id", "events")
        endpoints: Iterable[WebhookEndpoint] = rows
        if connections[self.db].vendor == "postgresql":
            # Django has no such lock; with those that it has, two that only tell would wait.
            query, params = rows.order_by("pk").query.sql_with_params()
            endpoints = self.raw(f"{query} FOR KEY SHARE", params)
        return [each for each in endpoints if not each.events or event in each.events]

    def rotate_secret(self) -> str:
        """Give a new secret. For a day the former one signs too, so that receivers can follow."""
        secret = new_secret()
        self.update(
            previous_secret=F("secret"), previous_secret_until=Now() + ROTATION, secret=secret
        )
        return secret

    def enable(self) -> int:
        return self.filter(enabled=False).update(
            enabled=True, disabled_reason="", failing_since=None
        )

    def disable(self, reason: Disabled) -> int:
        """Stop sending. What was to be sent waits until the endpoint is enabled again."""
        return self.filter(enabled=True).update(enabled=False, disabled_reason=reason)

    def note_failure(self) -> int:
        return self.filter(failing_since=None).update(failing_since=Now())

    def note_success(self) -> int:
        return self.exclude(failing_since=None).update(failing_since=None)


class WebhookEndpoint(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("user"))
    url = models.CharField(_("address"), max_length=2000)
    description = models.CharField(_("description"), max_length=200, blank=True)
    events = models.JSONField(_("events"), default=list, blank=True)  # [] means all
    secret = models.CharField(max_length=80, default=new_secret, editable=False)
    previous_secret = models.CharField(max_length=80, blank=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    enabled = models.BooleanField(_("enabled"), default=True)
    disabled_reason = models.CharField(
        _("disabled"), max_length=10, choices=Disabled.choices, blank=True
    )
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                name="webhook_disabled_has_reason",
                condition=Q(enabled=True, disabled_reason="")
                | Q(enabled=False, disabled_reason__in=Disabled.values),
            ),
        )

    def __str__(self) -> str:
        return self.url

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            # Whoever is telling it something is waited for, so that this goes with it.
            WebhookEndpoint.objects.select_for_update().filter(pk=self.pk).first()
            return super().delete(*args, **kwargs)

    @property
    def secrets(self) -> list[str]:
        """Those that sign now, the newest first."""
        until = self.previous_secret_until
        rotating = until is not None and until > timezone.now()
        return [self.secret, self.previous_secret] if rotating else [self.secret]

    @property
    def fails_for_long(self) -> bool:
        since = self.failing_since
        return since is not None and since < timezone.now() - WARN_AFTER
