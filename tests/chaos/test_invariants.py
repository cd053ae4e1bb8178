"""The checks find what they are there to find; and a seed replays its faults."""

import hashlib
import itertools
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.pictures import jpeg
from tests.chaos import invariants, oracle
from tests.chaos.invariants import Facts, broken
from tests.chaos.ledger import Answers, Ledger, read
from tests.chaos.report import quantile
from tests.chaos.rig import POISON
from tests.chaos.run import Plan, schedule

NUMBER, PK = 5000, "a" * 32
SAID = {"cat": 0.7, "dog": 0.2, "ship": 0.1}


@pytest.fixture
def facts(tmp_path: Path, monkeypatch) -> Facts:
    """Of a run with one picture, where all is well."""
    monkeypatch.setattr(oracle, "ask", lambda numbers: dict.fromkeys(numbers, SAID))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(jpeg(NUMBER))
    database = SimpleNamespace(fault=lambda: "")
    client = SimpleNamespace(name="anna", answers=Answers(), crash=None)
    row = {
        **{"id": PK, "status": "succeeded", "code": "", "attempt": 1, "batch": None},
        **{"label": "cat", "confidence": 0.7, "custom_id": "", "file": "a.jpg"},
        "sha256": hashlib.sha256(jpeg(NUMBER)).hexdigest(),
    }
    rig = SimpleNamespace(data=tmp_path, database=database)
    return Facts(rig, [client], {PK: NUMBER}, {PK: row}, [], Counter({PK: 1}), {})  # type: ignore[arg-type,list-item]


def only_breach(facts: Facts) -> str:
    found = broken(facts)
    assert len(found) == 1, found
    return found[0]


def test_where_all_is_well_nothing_is_found(facts):
    assert broken(facts) == []


def test_a_picture_that_is_gone_is_lost(facts):
    del facts.rows[PK]
    facts.missing = [PK]
    assert only_breach(facts).startswith("I1")


def test_a_picture_that_is_not_finished_is_found(facts):
    facts.rows[PK].update(status="running")
    assert any(line.startswith("I1") for line in broken(facts))


def test_a_second_answer_is_found(facts):
    facts.answers[PK] = 2
    assert only_breach(facts).startswith("I2, I4")


def test_two_ids_for_one_key_are_found(facts):
    facts.keys = {"k": {"one", "two"}}
    assert "Idempotency-Key" in only_breach(facts)


@pytest.mark.parametrize("wrong", [{"label": "dog"}, {"confidence": 0.69}])
def test_an_answer_that_the_bare_network_does_not_give_is_found(facts, wrong):
    facts.rows[PK].update(wrong)
    assert "the bare network says" in only_breach(facts)


def test_a_good_picture_may_fail_for_its_attempts_only(facts):
    facts.rows[PK].update(status="failed", code="ATTEMPTS_EXHAUSTED", attempt=3)
    assert broken(facts) == []
    facts.rows[PK].update(code="PREVIEW_UNREADABLE")
    assert "is a good picture" in only_breach(facts)


def test_a_picture_that_ends_its_worker_must_not_be_answered(facts):
    facts.sent[PK] = POISON
    assert any("ends its worker" in line for line in broken(facts))


def test_a_picture_of_a_pack_is_looked_for_there(facts, tmp_path):
    content = jpeg(NUMBER)
    (tmp_path / "images" / "b.pack").write_bytes(b"before" + content + b"after")
    facts.rows[PK].update(file=f"b.pack#6+{len(content)}")
    assert broken(facts) == []
    facts.rows[PK].update(file=f"b.pack#5+{len(content)}")
    assert only_breach(facts).startswith("I3")


def test_a_file_that_changed_or_is_gone_is_found(facts, tmp_path):
    (tmp_path / "images" / "a.jpg").write_bytes(b"another")
    assert only_breach(facts).startswith("I3")
    (tmp_path / "images" / "a.jpg").unlink()
    assert only_breach(facts).startswith("I3")


def test_a_fourth_attempt_is_found(facts):
    facts.rows[PK]["attempt"] = 4
    assert only_breach(facts).startswith("I5")


def test_an_undeclared_answer_is_found(facts):
    answers = facts.clients[0].answers
    answers.note(503, "DATABASE_UNAVAILABLE", "30", 0.1)
    answers.note(409, "IDEMPOTENCY_IN_FLIGHT", None, 0.1)
    assert broken(facts) == []
    answers.note(503, "", None, 0.1)
    answers.note(500, "INTERNAL", None, 0.1)
    answers.note(202, "", None, 3600)
    assert [line[:2] for line in broken(facts)] == ["I6"] * 3


def test_a_damaged_database_is_found(facts):
    facts.rig.database.fault = lambda: "row 3 missing from index"
    assert "damaged" in only_breach(facts)


def test_ids_are_the_same_in_both_databases():
    assert invariants._hex("01A2-b3".lower()) == "01a2b3"


def test_what_is_in_a_ledger_can_be_read_while_its_client_goes_on(tmp_path):
    ledger = Ledger(tmp_path / "anna.ledger")
    ledger.write(prediction="1", number=7)
    assert read(tmp_path) == [{"prediction": "1", "number": 7}]


def test_a_seed_replays_its_faults():
    kinds = ["a", "b", "c"]
    first, again = (list(itertools.islice(schedule(Plan(seed=5), kinds), 12)) for _ in "12")
    other = list(itertools.islice(schedule(Plan(seed=6), kinds), 12))
    assert first == again != other
    assert {kind for _pause, kind, _much in first[:3]} == set(kinds)


def test_quantiles_are_of_what_there_is():
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.95) == 3.0
    assert quantile([], 0.5) == 0.0
