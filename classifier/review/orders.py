"""In which order answers are looked at. Each is a query; most walk an index of what is open."""

from collections.abc import Callable

from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from classifier.models import Prediction, Review, Stream, Verdict
from classifier.models.prediction_queue import PredictionQuerySet

LATEST = 2000  # of others' reviews, among which a second opinion is asked for
Order = Callable[[User], PredictionQuerySet]


def to_review(reviewer: User) -> PredictionQuerySet:
    """Answers about images of which nothing is known yet, but for those the reviewer skipped."""
    of_image = Review.objects.filter(image=OuterRef("image"))
    skipped = of_image.not_withdrawn().filter(reviewer=reviewer, verdict=Verdict.SKIP)
    rows = _to_look_at().filter(reviewed_at=None)
    return rows.filter(~Exists(of_image.standing()), ~Exists(skipped))


def _to_look_at() -> PredictionQuerySet:
    return Prediction.objects.answered().pictured().filter(image__quarantined_at=None)


def uncertain(reviewer: User) -> PredictionQuerySet:
    return to_review(reviewer).filter(margin__isnull=False).order_by("margin", "pk")


def off_topic(reviewer: User) -> PredictionQuerySet:
    return to_review(reviewer).filter(off_topic=True).order_by("-off_topic_score", "-pk")


def newest(reviewer: User) -> PredictionQuerySet:
    return to_review(reviewer).order_by("-created_at", "-pk")


def of_stream(stream: Stream) -> Order:
    """The audit in its random order, other tasks the oldest first."""
    by = "rank" if stream is Stream.AUDIT else "created_at"

    def rows(reviewer: User) -> PredictionQuerySet:
        tasks = to_review(reviewer).filter(
            review_tasks__stream=stream, review_tasks__settled_at=None
        )
        return tasks.order_by(f"review_tasks__{by}", "review_tasks__pk")

    return rows


def second(reviewer: User) -> PredictionQuerySet:
    """What exactly one other reviewer has decided, for the agreement between reviewers."""
    theirs = Review.objects.standing().exclude(reviewer=reviewer).order_by("-pk")
    first = Review.objects.filter(pk__in=theirs.values("pk")[:LATEST])
    others = Review.objects.not_withdrawn().filter(by_owner=False, image=OuterRef("image"))
    alone = first.filter(~Exists(others.exclude(reviewer=OuterRef("reviewer"))))
    rows = _to_look_at().filter(pk__in=alone.values("prediction"))
    return rows.order_by(F("reviewed_at").desc(nulls_last=True), "-pk")


DEFAULT = "uncertain"
ORDERS: dict[str, tuple[str | Promise, Order]] = {
    "uncertain": (_("Most uncertain"), uncertain),
    "off_topic": (_("Off topic"), off_topic),
    "audit": (_("Random audit"), of_stream(Stream.AUDIT)),
    "owner": (_("Disputed by owners"), of_stream(Stream.OWNER)),
    "disagreement": (_("Models disagree"), of_stream(Stream.DISAGREEMENT)),
    "newest": (_("Newest"), newest),
    "second": (_("Second opinion"), second),
}
