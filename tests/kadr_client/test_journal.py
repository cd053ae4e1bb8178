"""What was sent is known again."""

import pytest

from kadr_client.errors import UsageError
from kadr_client.journal import Journal, default_path


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


def test_when_all_is_answered_only_a_chosen_file_stays(tmp_path):
    for name, chosen in (("default", False), ("chosen", True)):
        journal = Journal(tmp_path / name, chosen=chosen)
        journal.record("k", "id")
        journal.finish()
        assert journal.path.exists() == chosen


def test_the_default_file_is_another_for_other_inputs():
    assert default_path("a", "b") == default_path("a", "b")
    assert len({default_path("a", "b"), default_path("ab"), default_path("b", "a")}) == 3
