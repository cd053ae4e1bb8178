"""Pictures of a batch on their way in: what their rows will have of their own, without the
instances, which cost more than the database does."""

from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from classifier.ids import uuid7
from classifier.models.image import Image, printable

if TYPE_CHECKING:
    from classifier.images import Accepted

COLUMNS = (
    *("id", "name", "sha256", "width", "height", "byte_size", "created_at"),
    *("original", "preview"),
)
columns = attrgetter(*COLUMNS)


@dataclass(slots=True)
class Incoming:
    """As an Image, but only with what no two of a batch have in common."""

    name: str
    sha256: str
    width: int
    height: int
    byte_size: int
    created_at: datetime
    id: UUID = field(default_factory=uuid7)
    original: str = ""  # the names of its files, once they are written
    preview: str = ""

    @classmethod
    def of(cls, accepted: "Accepted", name: str, now: datetime) -> "Incoming":
        return cls(
            name=printable(name),
            sha256=accepted.sha256,
            width=accepted.width,
            height=accepted.height,
            byte_size=len(accepted.original),
            created_at=now,
        )

    def write_files(self, accepted: "Accepted") -> None:
        """They are on disk when this returns."""
        image = Image(id=self.id)
        image.write_files(accepted)
        self.original, self.preview = str(image.original), str(image.preview)

    def delete_files(self) -> None:
        Image(original=self.original, preview=self.preview).delete_files()

    def fields(self) -> dict[str, Any]:
        """Of its row."""
        return dict(zip(COLUMNS, columns(self), strict=True))
