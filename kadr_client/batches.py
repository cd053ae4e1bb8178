"""Sends batches, waits for them, fetches what came out: one ahead of the one being classified."""

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile
from typing import Any

from kadr_client.errors import RefusedError, UnreachableError
from kadr_client.files import MOST_FILES, Picture, split
from kadr_client.http import Answer, Request
from kadr_client.journal import Journal
from kadr_client.multipart import Part
from kadr_client.output import Row
from kadr_client.preparing import Batch, prepare
from kadr_client.progress import Progress
from kadr_client.service import ATTEMPTS, Service, backoff, retry_after

AHEAD = 1  # batches sent while an earlier one is being classified
FINAL = {"completed", "failed", "canceled"}
ENDED = ("succeeded", "failed", "canceled", "expired")
DELETED = {"code": "DELETED", "title": "the picture was deleted after it was sent"}
NO_RESULT = {"code": "NO_RESULT", "title": "the service gives no answer for it"}
UNHURRIED = 2.0  # seconds between questions where the service names none
Item = dict[str, Any]


@dataclass
class Place:
    """A picture's, in the order of the input."""

    picture: Picture
    part: Part | None  # None where it stays here
    mark: str = ""
    why: str = ""  # it stays here
    batch: str = ""  # the id of the batch that has it, once one has

    @property
    def size(self) -> int:
        return self.picture.size


