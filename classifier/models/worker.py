"""The processes that hold a model, as they report themselves. Liveness is this row."""

from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from classifier.models.model_version import ModelVersion
from ml.manifest import DEFAULT_ENGINE


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> Self:
        """Workers with a warm model that were heard of lately."""
        silence = timedelta(seconds=settings.WORKER_SILENT_SECONDS)
        return self.filter(last_seen_at__gt=Now() - silence)

    def engines(self) -> set[str]:
        """By which those that are alive compute."""
        return set(self.alive().order_by().values_list("engine", flat=True).distinct())

    def beat(self, name: str, **fields: Any) -> None:
        self.update_or_create(name=name, defaults={"last_seen_at": Now(), **fields})

    def forget_silent(self, after: timedelta = timedelta(days=1)) -> int:
        return self.filter(last_seen_at__lt=Now() - after).delete()[0]


class Worker(models.Model):
    name = models.CharField(_("name"), max_length=200, primary_key=True)  # host:pid
    host = models.CharField(_("host"), max_length=150)
    device = models.CharField(_("device"), max_length=100)
    engine = models.CharField(_("engine"), max_length=20, db_default=DEFAULT_ENGINE)
    model = models.ForeignKey(ModelVersion, models.PROTECT, verbose_name=_("model"))
    started_at = models.DateTimeField(_("started"), db_default=Now())
    last_seen_at = models.DateTimeField(_("last seen"), db_default=Now())
    # As it counts itself; written with the heartbeat, so up to a few seconds late.
    answered = models.PositiveBigIntegerField(_("answered"), db_default=0)
    last_batch_at = models.DateTimeField(_("last micro-batch"), null=True, blank=True)
    last_batch_size = models.PositiveIntegerField(_("pictures in it"), null=True, blank=True)
    rate = models.FloatField(_("pictures a second"), null=True, blank=True)  # over a minute

    objects = WorkerQuerySet.as_manager()

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        ordering = ("-last_seen_at",)

    def __str__(self) -> str:
        return self.name
