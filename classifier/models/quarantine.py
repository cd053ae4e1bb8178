"""Quarantine: staff sets a picture aside. No worker classifies it, its owner sees neither it nor
its answers, and it can be released, as it was."""

from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from classifier.models.status import Status

if TYPE_CHECKING:
    from classifier.models.prediction_queue import PredictionQuerySet


class Quarantinable(models.Model):
    quarantined_at = models.DateTimeField(_("quarantined"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    predictions: Any  # reverse relation

    def quarantine(self) -> bool:
        """Set it aside and stop what waits; False where it was already."""
        with transaction.atomic():
            mine = type(self)._default_manager.filter(pk=self.pk)
            if not mine.filter(quarantined_at=None).update(quarantined_at=Now()):
                return False
            self.predictions.all().hide_answers()
            self.predictions.all().cancel()
        return True

    def release(self) -> bool:
        """Give it back; what was stopped is queued again. False where it was not set aside."""
        with transaction.atomic():
            rows = self.predictions.all().filter(image__quarantined_at__isnull=False)
            stopped = list(_stopped(rows).values_list("pk", flat=True))
            mine = type(self)._default_manager.filter(pk=self.pk)
            if not mine.filter(quarantined_at__isnull=False).update(quarantined_at=None):
                return False
            self.predictions.filter(pk__in=stopped).retry()
        return True


def _stopped(predictions: "PredictionQuerySet") -> "PredictionQuerySet":
    """Those that were waiting or running when their picture was set aside."""
    since = models.F("image__quarantined_at")
    return predictions.filter(status=Status.CANCELED, finished_at__gte=since)
