"""The attempts that ended without an answer. The last one's data stand in the prediction itself,
so an image that is answered at once costs no row here."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Outcome(models.TextChoices):
    FAILED = "failed", _("failed")
    LOST = "lost", _("lost")
    CANCELED = "canceled", _("canceled")


class Attempt(models.Model):
    prediction = models.ForeignKey(
        "classifier.Prediction", models.CASCADE, related_name="ended_attempts"
    )
    number = models.PositiveSmallIntegerField(_("number"))
    worker = models.CharField(_("worker"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started"), null=True)
    ended_at = models.DateTimeField(_("ended"), default=timezone.now)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices)
    error_code = models.CharField(_("error"), max_length=50, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=("prediction", "number"), name="attempt_ends_once"),
        )

    def __str__(self) -> str:
        return f"{self.prediction_id}, {self.number}: {self.outcome}"
