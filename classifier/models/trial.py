"""A trial: an installed model answers what the one that serves answered, and users never see it.

The gate tries a candidate once, on all reviewed pictures and a sample of recent ones, and then says
whether it may be promoted. A shadow goes on beside the model that serves, on a share of what comes.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.ids import uuid7


def lease() -> timedelta:
    """Longer than anything that its holder waits for."""
    return timedelta(seconds=settings.TRIAL_SECONDS + 30)


class TrialKind(models.TextChoices):
    GATE = "gate", _("gate")
    SHADOW = "shadow", _("shadow")


class TrialStatus(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    PASSED = "passed", _("within the limits")
    REFUSED = "refused", _("past a limit")
    FAILED = "failed", _("failed")
    CANCELED = "canceled", _("canceled")
    ENDED = "ended", _("ended")


OPEN = (TrialStatus.QUEUED, TrialStatus.RUNNING)
MEASURED = (TrialStatus.PASSED, TrialStatus.REFUSED)
FREE: dict[str, Any] = {"fence": None, "lease_until": None}
ERROR = 500  # characters that are kept of one


class TrialQuerySet(models.QuerySet["Trial"]):
    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def gates(self) -> Self:
        return self.filter(kind=TrialKind.GATE)

    def shadows(self) -> Self:
        return self.filter(kind=TrialKind.SHADOW)

    def idle(self) -> Self:
        return self.open().filter(Q(lease_until=None) | Q(lease_until__lt=Now()))

    def held(self) -> Self:
        """By a worker that is at it."""
        return self.open().filter(lease_until__gte=Now())

    def with_work(self) -> Self:
        """Gates, until they have their verdict; shadows while answers are to be compared."""
        waiting = Trial.answers.rel.related_model._default_manager.filter(
            trial=OuterRef("pk"), answered_at=None
        )
        return self.idle().filter(Q(kind=TrialKind.GATE) | Exists(waiting))

    def among(self, digests: Iterable[str]) -> Self:
        """Those whose models are all of these versions."""
        known = list(digests)
        return self.filter(digest__in=known, active_digest__in=[*known, ""])

    def stuck(self, digests: Iterable[str]) -> "Trial | None":
        """A gate that nobody is at, and that who has models of these versions cannot claim."""
        idle = self.gates().idle()
        return idle.exclude(pk__in=idle.among(digests).values("pk")).first()

    def give_up(self, error: str) -> int:
        """End gates that nobody is at, without a verdict."""
        fields = {"status": TrialStatus.FAILED, "finished_at": timezone.now(), **FREE}
        return self.gates().idle().update(error=error[:ERROR], **fields)

    def claim(self, worker: str, digests: Iterable[str]) -> "Trial | None":
        """Take one whose models are among `digests`: gates first, oldest first."""
        fence = uuid.uuid4()
        able = self.with_work().among(digests)
        if not able.exists():  # nearly always so, and then nothing is written
            return None
        with transaction.atomic():
            rows = able.order_by("kind", "created_at").select_for_update(
                skip_locked=True, of=("self",)
            )
            pk = rows.values_list("pk", flat=True).first()
            if pk is None:
                return None
            fields = {"fence": fence, "lease_until": Now() + lease(), "worker": worker}
            self.idle().filter(pk=pk).update(status=TrialStatus.RUNNING, **fields)
        return self.filter(pk=pk, fence=fence).first()

    def free(self, worker: str) -> int:
        """Let go of what a worker holds that ends. (What it still writes is written once.)"""
        return self.open().filter(worker=worker).update(**FREE)

    def cancel(self) -> int:
        """Stop a gate without a verdict, or end a shadow; its answers stay."""
        now = {"finished_at": timezone.now(), **FREE}
        ended = self.shadows().open().update(status=TrialStatus.ENDED, **now)
        return ended + self.gates().open().update(status=TrialStatus.CANCELED, **now)


class Trial(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=TrialKind.choices)
    status = models.CharField(
        _("status"), max_length=10, choices=TrialStatus.choices, default=TrialStatus.QUEUED
    )
    folder = models.CharField(_("folder"), max_length=255)  # its name among the installed models
    digest = models.CharField(_("digest"), max_length=64)
    name = models.CharField(_("candidate"), max_length=100)
    # What it is compared with: of a gate, the model that serves when it begins; of a shadow, ""
    # for whichever answered.
    active_folder = models.CharField(max_length=255, blank=True)
    active_digest = models.CharField(max_length=64, blank=True)
    active_name = models.CharField(_("compared with"), max_length=100, blank=True)
    share = models.FloatField(_("share of the traffic"), null=True, blank=True)  # of a shadow
    sample = models.PositiveIntegerField(_("recent pictures"), null=True, blank=True)  # of a gate
    report = models.JSONField(_("report"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=ERROR, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("user")
    )
    worker = models.CharField(_("worker"), max_length=200, blank=True)
    fence = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    speed = models.JSONField(null=True, blank=True)  # see ml.replay.Speed
    created_at = models.DateTimeField(_("begun"), default=timezone.now, editable=False)
    prepared_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = TrialQuerySet.as_manager()

    class Meta:
        verbose_name = _("trial")
        verbose_name_plural = _("trials and promotion")
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                name="trial_status_known", condition=Q(status__in=TrialStatus.values)
            ),
            models.CheckConstraint(
                name="trial_shadow_has_share",
                condition=Q(kind=TrialKind.GATE, share=None)
                | Q(kind=TrialKind.SHADOW, share__gt=0, share__lte=1),
            ),
            models.UniqueConstraint(
                fields=("kind",), name="trial_one_of_a_kind", condition=Q(status__in=OPEN)
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.name}"

    answers: Any  # reverse relation

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def progress(self) -> tuple[int, int]:
        """How many of its pictures are answered, and how many there are."""
        # Apart, each out of an index of its own: both at once would read every row. Some may be
        # deleted between the two.
        waiting = self.answers.pending().count()
        total = self.answers.count()
        return total - min(waiting, total), total

    def hold_on(self, **fields: Any) -> bool:
        """Renew the lease; False once somebody else has it or it was canceled."""
        return bool(self._mine().update(lease_until=Now() + lease(), **fields))

    def let_go(self) -> bool:
        """Leave the rest to whoever comes next."""
        return bool(self._mine().update(**FREE))

    def finish(self, status: TrialStatus, **fields: Any) -> bool:
        now = timezone.now()
        return bool(self._mine().update(status=status, finished_at=now, **FREE, **fields))

    def _mine(self) -> TrialQuerySet:
        return Trial.objects.filter(pk=self.pk, fence=self.fence, status=TrialStatus.RUNNING)
