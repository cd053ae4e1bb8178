"""What people said of an answer. Rows are only ever added: a change of mind is a newer row, and an
undone verdict stays beside the row that withdraws it. What an image is taken to show is derived.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.models.image import Image
from classifier.models.model_version import ModelVersion
from classifier.models.prediction import Prediction
from classifier.models.review_task import ReviewLock, ReviewTask, Stream
from classifier.problems import Problem


class Verdict(models.TextChoices):
    AGREE = "agree", _("agrees")
    OTHER = "other", _("another class")
    NONE = "none", _("none of the classes")
    SKIP = "skip", _("skipped")
    WITHDRAWN = "withdrawn", _("withdrawn")


LABELED = (Verdict.AGREE, Verdict.OTHER)  # these name the true class
DECISIVE = (*LABELED, Verdict.NONE)  # after these the image needs no more looking at


@dataclass(frozen=True)
class Word:
    """What one person says of one answer: a class, none of the classes, or nothing (a skip).

    A class rather than “agreed”, so that an answer which changed in between is not agreed with.
    """

    prediction: uuid.UUID
    label: str = ""
    skip: bool = False

    def verdict(self, answered: str) -> Verdict:
        if self.skip:
            return Verdict.SKIP
        if not self.label:
            return Verdict.NONE
        return Verdict.AGREE if self.label == answered else Verdict.OTHER


class ReviewQuerySet(models.QuerySet["Review"]):
    def standing(self) -> Self:
        """Reviewers' decisions that nobody has withdrawn; owners' words are not among them."""
        return self.filter(verdict__in=DECISIVE, by_owner=False, withdrawal=None)

    def current(self) -> Self:
        """Of those the newest of each image: what the image is taken to show."""
        newer = Review.objects.standing().filter(image=OuterRef("image"), pk__gt=OuterRef("pk"))
        return self.standing().exclude(Exists(newer))

    def not_withdrawn(self) -> Self:
        return self.filter(withdrawal=None).exclude(verdict=Verdict.WITHDRAWN)

    def say(self, reviewer: User, words: Iterable[Word]) -> "dict[uuid.UUID, Review]":
        """Write down what a reviewer says, by prediction. What is gone, was not answered, or is
        said to show a class that its model does not know, is left out."""
        by_prediction = {word.prediction: word for word in words}
        with transaction.atomic():
            rows = Prediction.objects.answered().pictured().filter(pk__in=by_prediction)
            said = [
                review
                for row in rows.select_related("model").order_by("pk")
                if (review := _review(row, by_prediction[row.pk], reviewer=reviewer))
            ]
            self._add(said)
            ReviewLock.objects.free(reviewer, [review.image_id for review in said])
            self._decided([r.image_id for r in said if r.verdict in DECISIVE])
        return {review.prediction_id: review for review in said}

    def _add(self, said: "list[Review]") -> None:
        """A request that is sent again, because its answer was lost, adds nothing."""
        own = Q(reviewer=said[0].reviewer_id if said else None, by_owner=False)
        known = self.not_withdrawn().filter(own, prediction__in=[r.prediction_id for r in said])
        last = {review.prediction_id: review for review in known.order_by("pk")}
        for review in said:
            if (before := last.get(review.prediction_id)) and before.says_as(review):
                review.pk = before.pk
        self.bulk_create([review for review in said if review.pk is None])

    def _decided(self, images: list[uuid.UUID]) -> None:
        """The images need no more looking at."""
        ReviewTask.objects.settle(images)
        open_rows = Prediction.objects.filter(image__in=images, reviewed_at=None)
        open_rows.update(reviewed_at=timezone.now())

    def withdraw(self, reviewer: User, ids: Iterable[int]) -> "list[Review]":
        """Take back one's own words; returns those that stood until now."""
        own = Review.objects.filter(pk__in=list(ids), reviewer=reviewer, by_owner=False)
        with transaction.atomic():
            found = own._withdraw()
            self._undecided({each.image_id for each in found})
        return found

    def _withdraw(self) -> "list[Review]":
        # Of two undoings of the same word the second waits here, and then finds none.
        list(self.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
        found = list(self.not_withdrawn().order_by("pk"))
        Review.objects.bulk_create([each.withdrawn() for each in found])
        return found

    def dispute(self, row: Prediction, label: str) -> "Review":
        """The owner of an answer says that it is wrong, and which class is right: "" for none.
        Raises Problem: NOT_ANSWERED, LABEL_INVALID."""
        if not Prediction.objects.answered().pictured().filter(pk=row.pk).exists():
            raise Problem("NOT_ANSWERED")
        word = Word(row.pk, label)
        review = _review(row, word, reviewer_id=row.owner_id, by_owner=True)
        if review is None or review.verdict == Verdict.AGREE:
            raise Problem("LABEL_INVALID")
        with transaction.atomic():
            review.save(force_insert=True)
            ReviewTask.objects.propose(row, label)
        return review

    def take_back(self, row: Prediction) -> "list[Review]":
        """The owner has nothing against the answer any more."""
        with transaction.atomic():
            ReviewTask.objects.open().filter(prediction=row, stream=Stream.OWNER).delete()
            return self.filter(prediction=row, by_owner=True)._withdraw()

    def _undecided(self, images: set[uuid.UUID]) -> None:
        still = Review.objects.standing().filter(image__in=images).values_list("image", flat=True)
        free = images - set(still)
        ReviewTask.objects.reopen(free)
        Prediction.objects.filter(image__in=free).update(reviewed_at=None)


class Review(models.Model):
    image = models.ForeignKey(
        Image,
        models.CASCADE,
        related_name="reviews",
        verbose_name=_("image"),
        db_index=False,
    )
    prediction = models.ForeignKey(
        Prediction, models.CASCADE, related_name="reviews", verbose_name=_("prediction")
    )
    # The one that had answered then; the same prediction may be answered anew by another.
    model = models.ForeignKey(ModelVersion, models.PROTECT, verbose_name=_("model"))
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="reviews",
        verbose_name=_("reviewer"),
        null=True,
        blank=True,
    )
    by_owner = models.BooleanField(_("owner's word"), default=False)
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict.choices)
    label = models.CharField(_("true class"), max_length=100, blank=True)
    withdraws = models.OneToOneField(
        "self", models.CASCADE, related_name="withdrawal", null=True, blank=True
    )
    created_at = models.DateTimeField(_("reviewed"), default=timezone.now, editable=False)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=("image", "reviewer"), name="review_of_image"),
            models.Index(fields=("created_at", "id"), name="review_by_time"),
        )
        constraints = (
            models.CheckConstraint(
                name="review_verdict_known", condition=Q(verdict__in=Verdict.values)
            ),
            models.CheckConstraint(
                name="review_names_a_class_or_not",
                condition=Q(verdict__in=LABELED, label__gt="")
                | (~Q(verdict__in=LABELED) & Q(label="")),
            ),
            models.CheckConstraint(
                name="review_withdrawn_withdraws",
                condition=Q(verdict=Verdict.WITHDRAWN, withdraws__isnull=False)
                | (~Q(verdict=Verdict.WITHDRAWN) & Q(withdraws__isnull=True)),
            ),
        )

    def __str__(self) -> str:
        return f"{self.prediction_id}: {self.verdict} {self.label}".rstrip()

    @property
    def label_localized(self) -> str:
        return self.model.label_name(self.label)

    def says_as(self, other: "Review") -> bool:
        """Whether it is the same word about the same answer."""
        return (self.model_id, self.verdict, self.label) == (
            other.model_id,
            other.verdict,
            other.label,
        )

    def withdrawn(self) -> "Review":
        """The row that takes this one back."""
        return Review(
            image_id=self.image_id,
            prediction_id=self.prediction_id,
            model_id=self.model_id,
            reviewer_id=self.reviewer_id,
            by_owner=self.by_owner,
            verdict=Verdict.WITHDRAWN,
            withdraws=self,
        )


def _review(row: Prediction, word: Word, **by: Any) -> Review | None:
    """The row to add; None where the answer's model does not know the class."""
    assert row.image_id and row.model_id and row.model, "the caller asks for such rows only"
    if word.label and not row.model.knows(word.label):
        return None
    verdict = word.verdict(row.label)
    label = word.label if verdict in LABELED else ""
    return Review(
        image_id=row.image_id,
        prediction=row,
        model_id=row.model_id,
        verdict=verdict,
        label=label,
        **by,
    )
