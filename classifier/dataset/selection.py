"""Which reviewed pictures a data set holds, and what is told of each."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.db.models import QuerySet

from classifier.models import Image, Review, ReviewTask, Stream, Verdict
from classifier.models.review import ReviewQuerySet

PAGE = 500
TRAIN, VALIDATION, NONE = "train", "validation", "none"
PLAIN = " !#$&'()+,-.;=@[]^_`{}~"  # may stand in a folder's name, beside letters and digits


@dataclass(frozen=True)
class Wanted:
    """What is asked for, as it is kept in an export's row. Times are RFC 3339."""

    since: str = ""  # reviewed then or later
    until: str = ""  # reviewed before
    model: str = ""  # answered by the model with this digest
    images: tuple[str, ...] = ()  # of these alone; () for all
    validation: float = 0.1  # the share that is kept to choose on

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Wanted":
        """As it was kept, without what else was kept beside it."""
        known = {name: kept[name] for name in cls.__dataclass_fields__ if name in kept}
        return cls(**{**known, "images": tuple(known.get("images", ()))})

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "images": list(self.images)}

    def reviews(self) -> ReviewQuerySet:
        """The word that stands about each picture, newest first."""
        rows = Review.objects.current().filter(image__trashed_at=None, image__quarantined_at=None)
        if self.since:
            rows = rows.filter(created_at__gte=datetime.fromisoformat(self.since))
        if self.until:
            rows = rows.filter(created_at__lt=datetime.fromisoformat(self.until))
        if self.model:
            rows = rows.filter(model__digest=self.model)
        if self.images:
            rows = rows.filter(image__in=[UUID(image) for image in self.images])
        return rows.select_related("image", "prediction", "model").order_by("-pk")


@dataclass(frozen=True)
class Entry:
    """A picture with its label; as a line of labels.jsonl, and of labels.csv."""

    file: str  # its name in the archive
    sha256: str  # of the upload
    label: str  # "" where it shows none of the classes
    split: str
    verdict: str
    reviewers: list[str]
    reviewed_at: str
    prediction: str
    answer: str
    confidence: float | None
    model: str  # the digest of the model whose answer was reviewed
    inclusion_probability: float | None  # None where it was not drawn for the audit

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def entries(wanted: Wanted) -> Iterator[list[tuple[Entry, Image]]]:
    """A page at a time. Of several uploads with the same bytes the newest word counts."""
    seen: set[bytes] = set()
    for page in _pages(wanted.reviews()):
        once = [review for review in page if _is_new(review.image.sha256, seen)]
        reviewers = _reviewers([review.image_id for review in once])
        drawn = _probabilities([review.image_id for review in once])
        yield [
            (
                _entry(
                    review,
                    wanted.validation,
                    reviewers.get(review.image_id, []),
                    drawn.get(review.image_id),
                ),
                review.image,
            )
            for review in once
        ]


def split_of(sha256: str, validation: float) -> str:
    """By the picture's hash, so that it is in the same split in every export, copies too."""
    return VALIDATION if int(sha256[:8], 16) < validation * 2**32 else TRAIN


def folder_of(label: str) -> str:
    """A label as the name of a folder, whatever is in it; labels.jsonl has it as it is."""
    letters = "".join(c if c.isalnum() or c in PLAIN else quote(c, safe="") for c in label)
    return letters.replace(".", "%2E", 1) if letters.startswith(".") else letters


def _entry(
    review: Review, validation: float, reviewers: list[str], probability: float | None
) -> Entry:
    sha256, row = review.image.sha256, review.prediction
    is_none = review.verdict == Verdict.NONE
    split = NONE if is_none else split_of(sha256, validation)
    folder = NONE if is_none else f"{split}/{folder_of(review.label)}"
    return Entry(
        file=f"{folder}/{sha256}.jpg",
        sha256=sha256,
        label=review.label,
        split=split,
        verdict=review.verdict,
        reviewers=reviewers,
        reviewed_at=review.created_at.isoformat(),
        prediction=str(row.pk),
        answer=row.label,
        confidence=row.confidence,
        model=review.model.digest,
        inclusion_probability=probability,
    )


def _pages(rows: "QuerySet[Review]") -> Iterator[list[Review]]:
    last: int | None = None
    while page := list((rows.filter(pk__lt=last) if last else rows)[:PAGE]):
        yield page
        last = page[-1].pk


def _is_new(sha256: str, seen: set[bytes]) -> bool:
    digest = bytes.fromhex(sha256)
    if digest in seen:
        return False
    seen.add(digest)
    return True


def _reviewers(images: list[UUID]) -> dict[UUID, list[str]]:
    """Who has decided about each image, by name; who was deleted since is left out."""
    rows = Review.objects.standing().filter(image__in=images, reviewer__isnull=False)
    found: dict[UUID, list[str]] = {}
    for image, name in rows.order_by("pk").values_list("image", "reviewer__username"):
        if name not in found.setdefault(image, []):
            found[image].append(name)
    return found


def _probabilities(images: list[UUID]) -> dict[UUID, float | None]:
    """With which each image's answer was drawn for the audit, where it was."""
    tasks = ReviewTask.objects.filter(stream=Stream.AUDIT, prediction__image__in=images)
    return dict(tasks.values_list("prediction__image", "inclusion_probability"))
