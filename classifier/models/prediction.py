"""A prediction: the row that is the job, from the question to the answer."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.ids import uuid7
from classifier.models.answer import Answer
from classifier.models.batch import Batch
from classifier.models.image import Image
from classifier.models.model_version import ModelVersion
from classifier.models.owner import Owned
from classifier.models.prediction_queue import INTERACTIVE, PredictionQuerySet
from classifier.models.status import FINAL, Status

TOP = 3  # labels that an answer lists unless it is asked for more


class Source(models.TextChoices):
    """Which of the ways in it came by."""

    PAGE = "page", _("page")
    API = "api", _("API")
    BATCH = "batch", _("batch")


class Prediction(Answer, Owned):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # None for an item of a batch that was refused, and after its image was deleted.
    image = models.ForeignKey(
        Image,
        models.SET_NULL,
        related_name="predictions",
        verbose_name=_("image"),
        null=True,
        blank=True,
    )
    source = models.CharField(_("source"), max_length=5, choices=Source.choices, default=Source.API)
    batch = models.ForeignKey(
        Batch,
        models.CASCADE,
        related_name="items",
        verbose_name=_("batch"),
        null=True,
        blank=True,
        db_index=False,
    )
    position = models.PositiveIntegerField(null=True, blank=True)  # in its batch, from 0
    custom_id = models.CharField(max_length=255, blank=True)
    metadata = models.JSONField(null=True, blank=True)
    top_k = models.PositiveSmallIntegerField(default=TOP)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.QUEUED
    )
    priority = models.PositiveSmallIntegerField(default=INTERACTIVE)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    fence = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    queued_at = models.DateTimeField(_("queued"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    model = models.ForeignKey(
        ModelVersion,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # prediction_of_model
        verbose_name=_("model"),
    )
    label = models.CharField(_("label"), max_length=100, blank=True)
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    probabilities = models.JSONField(null=True, blank=True)
    # By how much the likeliest label leads; the answers that lead least are reviewed first.
    margin = models.FloatField(null=True, blank=True)
    # How little the picture looks like any of the classes, and whether that is too little.
    off_topic_score = models.FloatField(_("off-topic score"), null=True, blank=True)
    off_topic = models.BooleanField(_("off topic"), null=True, blank=True)
    # Since when a reviewer's word about its image stands. The reviews say so too; this keeps what
    # is done out of the indexes of what is to be done.
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True)
    # Since when the label is another than the one that was given first, and that one.
    corrected_at = models.DateTimeField(_("corrected"), null=True, blank=True)
    corrected_from = models.CharField(
        _("said before"), max_length=100, blank=True, default="", db_default=""
    )
    error_code = models.CharField(_("error"), max_length=50, blank=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        verbose_name = _("prediction")
        verbose_name_plural = _("predictions")
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("owner", "-created_at", "-id"), name="prediction_of_owner"),
            models.Index(fields=("visitor", "-created_at", "-id"), name="prediction_of_visitor"),
            models.Index(
                fields=("priority", "queued_at", "id"),
                name="prediction_waiting",
                condition=Q(status=Status.QUEUED),
            ),
            models.Index(
                fields=("lease_until",),
                name="prediction_claimed",
                condition=Q(status=Status.RUNNING),
            ),
            models.Index(fields=("-created_at", "-id"), name="prediction_newest"),
            models.Index(
                fields=("batch", "status"),
                name="prediction_of_batch",
                condition=Q(batch__isnull=False),
            ),
            models.Index(
                fields=("margin", "id"),
                name="prediction_uncertain",
                condition=Q(status=Status.SUCCEEDED, margin__isnull=False, reviewed_at=None),
            ),
            models.Index(
                fields=("-off_topic_score", "-id"),
                name="prediction_off_topic",
                condition=Q(status=Status.SUCCEEDED, off_topic=True, reviewed_at=None),
            ),
            models.Index(
                fields=("model", "-created_at", "-id"),
                name="prediction_of_model",
                condition=Q(model__isnull=False),
            ),
            models.Index(
                fields=("error_code", "-created_at", "-id"),
                name="prediction_with_error",
                condition=~Q(error_code=""),
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="prediction_status_known", condition=Q(status__in=Status.values)
            ),
            models.CheckConstraint(
                name="prediction_running_is_held",
                condition=Q(status=Status.RUNNING, fence__isnull=False, lease_until__isnull=False)
                | (~Q(status=Status.RUNNING) & Q(fence__isnull=True, lease_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="prediction_final_is_finished",
                condition=Q(status__in=sorted(FINAL), finished_at__isnull=False)
                | (~Q(status__in=sorted(FINAL)) & Q(finished_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="prediction_succeeded_has_result",
                condition=~Q(status=Status.SUCCEEDED)
                | Q(deleted_at__isnull=False)
                | Q(
                    model__isnull=False,
                    confidence__isnull=False,
                    probabilities__isnull=False,
                    label__gt="",
                ),
            ),
            models.CheckConstraint(
                name="prediction_failed_has_code",
                condition=~Q(status=Status.FAILED) | Q(error_code__gt=""),
            ),
            models.CheckConstraint(
                name="prediction_work_has_image",
                condition=Q(image__isnull=False) | Q(status__in=sorted(FINAL)),
            ),
            models.CheckConstraint(
                name="prediction_item_has_place",
                condition=Q(batch=None, position=None)
                | Q(batch__isnull=False, position__isnull=False),
            ),
            models.UniqueConstraint(
                fields=("batch", "position"),
                name="prediction_place_once",
                condition=Q(batch__isnull=False),
            ),
            models.UniqueConstraint(
                fields=("batch", "custom_id"),
                name="prediction_custom_id_once",
                condition=Q(batch__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.id}: {self.label or self.get_status_display()}"

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def restorable_until(self) -> datetime | None:
        return self.image.restorable_until if self.image else None

    def remove(self, forever: bool = False) -> None:
        """Delete the picture with every answer about it: into the trash, where there is one."""
        if self.image is None:
            Prediction.objects.filter(pk=self.pk, deleted_at=None).erase()
        elif forever or not settings.TRASH_HOURS:
            self.image.erase()
        else:
            self.image.trash()

    @property
    def is_recalled(self) -> bool:
        """The version that answered was withdrawn, and its answer is not replaced yet."""
        return bool(self.is_shown and self.model and self.model.recalled_at)

    @property
    def corrected_from_localized(self) -> str:
        return self.model.label_name(self.corrected_from) if self.model else self.corrected_from

    def attempts(self) -> list[dict[str, Any]]:
        """Every attempt, first one first: worker, start, end and why it ended."""
        fields = ("number", "worker", "started_at", "ended_at", "outcome", "error_code")
        ended = list(self.ended_attempts.order_by("number").values(*fields))
        if self.attempt and not (ended and ended[-1]["number"] == self.attempt):
            ended.append(self._last_attempt())
        return ended

    def _last_attempt(self) -> dict[str, Any]:
        return {
            "number": self.attempt,
            "worker": self.worker,
            "started_at": self.started_at,
            "ended_at": self.finished_at,
            "outcome": self.status,
            "error_code": self.error_code,
        }
