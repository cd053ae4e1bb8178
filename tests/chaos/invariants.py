"""What must hold after every run, whatever was broken: the invariants I1 to I6."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.pictures import jpeg
from classifier import packs
from tests.chaos import ledger, oracle
from tests.chaos.clients import Client
from tests.chaos.rig import HANG, MEMORY, POISON, Rig

FINAL = {"succeeded", "failed", "canceled", "expired"}
MOST_ATTEMPTS = 3
KILLERS = {POISON, HANG, MEMORY}
ROWS = """
SELECT p.id, p.status, p.error_code, p.attempt, p.label, p.confidence, i.sha256, i.original,
       p.batch_id, p.custom_id
FROM classifier_prediction p LEFT JOIN classifier_image i ON i.id = p.image_id
"""
FIELDS = (
    *("id", "status", "code", "attempt", "label", "confidence"),
    *("sha256", "file", "batch", "custom_id"),
)


@dataclass
class Facts:
    """The ledgers, and what the database says after the run."""

    rig: Rig
    clients: list[Client]
    sent: dict[str, int]  # the number of each acknowledged picture, by the prediction's id
    rows: dict[str, dict[str, Any]]
    missing: list[str]  # acknowledged, and not in the database
    answers: Counter[str]  # final changes, by the prediction's id
    keys: dict[str, set[str]]  # ids, by Idempotency-Key

    def acknowledged(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for pk, number in self.sent.items():
            if pk in self.rows:
                yield number, self.rows[pk]


def gather(rig: Rig, clients: list[Client]) -> Facts:
    found = [dict(zip(FIELDS, row, strict=True)) for row in rig.rows(ROWS)]
    rows = {_hex(row["id"]): row for row in found}
    batches: dict[str, dict[str, str]] = {}
    for pk, row in rows.items():
        batches.setdefault(_hex(row["batch"]), {})[row["custom_id"]] = pk
    facts = Facts(rig, clients, {}, rows, [], Counter(), {})
    for entry in ledger.read(rig.folder):
        _enter(facts, entry, batches)
    facts.missing = [pk for pk in facts.sent if pk not in facts.rows]
    for (pk,) in rig.rows("SELECT prediction FROM answers"):
        facts.answers[_hex(pk)] += 1
    return facts


def _enter(facts: Facts, entry: dict[str, Any], batches: dict[str, dict[str, str]]) -> None:
    if "batch" in entry:
        items = batches.get(_hex(entry["batch"]), {})
        for number in entry["numbers"]:
            pk = items.get(f"{number}.jpg", f"{entry['batch']}/{number}")
            facts.sent[pk] = number
    else:
        facts.sent[_hex(entry["prediction"])] = entry["number"]
    if "key" in entry:
        facts.keys.setdefault(entry["key"], set()).add(entry["prediction"])


def broken(facts: Facts) -> list[str]:
    """Every breach, a line each."""
    checks = (_lost, _answered_twice, _wrong_answers, changed_files, _attempts, _requests, _whole)
    return [line for check in checks for line in check(facts)]


def _lost(facts: Facts) -> Iterator[str]:
    for pk in facts.missing:
        yield f"I1: {pk} was acknowledged and is not there"
    for _number, row in facts.acknowledged():
        if row["status"] not in FINAL:
            yield f"I1: {row['id']} is still {row['status']}"


def _answered_twice(facts: Facts) -> Iterator[str]:
    for pk, count in facts.answers.items():
        if count > 1:
            yield f"I2, I4: {pk} was answered {count} times"
    for pk in facts.sent:
        if pk in facts.rows and not facts.answers[pk]:
            yield f"I2: {pk} is final without having been answered"
    for key, ids in facts.keys.items():
        if len(ids) > 1:
            yield f"I2: the Idempotency-Key {key} made {sorted(ids)}"


def _wrong_answers(facts: Facts) -> Iterator[str]:
    said = oracle.ask(list(facts.sent.values()))
    for number, row in facts.acknowledged():
        if row["status"] == "succeeded":
            if not oracle.agrees(row["label"], row["confidence"], said[number]):
                yield f"I2: {row['id']} is {row['label']}, the bare network says {said[number]}"
        elif number not in KILLERS and row["code"] != "ATTEMPTS_EXHAUSTED":
            yield f"I2: {row['id']} is a good picture, and {row['status']} ({row['code']})"
        if number in KILLERS and row["status"] != "failed":
            yield f"I2: the picture {number} ends its worker, and is {row['status']}"


def changed_files(facts: Facts) -> Iterator[str]:
    """I3, which the tidying of orphans must not break either."""
    for number, row in facts.acknowledged():
        expected = hashlib.sha256(jpeg(number)).hexdigest()
        if row["sha256"] != expected:
            yield f"I3: {row['id']} is about another picture"
        if _digest(facts.rig.data / "images", row["file"] or "") != expected:
            yield f"I3: the file of {row['id']} is gone or another"


def _attempts(facts: Facts) -> Iterator[str]:
    for row in facts.rows.values():
        if row["attempt"] > MOST_ATTEMPTS:
            yield f"I5: {row['id']} was tried {row['attempt']} times"


def _requests(facts: Facts) -> Iterator[str]:
    for client in facts.clients:
        yield from (f"I6: {client.name} was answered {told}" for told in client.answers.undeclared)
        if client.crash:
            yield f"{client.name} broke: {client.crash!r}"


def _whole(facts: Facts) -> Iterator[str]:
    if fault := facts.rig.database.fault():
        yield f"the database is damaged: {fault}"


def _digest(images: Path, name: str) -> str:
    """Of a stored file, or of its part of a pack; "" where it is gone."""
    part = packs.part(name)
    try:
        content = packs.read(images / part.file, part) if part else (images / name).read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(content).hexdigest()


def _hex(pk: Any) -> str:
    """SQLite keeps a UUID as 32 hexadecimal digits, PostgreSQL as itself."""
    return str(pk).replace("-", "")