@dataclass
class Run:
    service: Service
    journal: Journal
    progress: Progress
    options: dict[str, str]
    model: str  # the version that serves: another one is asked anew
    total: int  # pictures
    done: int = 0
    _line: deque[Place] = field(default_factory=deque)  # not answered yet
    _new: list[Place] = field(default_factory=list)  # of these, what is to be sent
    _begun: dict[str, list[Place]] = field(default_factory=dict)  # to be sent as it was before
    _sent: deque[str] = field(default_factory=deque)  # batches that are being classified
    _known: dict[str, bool] = field(default_factory=dict)  # batches: whether they are still there

    def rows(self, groups: Iterable[list[Picture]]) -> Iterator[list[Row]]:
        """The answers in the order of the pictures. They are read a group at a time; what is new
        among them is sent in groups of its own, so that it alone is, wherever it stands. One thread
        is enough: the service classifies a batch while we upload the next."""
        for group in groups:
            for ready in self._look_up(prepare(group, self.options, self.model)):
                yield from self._send(ready)
            *full, self._new = [*split(self._new)] or [[]]
            for ready in full:
                yield from self._send(ready)
            yield from self._answered()
        # Of what was to be sent as it was before something is gone or has changed.
        for ready in split([*self._new, *chain.from_iterable(self._begun.values())]):
            yield from self._send(ready)
        self._sent.clear()
        yield from self._answered()

    def _look_up(self, read: Batch) -> Iterator[list[Place]]:
        """Sets aside what is to be sent; gives what once was begun to be, when it is complete."""
        parts = {part.name: part for part in read.parts}
        marks = dict(zip(parts, read.marks, strict=True))
        for picture in read.pictures:
            part, mark = parts.get(picture.name), marks.get(picture.name, "")
            place = Place(picture, part, mark, read.unsent.get(picture.name, ""))
            self._line.append(place)
            known = self.journal.holds(mark)
            if not part:
                self.progress.say(f"{picture.path} {place.why}")
            elif known and self._exists(known):
                place.batch = known
            elif key := self.journal.begun(mark):
                places = self._begun.setdefault(key, [])
                places.append(place)
                if [each.mark for each in places] == self.journal.files(key):
                    yield self._begun.pop(key)
            else:
                self._new.append(place)

    def _send(self, places: list[Place]) -> Iterator[list[Row]]:
        """And what is answered by then."""
        parts = [place.part for place in places if place.part]
        batch = Batch([place.picture for place in places], parts, {}, self.options, self.model)
        batch_id = self._id(batch)
        for place in places:
            place.batch = batch_id
        self._sent.append(batch_id)
        if len(self._sent) > AHEAD:
            self._sent.popleft()
            yield from self._answered()

    def _id(self, batch: Batch) -> str:
        """The one that the service gave the batch, now or earlier."""
        known = self.journal.get(batch.key)
        self.journal.begin(batch.key, batch.marks)
        if known and self._exists(known):
            return known
        self._show(0, f"sending {len(batch.parts)}")
        headers = {"Idempotency-Key": batch.key}
        answer = self.service.ask(Request("POST", "/api/v1/batches", headers, batch.form))
        batch_id = str(self._batch(answer)["id"])
        self.journal.record(batch.key, batch_id)
        return batch_id

    def _exists(self, batch_id: str) -> bool:
        """False for one that was deleted, or is another service's."""
        if batch_id not in self._known:
            self._known[batch_id] = self._is_there(batch_id)
        return self._known[batch_id]

    def _is_there(self, batch_id: str) -> bool:
        try:
            self.service.ask(Request("GET", f"/api/v1/batches/{batch_id}"))
        except RefusedError as refusal:
            if refusal.status == 404:
                return False
            raise
        return True

    def _answered(self) -> Iterator[list[Row]]:
        """From the front of the line, up to what is not sent or still being classified."""
        while due := [*islice(takewhile(self._is_due, self._line), MOST_FILES)]:
            for _place in due:
                self._line.popleft()
            yield self._collect(due)

    def _is_due(self, place: Place) -> bool:
        return not place.part or (bool(place.batch) and place.batch not in self._sent)

    def _collect(self, due: list[Place]) -> list[Row]:
        items: dict[str, Item] = {}
        names: dict[str, list[str]] = {}
        for place in due:
            name = place.picture.name
            if place.part:
                names.setdefault(place.batch, []).append(name)
            else:
                items[name] = _failed(name, {"code": "NOT_SENT", "title": place.why})
        for batch_id, wanted in names.items():
            items |= self._items(batch_id, wanted)
        self.done += len(due)
        self._show(0, "")
        return [Row(str(place.picture.path), items[place.picture.name]) for place in due]

    def _items(self, batch_id: str, wanted: list[str]) -> dict[str, Item]:
        """Those of that batch, by name."""
        ended = self._finished(batch_id)
        for failures in range(1, ATTEMPTS + 1):
            found = self._results(batch_id)
            items = {name: found[name] for name in wanted if name in found}
            missing = [name for name in wanted if name not in items]
            if missing and ended["status"] != "completed":  # it never came to these
                told = {"code": "BATCH_ENDED", "title": f"the batch is {ended['status']}"}
                return items | {name: _failed(name, told) for name in missing}
            if not missing:
                return items
            time.sleep(backoff(failures))
        raise UnreachableError(f"{len(missing)} answers are missing from batch {batch_id}")

    def _results(self, batch_id: str) -> dict[str, Item]:
        """By name. Held until all is there: what is cut short is fetched anew, not told twice."""
        headers = {"Accept": "application/jsonl"}
        answer = self.service.ask(Request("GET", f"/api/v1/batches/{batch_id}/results", headers))
        return {item["custom_id"]: item for item in map(_item, answer.body.splitlines()) if item}

    def _finished(self, batch_id: str) -> Item:
        """The batch, once it is final."""
        while True:
            answer = self.service.ask(Request("GET", f"/api/v1/batches/{batch_id}"))
            batch = self._batch(answer)
            if batch["status"] in FINAL:
                return batch
            counts = batch.get("counts") or {}
            self._show(sum(int(counts.get(name) or 0) for name in ENDED), batch["status"])
            asked = retry_after(answer)
            time.sleep(UNHURRIED if asked is None else max(asked, 0.05))

    def _batch(self, answer: Answer) -> Item:
        batch = answer.json()
        if not {"id", "status"} <= batch.keys():
            raise UnreachableError(f"not a Kadr server: {self.service.url}")
        return batch

    def _show(self, ended: int, doing: str) -> None:
        self.progress.show(self.done + ended, self.total, doing)


def _item(line: bytes) -> Item | None:
    """The object of a line; None where the line is cut short."""
    try:
        item = json.loads(line)
    except ValueError:
        return None
    if not isinstance(item, dict) or not isinstance(item.get("custom_id"), str):
        return None
    return item if item.get("result") else _without_result(item)


def _without_result(item: Item) -> Item:
    """Whatever it once came to: what was deleted or withheld since gives nobody a label."""
    error = item.get("error") or (DELETED if item.get("deleted") else None)
    if item.get("status") == "succeeded":
        return {**item, "status": "failed", "error": error or NO_RESULT}
    return {**item, "error": error}


def _failed(name: str, error: Item) -> Item:
    return {"custom_id": name, "id": None, "status": "failed", "result": None, "error": error}
