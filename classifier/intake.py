"""How a batch is filled: items come one at a time and are committed a few hundred at a time.

Workers begin before the last item is in. A request that dies leaves a batch that was never sealed;
its sender got no answer, and the sweep forgets it.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from classifier import bell, outages
from classifier.images import accept
from classifier.models import Batch, Image, Owner, Prediction, Source, Status
from classifier.models.image import NAME_LENGTH, printable
from classifier.models.prediction_queue import BATCH
from classifier.problems import Problem

CHUNK = 200  # items a transaction


@dataclass(frozen=True)
class Item:
    """One of a batch: a picture's bytes, or the id of one sent before, or why there is neither."""

    custom_id: str
    data: bytes | None = None
    image_id: UUID | None = None
    problem: Problem | None = None


class Intake:
    def __init__(self, batch: Batch, owner: Owner, asked: dict[str, Any]) -> None:
        self.batch, self.owner, self.asked = batch, owner, asked
        self.places: dict[str, int] = {}  # custom_id -> position

    def fill(self, items: Iterable[Item], alive: Callable[[], None]) -> Self:
        """Take all items, then seal the batch. Raises Problem, for what refuses it as a whole."""
        for first, chunk in _chunks(items):
            self._take(first, chunk)
            alive()
        if not self.places:
            raise Problem("BATCH_EMPTY")
        self.batch.seal()
        return self

    def _take(self, first: int, chunk: list[Item]) -> None:
        self.stored: list[Image] = []
        outages.check_room()
        try:
            self._commit([self._row(first + n, item) for n, item in enumerate(chunk)])
        except BaseException as error:
            if not outages.may_be_committed(error):
                for image in self.stored:  # whose files no row names
                    image.delete_files()
            raise

    def _row(self, position: int, item: Item) -> Prediction:
        self._take_name(item.custom_id, position)
        row = self._new(position, item.custom_id)
        try:
            row.image = self._image(item)
        except Problem as problem:
            if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise  # that is our doing, not the picture's: the sender tries the batch again
            row.status, row.error_code = Status.FAILED, problem.code
            row.finished_at = row.created_at
        return row

    def _take_name(self, custom_id: str, position: int) -> None:
        earlier = self.places.setdefault(custom_id, position)
        if earlier != position:
            places = [earlier, position]
            raise Problem("DUPLICATE_CUSTOM_ID", custom_id=custom_id, positions=places)

    def _new(self, position: int, custom_id: str) -> Prediction:
        return Prediction(
            batch=self.batch,
            position=position,
            custom_id=custom_id,
            source=Source.BATCH,
            priority=BATCH,
            **self.owner.fields(),
            **self.asked,
        )

    def _image(self, item: Item) -> Image:
        if item.problem:
            raise item.problem
        if item.image_id:
            found = Image.objects.present().owned_by(self.owner).filter(pk=item.image_id).first()
            if found is None:
                raise Problem("IMAGE_NOT_FOUND")
            if found.quarantined_at:
                raise Problem("IMAGE_WITHHELD")
            return found
        accepted = accept(item.data or b"", settings.DECODE_PATIENCE_BATCH)
        image = Image.objects.store(accepted, printable(item.custom_id), self.owner)
        self.stored.append(image)
        return image

    def _commit(self, rows: list[Prediction]) -> None:
        with transaction.atomic():
            Image.objects.bulk_create(self.stored)
            Prediction.objects.bulk_create(rows)
            Batch.objects.filter(pk=self.batch.pk).update(touched_at=timezone.now())
            transaction.on_commit(bell.ring, robust=True)


def _chunks(items: Iterable[Item]) -> Iterator[tuple[int, list[Item]]]:
    iterator, first = iter(items), 0
    while chunk := list(itertools.islice(iterator, CHUNK)):
        yield first, chunk
        first += len(chunk)


def custom_id(name: str) -> str:
    """A file's path as the name of its item: no control or direction characters."""
    cleaned = "".join(c for c in name.replace("\\", "/") if c.isprintable()).strip()
    return cleaned[-NAME_LENGTH:]
