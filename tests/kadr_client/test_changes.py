"""A folder that has changed since the last run: only what is new in it goes."""

import json
from pathlib import Path

import pytest

from kadr_client import files
from tests.kadr_client import fake as faults
from tests.kadr_client.conftest import JPEG

SENT = "POST /api/v1/batches"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Ten thousand pictures, which fill ten requests."""
    (tmp_path / "many").mkdir()
    for number in range(10_000):
        (tmp_path / "many" / f"{number:05}.jpg").write_bytes(JPEG + str(number).encode())
    return tmp_path / "many"


def sent_names(fake) -> list[list[str]]:
    return [[name for name, _content in form["images"]] for form in fake.forms]


def paths(outcome) -> list[str]:
    return [row["path"] for row in outcome.rows]


def journal(tmp_path: Path) -> Path:
    """The default one."""
    (path,) = (tmp_path / "cache" / "kadr").iterdir()
    return path


def without_last_answer(path: Path) -> None:
    """As if the run had died between the last batch's answer and the line that tells of it."""
    lines = path.read_bytes().splitlines()
    while "id" not in json.loads(lines.pop() or b"{}"):
        pass
    path.write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.slow
def test_of_ten_thousand_only_what_is_new_or_changed_is_sent(client, fake, many):
    assert client(many).code == 0
    assert [len(names) for names in sent_names(fake)] == [1000] * 10
    for name in ("00000-new.jpg", "05000-new.jpg", "0.jpg"):
        (many / name).write_bytes(JPEG + name.encode())
    (many / "07777.jpg").write_bytes(JPEG + b"changed")
    (many / "03333.jpg").unlink()
    outcome = client(many)
    new = ["many/0.jpg", "many/00000-new.jpg", "many/05000-new.jpg", "many/07777.jpg"]
    assert sent_names(fake)[10:] == [new]
    assert outcome.code == 0 and paths(outcome) == [str(path) for path in sorted(many.iterdir())]
    assert fake.log.count(SENT) == 11


def test_each_picture_gets_its_own_answer_wherever_it_was_sent(client, fake, pictures):
    client(pictures)
    (pictures / "b.jpg").write_text("no JPEG any more")
    (pictures / "aa.jpg").write_bytes(JPEG)
    rows = client(pictures, "--format", "jsonl").items
    assert [row["custom_id"] for row in rows] == [
        f"pictures/{path.relative_to(pictures)}" for path in files_in(pictures)
    ]
    assert [row["status"] for row in rows] == [
        *("succeeded", "succeeded", "failed", "succeeded", "succeeded", "succeeded")
    ]


def files_in(folder: Path) -> list[Path]:
    return [picture.path for picture in files.find([str(folder)])]


@pytest.mark.parametrize("chosen", [[], ["--resume", "journal"]])
def test_a_third_run_knows_what_the_second_sent(
    client, fake, pictures, tmp_path, monkeypatch, chosen
):
    monkeypatch.chdir(tmp_path)
    client(pictures, *chosen)
    for number in range(3):
        (pictures / f"a{number}.jpg").write_bytes(JPEG + bytes([number]))
        client(pictures, *chosen)
    assert client(pictures, *chosen).code == 0
    assert [len(names) for names in sent_names(fake)] == [5, 1, 1, 1]
    assert fake.log.count(SENT) == 4


def test_a_picture_that_is_what_it_was_again_is_not_sent_again(client, fake, pictures):
    client(pictures)
    before = (pictures / "b.jpg").read_bytes()
    for content in (b"another" + JPEG, before):
        (pictures / "b.jpg").write_bytes(content)
        client(pictures)
    assert len(fake.batches) == 2


def test_after_a_crash_between_sending_and_writing_it_down_nothing_is_made_twice(
    client, fake, pictures, tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "MOST_FILES", 2)
    fake.faulty, fake.faults = "/results", [faults.refuse("FORBIDDEN", 403)]
    assert client(pictures).code == 3
    assert len(fake.batches) == 2
    without_last_answer(journal(tmp_path))
    outcome = client(pictures)
    assert outcome.code == 0 and len(outcome.rows) == 5
    assert fake.log.count(SENT) == 2 + 2 and len(fake.batches) == 3


def test_not_even_where_the_folder_has_grown_since(client, fake, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 2)
    client(pictures)
    without_last_answer(journal(tmp_path))  # of the batch of the fifth picture
    (pictures / "c.jpg").write_bytes(JPEG + b"new")
    outcome = client(pictures)
    assert paths(outcome) == [str(path) for path in files_in(pictures)]
    assert sent_names(fake)[3:] == [["pictures/c.jpg"]]
    assert fake.log.count(SENT) == 3 + 2


def test_what_is_left_of_a_batch_that_was_begun_goes_with_what_is_new(
    client, fake, pictures, tmp_path
):
    client(pictures)
    without_last_answer(journal(tmp_path))
    (pictures / "c.jpeg").unlink()
    (pictures / "deep" / "f.jpg").write_bytes(JPEG + b"new")
    outcome = client(pictures)
    assert outcome.code == 0 and paths(outcome) == [str(path) for path in files_in(pictures)]
    assert len(sent_names(fake)[1]) == 5


def test_a_batch_that_is_gone_takes_its_pictures_with_it_and_no_others(client, fake, pictures):
    client(pictures)
    (pictures / "b.jpg").write_bytes(JPEG + b"changed")
    client(pictures)
    first = next(iter(fake.batches))
    del fake.batches[first]
    fake.keys = {key: made for key, made in fake.keys.items() if made[1] != first}
    assert client(pictures).code == 0
    assert [len(names) for names in sent_names(fake)] == [5, 1, 4]


def test_answers_of_another_model_are_not_taken_for_those_of_this_one(client, fake, pictures):
    client(pictures)
    fake.model = "b" * 64
    (pictures / "b.jpg").write_bytes(JPEG + b"changed")
    client(pictures)
    assert [len(names) for names in sent_names(fake)] == [5, 5]


def test_nothing_is_asked_of_a_batch_before_the_pictures_in_front_are_answered(
    client, fake, pictures
):
    """However long the line grows behind a new picture, no answers wait in memory."""
    client(pictures)
    (pictures / "A.jpg").write_bytes(JPEG + b"new, and the first")
    fake.log.clear()
    client(pictures)
    first = fake.log.index(SENT)
    assert not [line for line in fake.log[:first] if line.endswith("/results")]


def test_a_journal_of_before_saves_the_upload(client, fake, pictures, tmp_path):
    client(pictures, "--resume", tmp_path / "journal")
    lines = (tmp_path / "journal").read_text().splitlines()
    kept = [line for line in lines if "files" not in line]  # as it was written before
    (tmp_path / "journal").write_text("\n".join(kept) + "\n")
    assert client(pictures, "--resume", tmp_path / "journal").code == 0
    assert fake.log.count(SENT) == 1
    (pictures / "a.JPG").write_bytes(JPEG + b"changed")  # and by now its files are known
    client(pictures, "--resume", tmp_path / "journal")
    assert sent_names(fake)[1:] == [["pictures/a.JPG"]]
