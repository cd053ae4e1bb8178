"""A recall: what a withdrawn version answered is asked again of the model that serves.

That it was withdrawn stands with the version, which marks all its answers at once; a Correction for
each is the work. Both stay when a recall is stopped, so going on loses nothing.
"""

from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.ids import uuid7
from classifier.models.model_version import ModelVersion

REASON = 500  # characters that are kept of one


class RecallStatus(models.TextChoices):
    RUNNING = "running", _("running")
    STOPPED = "stopped", _("stopped")
    COMPLETED = "completed", _("completed")


class RecallQuerySet(models.QuerySet["Recall"]):
    def begin(self, version: ModelVersion, reason: str = "", **fields: Any) -> "Recall":
        """Withdraw a version, or go on with its recall where one is not completed."""
        with transaction.atomic():
            held = ModelVersion.objects.select_for_update(no_key=True).filter(pk=version.pk)
            held.get()  # two at once make one recall
            held.filter(recalled_at=None).update(recalled_at=timezone.now())
            if found := self.unfinished().filter(model=version).first():
                self.filter(pk=found.pk).go_on()
                found.refresh_from_db()
                return found
            return self.create(model=version, reason=reason[:REASON], **fields)

    def unfinished(self) -> Self:
        return self.exclude(status=RecallStatus.COMPLETED)

    def running(self) -> Self:
        return self.filter(status=RecallStatus.RUNNING)

    def stop(self) -> int:
        """Give out no more of its answers; what a worker holds it still finishes."""
        return self.running().update(status=RecallStatus.STOPPED)

    def go_on(self) -> int:
        """Those of versions that are withdrawn: one that was activated since is trusted again."""
        withdrawn = Q(model=None) | Q(model__recalled_at__isnull=False)
        stopped = self.filter(withdrawn, status=RecallStatus.STOPPED)
        return stopped.update(status=RecallStatus.RUNNING)

    def complete(self) -> int:
        return self.running().update(status=RecallStatus.COMPLETED, finished_at=timezone.now())


class Recall(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # None where staff chose the answers one by one, whoever had given them.
    model = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, verbose_name=_("model")
    )
    status = models.CharField(
        _("status"), max_length=10, choices=RecallStatus.choices, default=RecallStatus.RUNNING
    )
    reason = models.CharField(_("reason"), max_length=REASON, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("user")
    )
    created_at = models.DateTimeField(_("begun"), default=timezone.now, editable=False)
    # Since when each answer there was has its Correction.
    marked_at = models.DateTimeField(_("all found"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = RecallQuerySet.as_manager()

    class Meta:
        verbose_name = _("recall")
        verbose_name_plural = _("recalls")
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                name="recall_status_known", condition=Q(status__in=RecallStatus.values)
            ),
            models.CheckConstraint(
                name="recall_completed_is_finished",
                condition=Q(status=RecallStatus.COMPLETED, finished_at__isnull=False)
                | (~Q(status=RecallStatus.COMPLETED) & Q(finished_at__isnull=True)),
            ),
            models.UniqueConstraint(
                fields=("model",),
                name="recall_once_at_a_time",
                condition=~Q(status=RecallStatus.COMPLETED),
            ),
        )

    def __str__(self) -> str:
        return str(self.model or self.id)

    corrections: Any  # reverse relation

    def counts(self) -> dict[str, int]:
        """Its answers by what became of them, and `total`."""
        found = self.corrections.values_list("status").annotate(n=Count("pk")).order_by()
        counts: dict[str, int] = dict(found)
        return {**counts, "total": sum(counts.values())}
