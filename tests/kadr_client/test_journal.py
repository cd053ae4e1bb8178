"""What was sent is known again."""

import json
import os

import pytest

from kadr_client.errors import UsageError
from kadr_client.journal import DAY, HEADER, MONTH, Journal, default_path


def test_what_is_recorded_is_known_to_the_next_run(tmp_path):
    path = tmp_path / "new" / "journal"
    Journal(path).record("k1", "one")
    Journal(path).record("k2", "two")
    assert [Journal(path).get(key) for key in ("k1", "k2", "k3")] == ["one", "two", None]


def test_the_last_word_counts(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.record("k", "deleted")
    journal.record("k", "anew")
    assert Journal(journal.path).get("k") == "anew"


def test_a_line_cut_short_by_a_crash_harms_neither_those_before_nor_those_after(tmp_path):
    path = tmp_path / "journal"
    Journal(path).record("k1", "one")
    with path.open("ab") as file:
        file.write(b'{"key": "k2", "i')
    Journal(path).record("k3", "three")
    assert [Journal(path).get(key) for key in ("k1", "k2", "k3")] == ["one", None, "three"]


DAMAGED = [
    *(b"\xff\xd8 a photo", b"{}\n", b'["a"]\n'),
    *(b'{"kadr_client": "jou', bytes(4096), b"[" * 100_000),
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_file_that_is_no_journal_is_left_alone_and_told_what_may_be_done(tmp_path, content):
    (tmp_path / "photo.jpg").write_bytes(content)
    with pytest.raises(UsageError, match=r"not a journal.*name another file, or delete it"):
        Journal(tmp_path / "photo.jpg", chosen=True)
    assert (tmp_path / "photo.jpg").read_bytes() == content


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_of_our_own_stops_nothing_and_is_begun_anew(tmp_path, content):
    path = tmp_path / "journal"
    path.write_bytes(content)
    Journal(path).record("k", "id")
    assert Journal(path).get("k") == "id"


def test_an_empty_file_may_become_one(tmp_path):
    (tmp_path / "empty").touch()
    Journal(tmp_path / "empty", chosen=True).record("k", "id")
    assert Journal(tmp_path / "empty").get("k") == "id"


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    journal = Journal(tmp_path / "file" / "journal")
    journal.record("k", "id")
    assert journal.get("k") == "id"


def test_a_chosen_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot"):
        Journal(tmp_path / "file" / "journal", chosen=True).record("k", "id")


def finished(path, *, chosen: bool) -> Journal:
    journal = Journal(path, chosen=chosen)
    journal.begin("k", ["m"])
    journal.record("k", "id")
    journal.finish()
    return journal


def grown_old(path, seconds: float) -> None:
    at = path.stat().st_mtime - seconds
    os.utime(path, (at, at))


@pytest.mark.parametrize("chosen", [True, False])
def test_when_all_is_answered_what_was_sent_is_known_for_a_day(tmp_path, chosen):
    path = finished(tmp_path / "journal", chosen=chosen).path
    grown_old(path, DAY - 60)
    assert Journal(path, chosen=chosen).holds("m") == "id"


def test_after_that_only_a_chosen_file_stays(tmp_path):
    for name, chosen in (("default", False), ("chosen", True)):
        path = finished(tmp_path / name, chosen=chosen).path
        grown_old(path, DAY + 60)
        assert Journal(path, chosen=chosen).holds("m") == ("id" if chosen else None)
        assert path.exists() == chosen


def test_a_run_that_was_stopped_is_known_for_longer(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.record("k", "id")
    grown_old(journal.path, 5 * DAY)
    assert Journal(journal.path).get("k") == "id"


def test_what_other_commands_left_in_the_cache_goes_after_a_month(tmp_path):
    old, young, strange = (tmp_path / name for name in ("old.jsonl", "young.jsonl", "photo.jpg"))
    for path, age in ((old, MONTH + DAY), (young, MONTH - DAY), (strange, MONTH + DAY)):
        path.touch()
        grown_old(path, age)
    finished(tmp_path / "mine.jsonl", chosen=False)
    assert (old.exists(), young.exists(), strange.exists()) == (False, True, True)


def test_a_chosen_file_s_neighbours_are_nobody_s_business(tmp_path):
    (tmp_path / "old.jsonl").touch()
    grown_old(tmp_path / "old.jsonl", 2 * MONTH)
    finished(tmp_path / "mine.jsonl", chosen=True)
    assert (tmp_path / "old.jsonl").exists()


def test_a_file_is_known_by_the_last_batch_that_took_it(tmp_path):
    journal = Journal(tmp_path / "journal")
    for key, files in (("k1", ["a", "b"]), ("k2", ["b", "c"])):
        journal.begin(key, files)
        journal.record(key, f"id of {key}")
    again = Journal(journal.path)
    assert [again.holds(mark) for mark in "abcd"] == ["id of k1", *["id of k2"] * 2, None]


def test_a_batch_without_an_answer_is_known_to_be_begun(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.begin("k1", ["a", "b"])
    again = Journal(journal.path)
    assert [again.holds("a"), again.begun("a"), again.begun("z")] == [None, "k1", None]
    assert again.files("k1") == ["a", "b"]
    again.record("k1", "id")
    assert [again.holds("a"), again.begun("a")] == ["id", None]


def test_a_journal_of_before_is_read_and_its_readers_read_ours(tmp_path):
    before = tmp_path / "before"
    before.write_text(f'{json.dumps(HEADER)}\n\n{{"key": "k", "id": "old"}}\n')
    journal = Journal(before, chosen=True)
    assert journal.get("k") == "old"
    journal.begin("k2", ["a"])
    journal.record("k2", "new")
    lines = [json.loads(line) for line in before.read_text().splitlines() if line]
    assert lines[0] == {"kadr_client": "journal", "version": 1}
    # As they did it, which knew nothing of files.
    read = {line["key"]: line["id"] for line in lines[1:] if {"key", "id"} <= line.keys()}
    assert read == {"k": "old", "k2": "new"}


def test_the_default_file_is_another_for_other_inputs():
    assert default_path("a", "b") == default_path("a", "b")
    assert len({default_path("a", "b"), default_path("ab"), default_path("b", "a")}) == 3
