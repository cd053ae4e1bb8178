"""What goes for good, and when: what is older than is kept, what a user sent, what was deleted.

A few hundred rows are held at a time. Each picture goes by itself, files and rows (Image.erase), so
whoever is killed leaves nothing that is seen, and the next run goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from classifier.models import Batch, Export, IdempotencyKey, Image, Prediction
from classifier.models.status import FINAL, UNFINISHED

PAGE = 500
Rows = TypeVar("Rows", bound="QuerySet[Any]")


@dataclass
class Gone:
    """How much went, or would."""

    pictures: int = 0
    bytes: int = 0  # of the originals
    answers: int = 0
    batches: int = 0
    exports: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name):,}" for field in fields(self))


class Purge:
    """Of one user's or of everybody's; of what is older than `before`, or of all."""

    def __init__(
        self, before: datetime | None = None, user: User | None = None, dry_run: bool = False
    ) -> None:
        self.before, self.user, self.dry_run = before, user, dry_run
        self.gone = Gone()

    def run(self) -> Gone:
        self._pictures()
        self._answers_without_a_picture()
        self._batches()
        self._exports()
        return self.gone

    def _mine(self, rows: Rows) -> Rows:
        if self.user:
            rows = rows.filter(owner=self.user)
        return rows.filter(created_at__lt=self.before) if self.before else rows

    def _pictures(self) -> None:
        rows = self._mine(Image.objects.all())
        if self.before:
            about = Prediction.objects.filter(image=OuterRef("pk"))
            in_use = about.filter(Q(created_at__gte=self.before) | Q(status__in=UNFINISHED))
            rows = rows.exclude(Exists(in_use))
        for page in pages(rows):
            # One that was asked about since the page was read is none of these rows any more.
            going = page if self.dry_run else rows.erase_still(page)
            self.gone.pictures += len(going)
            self.gone.bytes += sum(image.byte_size for image in going)
            if self.dry_run:
                self.gone.answers += Prediction.objects.filter(image__in=page).count()

    def _answers_without_a_picture(self) -> None:
        """Tombstones, those that the erased pictures have just left too, and refused items."""
        rows = self._mine(Prediction.objects.filter(image=None, status__in=FINAL))
        for page in pages(rows):
            self.gone.answers += len(page)
            if not self.dry_run:
                Prediction.objects.filter(pk__in=[row.pk for row in page]).delete()

    def _batches(self) -> None:
        items = Prediction.objects.filter(batch=OuterRef("pk"))
        if self.dry_run:  # items that would go are still there
            going = self._mine(Prediction.objects.filter(status__in=FINAL))
            items = items.exclude(pk__in=going.values("pk"))
        rows = self._mine(Batch.objects.filter(sealed_at__isnull=False)).exclude(Exists(items))
        for page in pages(rows):
            self.gone.batches += len(page)
            if not self.dry_run:
                forget([batch.pk for batch in page])

    def _exports(self) -> None:
        for page in pages(self._mine(Export.objects.all())):
            self.gone.exports += len(page)
            if not self.dry_run:
                ids = [export.pk for export in page]
                Export.objects.filter(pk__in=ids).erase_each()


def forget(batches: list[UUID]) -> None:
    """Delete them with their keys: who repeats the request begins anew, and is not told of a
    batch that is gone."""
    with transaction.atomic():
        IdempotencyKey.objects.filter(resource__in=batches).delete()
        Batch.objects.filter(pk__in=batches).delete()


def keep_days() -> Gone:
    """Purge what is older than KADR_KEEP_DAYS, if that is set."""
    if not settings.KEEP_DAYS:
        return Gone()
    return Purge(before=timezone.now() - timedelta(days=settings.KEEP_DAYS)).run()


def empty_trash() -> int:
    """Erase what was in the trash for long enough, and what an earlier run left half erased."""
    erased = 0
    for page in pages(Image.objects.spent(), by="trashed_at"):
        erased += Image.objects.erase_each(page)
    return erased


def pages(rows: "QuerySet[Any]", by: str = "created_at") -> Iterator[list[Any]]:
    """The rows, oldest first, a page at a time, whatever becomes of those of earlier pages."""
    rows, position = rows.order_by(by, "pk"), Q()
    while page := list(rows.filter(position)[:PAGE]):
        moment, pk = getattr(page[-1], by), page[-1].pk  # the id is gone once it is deleted
        yield page
        position = Q(**{f"{by}__gt": moment}) | Q(**{by: moment, "pk__gt": pk})
