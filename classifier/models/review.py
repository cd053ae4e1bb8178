"""What people said of an answer. Rows are only ever added: a change of mind is a newer row, and an
undone verdict stays beside the row that withdraws it. What an image is taken to show is derived.
"""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.models.image import Image
from classifier.models.model_version import ModelVersion
from classifier.models.prediction import Prediction


class Verdict(models.TextChoices):
    AGREE = "agree", _("agrees")
    OTHER = "other", _("another class")
    NONE = "none", _("none of the classes")
    SKIP = "skip", _("skipped")
    WITHDRAWN = "withdrawn", _("withdrawn")


LABELED = (Verdict.AGREE, Verdict.OTHER)  # these name the true class
DECISIVE = (*LABELED, Verdict.NONE)  # after these the image needs no more looking at


class ReviewQuerySet(models.QuerySet["Review"]):
    def standing(self) -> Self:
        """Reviewers' decisions that nobody has withdrawn; owners' words are not among them."""
        return self.filter(verdict__in=DECISIVE, by_owner=False, withdrawal=None)

    def current(self) -> Self:
        """Of those the newest of each image: what the image is taken to show."""
        newer = Review.objects.standing().filter(image=OuterRef("image"), pk__gt=OuterRef("pk"))
        return self.standing().exclude(Exists(newer))


class Review(models.Model):
    image = models.ForeignKey(
        Image, models.CASCADE, related_name="reviews", verbose_name=_("image")
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
    by_owner = models.BooleanField(_("by the owner"), default=False)
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
        indexes = (models.Index(fields=("created_at", "id"), name="review_by_time"),)
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
