"""How a batch is filled: items come one at a time and are committed a few hundred at a time.

Workers begin before the last item is in. A request that dies leaves a batch that was never sealed;
its sender got no answer, and the sweep forgets it.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any, Self
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from classifier import bell, outages
from classifier.ahead import Accept, in_order
from classifier.ids import uuid7
from classifier.models import Batch, Image, Owner, Prediction, Source, Status
from classifier.models.image import NAME_LENGTH, only_printable
from classifier.models.incoming import Incoming
from classifier.models.inserting import Rows
from classifier.models.prediction_queue import BATCH
from classifier.problems import Problem
from classifier.pulse import Pulse

CHUNK = 200  # items a transaction
Fields = dict[str, Any]


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
        self.pulse = Pulse()

    def fill(self, items: Iterable[Item], alive: Callable[[], None]) -> Self:
        """Take all items, then seal the batch. Raises Problem, for what refuses it as a whole.
        `alive` is called every few seconds, from a thread of its own."""
        with (
            self.pulse.beating(self.batch.touch, alive),
            closing(in_order(items)) as pictures,
        ):
            while self._take(itertools.islice(pictures, CHUNK)):
                pass
        if not self.places:
            raise Problem("BATCH_EMPTY")
        self.batch.seal()
        return self

    def _take(self, chunk: Iterator[tuple[Item, Accept | None]]) -> bool:
        """Take and commit as many as there are, holding no more of them than `in_order` does.
        False where there are none."""
        self.stored: list[Incoming] = []
        self.packed: list[tuple[Incoming, bytes]] = []
        outages.check_room()
        try:
            rows = [self._row(item, accept) for item, accept in chunk]
            self._pack()
            if rows:
                self._commit(rows)
        except BaseException as error:
            if not outages.may_be_committed(error):
                for image in self.stored:  # whose files no row names
                    image.delete_files()
            raise
        return bool(rows)

    def _row(self, item: Item, accept: Accept | None) -> Fields:
        """What its row has of its own."""
        now = timezone.now()
        row = {"id": uuid7(), "custom_id": item.custom_id, "created_at": now, "queued_at": now}
        row["position"] = self._take_name(item.custom_id)
        self.pulse.moved()
        try:
            return row | {"image_id": item.image_id or self._image(item, accept, now).id}
        except Problem as problem:
            if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise  # that is our doing, not the picture's: the sender tries the batch again
            return _refused(row, problem.code)

    def _take_name(self, custom_id: str) -> int:
        position = len(self.places)
        earlier = self.places.setdefault(custom_id, position)
        if earlier != position:
            places = [earlier, position]
            raise Problem("DUPLICATE_CUSTOM_ID", custom_id=custom_id, positions=places)
        return position

    def _image(self, item: Item, accept: Accept | None, now: datetime) -> Incoming:
        if item.problem:
            raise item.problem
        assert accept, "what is neither refused nor named by id is a picture"
        accepted = accept()
        image = Incoming.of(accepted, item.custom_id, now)
        self.stored.append(image)
        if accepted.fits_a_pack:
            self.packed.append((image, accepted.original))
        else:
            image.write_files(accepted)
        return image

    def _pack(self) -> None:
        """Small pictures, each its own preview, into one file."""
        if self.packed:
            parts = Image.objects.pack([content for _image, content in self.packed])
            for (image, _content), part in zip(self.packed, parts, strict=True):
                image.original = image.preview = part

    def _refuse_strangers(self, rows: list[Fields]) -> None:
        """Of the pictures that were named by id, those that the sender does not have, or that are
        set aside. The others are held, so that nobody erases them before the rows are committed."""
        brought = {image.id for image in self.stored}
        named = {pk for row in rows if (pk := row.get("image_id")) and pk not in brought}
        if not named:
            return
        own = Image.objects.present().owned_by(self.owner).filter(pk__in=named)
        held = own.order_by("pk").select_for_update(no_key=True)
        withheld: dict[Any, Any] = dict(held.values_list("pk", "quarantined_at"))
        for place, row in enumerate(rows):
            if (pk := row.get("image_id")) not in named:
                continue
            if pk not in withheld:
                rows[place] = _refused(row, "IMAGE_NOT_FOUND")
            elif withheld[pk]:
                rows[place] = _refused(row, "IMAGE_WITHHELD")

    def _commit(self, rows: list[Fields]) -> None:
        images, predictions = Rows(Image(**self.owner.fields())), Rows(self._like)
        for image in self.stored:
            images.add(**image.fields())
        with transaction.atomic():
            self._refuse_strangers(rows)
            for row in rows:
                predictions.add(**row)
            if self.stored:
                images.insert()
            predictions.insert()
            batch = Batch.objects.filter(pk=self.batch.pk)
            # Whoever cancels it while it is sent stops what is there, and waits for this row.
            if not batch.filter(cancel_requested_at=None).update(touched_at=timezone.now()):
                batch.update(touched_at=timezone.now())
                self.batch.items.filter(pk__in=[row["id"] for row in rows]).cancel()
            transaction.on_commit(bell.ring, robust=True)

    @cached_property
    def _like(self) -> Prediction:
        """What all of the batch's rows have in common."""
        return Prediction(
            batch=self.batch,
            source=Source.BATCH,
            priority=BATCH,
            **self.owner.fields(),
            **self.asked,
        )


def _refused(row: Fields, code: str) -> Fields:
    ended = {"status": Status.FAILED, "error_code": code, "finished_at": row["created_at"]}
    return row | {"image_id": None} | ended


def custom_id(name: str) -> str:
    """A file's path as the name of its item: no control or direction characters."""
    return only_printable(name.replace("\\", "/"))[-NAME_LENGTH:]
