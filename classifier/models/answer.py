"""What a prediction tells, however its row was read: as an instance, or as bare columns where
there are thousands, since an instance costs more than all else that is done with it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from classifier.models.status import Status
from classifier.problems import Problem

if TYPE_CHECKING:
    from uuid import UUID

    from classifier.models.model_version import ModelVersion


class Answer:
    """Reads the columns of a prediction, the model that answered and the state of the picture."""

    status: Any
    label: Any
    probabilities: Any
    top_k: Any
    error_code: Any
    deleted_at: Any
    image: Any
    model: Any

    @property
    def gone_at(self) -> datetime | None:
        """Since when it is deleted, for good or not yet; None where it is there."""
        return self.deleted_at or (self.image.trashed_at if self.image else None)

    @property
    def is_withheld(self) -> bool:
        """Staff has set its picture aside, so its owner sees neither picture nor answer."""
        return bool(self.image and self.image.quarantined_at)

    @property
    def is_shown(self) -> bool:
        """There is an answer that may be seen."""
        return self.status == Status.SUCCEEDED and not self.is_withheld

    @property
    def problem(self) -> Problem | None:
        """Why it failed or is not shown; None where it did not and is."""
        if self.is_withheld:
            return Problem("IMAGE_WITHHELD")
        return Problem(self.error_code) if self.error_code else None

    @property
    def label_localized(self) -> str:
        return self.model.label_name(self.label) if self.model and self.is_shown else ""

    def top(self, k: int | None = None) -> list[dict[str, Any]]:
        """The k likeliest labels (as many as were asked for) with their confidence, likeliest
        first; [] without a result that may be seen."""
        if not (self.model and self.probabilities and self.is_shown):
            return []
        ranked: list[dict[str, Any]] = self.model.top(self.probabilities, k or self.top_k)
        return ranked

    def conformal_set(self) -> list[dict[str, Any]] | None:
        """The labels among which the truth is in 95 of 100 cases; None where that is not known."""
        if not (self.model and self.probabilities and self.is_shown):
            return None
        labels: list[dict[str, Any]] | None = self.model.conformal_set(self.probabilities)
        return labels

    def others_possible(self) -> list[str]:
        """The names of the other labels in its set: what else it may well be."""
        return [entry["label_localized"] for entry in (self.conformal_set() or [])[1:]]


class PictureState(NamedTuple):
    trashed_at: datetime | None
    quarantined_at: datetime | None


@dataclass(slots=True)
class StoredAnswer(Answer):
    """COLUMNS of a row, in their order, and its model, which whoever reads them has to set."""

    pk: "UUID"
    custom_id: str
    position: int
    status: str
    label: str
    confidence: float | None
    probabilities: list[float] | None
    top_k: int
    off_topic_score: float | None
    off_topic: bool | None
    error_code: str
    deleted_at: datetime | None
    trashed_at: datetime | None
    quarantined_at: datetime | None
    model_id: int | None
    model: "ModelVersion | None" = None
    image: PictureState = field(init=False)

    def __post_init__(self) -> None:
        self.image = PictureState(self.trashed_at, self.quarantined_at)


COLUMNS = (
    *("pk", "custom_id", "position", "status", "label", "confidence", "probabilities", "top_k"),
    *("off_topic_score", "off_topic", "error_code", "deleted_at"),
    *("image__trashed_at", "image__quarantined_at", "model_id"),
)
