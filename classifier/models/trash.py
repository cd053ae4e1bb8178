"""The trash: what was deleted can be brought back for a while, and nobody sees it meanwhile.

What is to be erased is first condemned: in the trash since a time that no window reaches. Whoever
dies between its files and its row leaves it there unseen, and the next emptying goes on with it.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from classifier.models.owner import OwnedQuerySet, T
from classifier.models.status import Status

if TYPE_CHECKING:
    from classifier.models.prediction_queue import PredictionQuerySet

CONDEMNED = datetime(1970, 1, 1, tzinfo=UTC)


def window() -> timedelta:
    return timedelta(hours=settings.TRASH_HOURS)


class TrashQuerySet(OwnedQuerySet[T]):
    def present(self) -> Self:
        """Without what is in the trash."""
        return self.filter(trashed_at=None)

    def restorable(self) -> Self:
        return self.filter(trashed_at__gt=Now() - window())

    def spent(self) -> Self:
        """In the trash for so long that it is to be erased."""
        return self.filter(trashed_at__lte=Now() - window())

    def trash(self) -> int:
        return self.present().update(trashed_at=Now())

    def restore(self) -> int:
        return self.restorable().update(trashed_at=None)

    def condemn(self) -> int:
        return self.update(trashed_at=CONDEMNED)


class Trashable(models.Model):
    trashed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def restorable_until(self) -> datetime | None:
        if self.trashed_at is None or self.trashed_at == CONDEMNED:
            return None
        return self.trashed_at + window()


def stopped_by_trash(predictions: "PredictionQuerySet") -> "PredictionQuerySet":
    """Those that were waiting or running when their image was put into the trash."""
    since = F("image__trashed_at")
    return predictions.filter(status=Status.CANCELED, finished_at__gte=since)
