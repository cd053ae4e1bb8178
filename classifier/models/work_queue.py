"""Which queues are held back. A queue without a row is open; whoever claims work looks here first.

Nothing is refused by it and nothing lost: what a paused queue holds waits. A draining one gives out
what was there when the draining began, and is paused once that is done.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.models.prepared import Prepared


class QueueName(models.TextChoices):
    INTERACTIVE = "interactive", _("single pictures")
    BATCH = "batch", _("items of batches")
    RECALL = "recall", _("answers checked again")
    TRIALS = "trials", _("trials of candidates")
    WEBHOOKS = "webhooks", _("webhooks")
    EXPORTS = "exports", _("exports")


class QueueState(models.TextChoices):
    OPEN = "open", _("open")
    DRAINING = "draining", _("draining")
    PAUSED = "paused", _("paused")


PRIORITIES = {0: QueueName.INTERACTIVE, 1: QueueName.BATCH}  # of predictions
NOTHING = Q(pk__in=[])


class WorkQueueQuerySet(models.QuerySet["WorkQueue"]):
    def change(self, name: str, state: str, user: Any = None) -> None:
        """Open, drain or pause a queue from now on."""
        fields = {"state": state, "since": timezone.now(), "user": user}
        self.update_or_create(name=name, defaults=fields)

    def held(self) -> dict[str, datetime | None]:
        """The queues that are not open: until when a row must have been created to be taken, None
        where no row is."""
        if not ANY_HELD.rows():  # nearly always
            return {}
        rows = self.exclude(state=QueueState.OPEN).values_list("name", "state", "since")
        return {
            name: since if state == QueueState.DRAINING else None for name, state, since in rows
        }

    def gives_out(self, name: str) -> Q:
        """Which rows of this queue may be taken now, by their `created_at`."""
        held = self.held()
        return _taken(held[name]) if name in held else Q()

    def predictions(self) -> Q:
        """Which predictions may be claimed now."""
        held, allowed = self.held(), Q()
        for priority, name in PRIORITIES.items():
            if name in held:
                allowed &= ~Q(priority=priority) | _taken(held[name])
        return allowed

    def drained(self, name: str) -> int:
        """What it held is done: it is paused."""
        return self.filter(name=name, state=QueueState.DRAINING).update(state=QueueState.PAUSED)


def _taken(until: datetime | None) -> Q:
    return NOTHING if until is None else Q(created_at__lte=until)


class WorkQueue(models.Model):
    name = models.CharField(_("queue"), max_length=20, primary_key=True, choices=QueueName.choices)
    state = models.CharField(
        _("state"), max_length=10, choices=QueueState.choices, default=QueueState.OPEN
    )
    since = models.DateTimeField(_("since"), default=timezone.now)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("user")
    )

    objects = WorkQueueQuerySet.as_manager()

    class Meta:
        verbose_name = _("queue")
        verbose_name_plural = _("system: queues, workers, disk")
        constraints = (
            models.CheckConstraint(
                name="queue_state_known", condition=Q(state__in=QueueState.values)
            ),
        )

    def __str__(self) -> str:
        return str(self.get_name_display())


ANY_HELD = Prepared(lambda: WorkQueue.objects.exclude(state=QueueState.OPEN).values_list("name"))
