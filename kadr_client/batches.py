"""Sends batches, waits for them, fetches what came out: one ahead of the one being classified."""

import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kadr_client.errors import RefusedError, UnreachableError
from kadr_client.files import Picture
from kadr_client.http import Answer, Request
from kadr_client.journal import Journal
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
class Run:
    service: Service
    journal: Journal
    progress: Progress
    options: dict[str, str]
    model: str  # the version that serves: another one is asked anew
    total: int  # pictures
    done: int = 0

    def rows(self, groups: Iterator[list[Picture]]) -> Iterator[list[Row]]:
        """The answers, a list a group, in the order of the groups. One thread is enough: the
        service classifies a batch while we upload the next."""
        sent: deque[tuple[Batch, str]] = deque()
        for group in groups:
            sent.append(self._send(prepare(group, self.options, self.model)))
            if len(sent) > AHEAD:
                yield self._collect(*sent.popleft())
        while sent:
            yield self._collect(*sent.popleft())

    def _send(self, batch: Batch) -> tuple[Batch, str]:
        for picture in batch.pictures:
            if picture.name in batch.unsent:
                self.progress.say(f"{picture.path} {batch.unsent[picture.name]}")
        return batch, self._sent(batch) if batch.parts else ""

    def _sent(self, batch: Batch) -> str:
        """The id that the service gave the batch, now or earlier."""
        known = self.journal.get(batch.key)
        if known and self._exists(known):
            return known
        self._show(0, f"sending {len(batch.parts)}")
        headers = {"Idempotency-Key": batch.key}
        answer = self.service.ask(Request("POST", "/api/v1/batches", headers, batch.form))
        batch_id = str(self._batch(answer)["id"])
        self.journal.record(batch.key, batch_id)
        return batch_id

    def _exists(self, batch_id: str) -> bool:
        try:
            self.service.ask(Request("GET", f"/api/v1/batches/{batch_id}"))
        except RefusedError as refusal:
            if refusal.status == 404:  # deleted, or another service's
                return False
            raise
        return True

    def _collect(self, batch: Batch, batch_id: str) -> list[Row]:
        items = self._items(batch, batch_id) if batch_id else {}
        for name, why in batch.unsent.items():
            items[name] = _failed(name, {"code": "NOT_SENT", "title": why})
        self.done += len(batch.pictures)
        self._show(0, "")
        return [Row(str(picture.path), items[picture.name]) for picture in batch.pictures]

    def _items(self, batch: Batch, batch_id: str) -> dict[str, Item]:
        ended = self._finished(batch_id)
        for failures in range(1, ATTEMPTS + 1):
            items = self._results(batch_id)
            missing = [part.name for part in batch.parts if part.name not in items]
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
