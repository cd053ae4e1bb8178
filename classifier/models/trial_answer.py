"""What a candidate said of one picture, beside what the model that serves said."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.models.model_version import ModelVersion
from classifier.models.prediction import Prediction
from classifier.models.prepared import Prepared
from classifier.models.review_task import drawn
from classifier.models.status import Status
from classifier.models.trial import Trial, TrialStatus
from classifier.models.work_queue import QueueName, WorkQueue

if TYPE_CHECKING:
    from classifier.models.prediction_queue import Result


ANY_SHADOW = Prepared(
    lambda: Trial.objects.shadows().filter(status=TrialStatus.RUNNING).order_by().values_list("pk")
)


class TrialAnswerQuerySet(models.QuerySet["TrialAnswer"]):
    def pending(self) -> Self:
        return self.filter(answered_at=None)

    def answered(self) -> Self:
        """Those that both models have an answer to."""
        return self.filter(answered_at__isnull=False, error_code="")

    def flips(self) -> Self:
        return self.answered().exclude(label=F("active_label"))

    def page(self, size: int) -> list["TrialAnswer"]:
        """The next to be answered, while the queue of trials is open."""
        rows = self.pending().filter(WorkQueue.objects.gives_out(QueueName.TRIALS))
        return list(rows.select_related("prediction__image").order_by("pk")[:size])

    def shadow(self, results: Mapping[uuid.UUID, "Result"], version: ModelVersion) -> None:
        """Draw the shadow's share of answers just published, in the transaction that did it. The
        audit draws by the same number, so it lies within the shadow or the shadow within it."""
        if not ANY_SHADOW.rows():  # nearly always
            return
        shadow = Trial.objects.shadows().filter(status=TrialStatus.RUNNING).first()
        if shadow is None or shadow.digest == version.digest:
            return
        ids = [pk for pk in results if drawn(pk, shadow.share or 0)]
        if not ids:
            return
        kept = Prediction.objects.filter(pk__in=ids, status=Status.SUCCEEDED, model=version)
        rows = [_beside(shadow, pk, results[pk]) for pk in kept.values_list("pk", flat=True)]
        self.bulk_create(rows, ignore_conflicts=True)


def _beside(trial: Trial, prediction: uuid.UUID, result: "Result") -> "TrialAnswer":
    return TrialAnswer(
        trial=trial,
        prediction_id=prediction,
        active_label=result.label,
        active_confidence=result.confidence,
        active_off_topic=result.off_topic,
    )


class TrialAnswer(models.Model):
    trial = models.ForeignKey(
        Trial, models.CASCADE, related_name="answers", verbose_name=_("trial")
    )
    prediction = models.ForeignKey(
        Prediction, models.CASCADE, related_name="trial_answers", verbose_name=_("prediction")
    )
    recent = models.BooleanField(default=True)  # of the sample, not chosen for being reviewed
    active_label = models.CharField(_("serving model"), max_length=100, blank=True)
    active_confidence = models.FloatField(null=True)
    active_off_topic = models.BooleanField(null=True)
    label = models.CharField(_("candidate"), max_length=100, blank=True)
    confidence = models.FloatField(null=True)
    off_topic = models.BooleanField(null=True)
    error_code = models.CharField(_("error"), max_length=50, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = TrialAnswerQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer of a candidate")
        verbose_name_plural = _("answers of candidates")
        ordering = ("pk",)
        indexes = (
            models.Index(
                fields=("trial", "id"), name="trial_answer_pending", condition=Q(answered_at=None)
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=("trial", "prediction"), name="trial_answer_once"),
        )

    def __str__(self) -> str:
        return f"{self.prediction_id}: {self.active_label} → {self.label}"

    def write(self, **fields: Any) -> None:
        """Note an answer, once."""
        mine = TrialAnswer.objects.filter(pk=self.pk, answered_at=None)
        mine.update(answered_at=timezone.now(), **fields)
