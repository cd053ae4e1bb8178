"""Answers that somebody should look at, and who is looking at which image now."""

import random
import uuid
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any, Self

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.models.image import Image
from classifier.models.prediction import Prediction
from classifier.models.prepared import Prepared, example_ids, filled

PAGE_LENGTH = 36  # of what tells a reviewer's tabs apart
RANDOM_BITS = 62  # the last ones of a UUIDv7


class Stream(models.TextChoices):
    AUDIT = "audit", _("random audit")
    OWNER = "owner", _("disputed by the owner")
    DISAGREEMENT = "disagreement", _("models disagree")


def any_rank() -> float:
    return random.random()  # noqa: S311


def drawn(prediction: uuid.UUID, share: float) -> bool:
    """Whether the audit takes it. The draw is the random part of its identifier, so an answer that
    is published twice is drawn once, and each independently with the probability `share`."""
    return bool(prediction.int % 2**RANDOM_BITS < share * 2**RANDOM_BITS)


class ReviewTaskQuerySet(models.QuerySet["ReviewTask"]):
    def open(self) -> Self:
        return self.filter(settled_at=None)

    def settle(self, images: Iterable[uuid.UUID]) -> int:
        """Somebody has said what these images show; returns how many tasks that answers."""
        rows = self.open().filter(prediction__image__in=list(images))
        return rows.update(settled_at=timezone.now())

    def reopen(self, images: Iterable[uuid.UUID]) -> int:
        """Nobody's word about these images stands any more."""
        return self.filter(prediction__image__in=list(images)).update(settled_at=None)

    def audit(self, predictions: Iterable[uuid.UUID]) -> None:
        """Draw the random audit among answers just published, in the transaction that did it."""
        share = settings.AUDIT_SHARE
        ids = [pk for pk in predictions if drawn(pk, share)]
        if not ids:
            return
        places = filled(ids)
        now = timezone.now()
        tasks = [
            ReviewTask(
                prediction_id=pk,
                stream=Stream.AUDIT,
                inclusion_probability=share,
                settled_at=now if is_known else None,  # its image was reviewed before
            )
            for pk, is_known in _answered(len(places)).rows(*places, using=self.db)
        ]
        self.bulk_create(tasks, ignore_conflicts=True)

    def propose(self, prediction: Prediction, label: str) -> None:
        """The owner says that the answer is wrong, and perhaps what the image shows instead.
        Where a reviewer has decided already, that stands, and the owner's word is only kept."""
        known = apps.get_model("classifier", "Review").objects.standing()
        decided = known.filter(image=prediction.image_id).exists()
        fields = {"proposed": label, "settled_at": timezone.now() if decided else None}
        task, new = self.get_or_create(prediction=prediction, stream=Stream.OWNER, defaults=fields)
        if not new:
            self.open().filter(pk=task.pk).update(proposed=label)


class ReviewTask(models.Model):
    prediction = models.ForeignKey(
        Prediction, models.CASCADE, related_name="review_tasks", verbose_name=_("prediction")
    )
    stream = models.CharField(_("stream"), max_length=12, choices=Stream.choices)
    # With which an answer got here whatever it was; None where it was chosen for what it is.
    inclusion_probability = models.FloatField(_("probability of inclusion"), null=True, blank=True)
    proposed = models.CharField(_("proposed class"), max_length=100, blank=True)
    # The audit is looked at in this order, so that any part of it that is done is random too.
    rank = models.FloatField(default=any_rank, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    objects = ReviewTaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("review task")
        verbose_name_plural = _("review tasks")
        ordering = ("created_at", "pk")
        indexes = (
            models.Index(
                fields=("stream", "rank", "id"),
                name="review_task_open",
                condition=Q(settled_at=None),
            ),
            models.Index(
                fields=("stream", "created_at", "id"),
                name="review_task_oldest",
                condition=Q(settled_at=None),
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("prediction", "stream"), name="review_task_once_a_stream"
            ),
            models.CheckConstraint(
                name="review_task_stream_known", condition=Q(stream__in=Stream.values)
            ),
            models.CheckConstraint(
                name="review_task_audit_has_probability",
                condition=~Q(stream=Stream.AUDIT)
                | Q(
                    inclusion_probability__isnull=False,
                    inclusion_probability__gt=0,
                    inclusion_probability__lte=1,
                ),
            ),
        )

    def __str__(self) -> str:
        return f"{self.stream}: {self.prediction_id}"


class ReviewLockQuerySet(models.QuerySet["ReviewLock"]):
    def held(self) -> Self:
        return self.filter(until__gt=timezone.now())

    def by_others(self, reviewer: User, page: str) -> Self:
        """What is before somebody else, or before the reviewer in another tab."""
        return self.held().exclude(reviewer=reviewer, page=page)

    def take(self, reviewer: User, images: Iterable[uuid.UUID], page: str = "") -> set[uuid.UUID]:
        """Lock them for the reviewer's page; returns those that were to be had."""
        now = timezone.now()
        until = now + timedelta(seconds=settings.REVIEW_LOCK_SECONDS)
        ids = sorted(images)  # two who want the same wait for each other in one order
        with transaction.atomic():
            holder = {"reviewer": reviewer, "page": page}
            free = self.filter(Q(until__lte=now) | Q(**holder), image__in=ids)
            free.update(**holder, until=until)
            rows = [ReviewLock(image_id=pk, until=until, **holder) for pk in ids]
            self.bulk_create(rows, ignore_conflicts=True)
            own = self.held().filter(image__in=ids, **holder)
            return set(own.values_list("image", flat=True))

    def hold_on(self, reviewer: User, page: str = "") -> int:
        """The reviewer is still at that page: what it has stays there."""
        until = timezone.now() + timedelta(seconds=settings.REVIEW_LOCK_SECONDS)
        return self.held().filter(reviewer=reviewer, page=page).update(until=until)

    def free(self, reviewer: User, images: Iterable[uuid.UUID], page: str | None = None) -> int:
        """Without a page, in whichever of the reviewer's tabs they are."""
        rows = self.filter(reviewer=reviewer, image__in=list(images))
        return (rows if page is None else rows.filter(page=page)).delete()[0]


class ReviewLock(models.Model):
    """Who has an image before them, and in which tab, so that nobody looks at it in two places at
    once. It expires."""

    image = models.OneToOneField(Image, models.CASCADE, primary_key=True, related_name="lock")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    page = models.CharField(max_length=PAGE_LENGTH, db_default="", default="", blank=True)
    until = models.DateTimeField()

    objects = ReviewLockQuerySet.as_manager()

    class Meta:
        verbose_name = _("review lock")
        verbose_name_plural = _("review locks")
        indexes = (models.Index(fields=("until",), name="review_lock_until"),)

    def __str__(self) -> str:
        return f"{self.image_id}: {self.reviewer_id}"


@cache
def _answered(places: int) -> Prepared:
    """Which of so many were answered, and whether a reviewer's word about the image stands."""

    def compose(*ids: uuid.UUID) -> "models.QuerySet[Any, Any]":
        known = apps.get_model("classifier", "Review").objects.standing()
        rows = Prediction.objects.answered().filter(pk__in=ids)
        return rows.values_list("pk", Exists(known.filter(image=OuterRef("image"))))

    return Prepared(compose, *example_ids(places))
