"""The form that is sent."""

import email
from email.policy import HTTP
from pathlib import Path

import pytest

from kadr_client.errors import FileChangedError
from kadr_client.files import find
from kadr_client.multipart import CHUNK, Form, Part
from kadr_client.preparing import prepare


def form(*files: tuple[str, bytes], folder: Path, **fields: str) -> Form:
    parts = []
    for number, (name, content) in enumerate(files):
        (folder / str(number)).write_bytes(content)
        parts.append(Part(folder / str(number), name, len(content), "digest"))
    return Form("boundary", fields, parts)


def test_another_parser_reads_what_was_put_in(tmp_path):
    built = form(("ї/a.jpg", b"\xff\xd8\r\n--"), ("b", b""), folder=tmp_path, model="m", top_k="2")
    head = f"Content-Type: {built.content_type}\r\n\r\n".encode()
    parsed = email.message_from_bytes(head + b"".join(built.chunks()), policy=HTTP)
    parts = list(parsed.iter_parts())
    names = ["ї/a.jpg".encode(), b"b"]
    contents = [b"\xff\xd8\r\n--", b""]
    assert [part.get_payload(decode=True) for part in parts] == [b"m", b"2", *names, *contents]
    assert parts[-1].get_filename() == "b"


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1])
def test_the_length_is_known_before_and_true(tmp_path, size):
    built = form(("кіт.jpg", b"x" * size), ("b", b"y"), folder=tmp_path, model="m")
    assert built.length == sum(map(len, built.chunks()))


def test_a_big_file_is_never_in_memory_as_a_whole(tmp_path):
    built = form(("a", b"x" * (5 * CHUNK)), folder=tmp_path)
    assert max(map(len, built.chunks())) == CHUNK


@pytest.mark.parametrize("now", [b"short", b"much longer than it was"])
def test_a_file_that_changed_its_size_is_told(tmp_path, now):
    built = form(("a", b"ten bytes."), folder=tmp_path)
    (tmp_path / "0").write_bytes(now)
    with pytest.raises(FileChangedError, match="changed while it was being sent"):
        list(built.chunks())


def test_a_file_that_went_away_is_told(tmp_path):
    built = form(("a", b"x"), folder=tmp_path)
    (tmp_path / "0").unlink()
    with pytest.raises(FileChangedError, match="cannot read"):
        list(built.chunks())


def key(folder: Path, serving: str = "", **options: str) -> str:
    return prepare(find([str(folder)]), options, serving).key


def test_the_key_is_the_same_for_the_same_pictures_in_another_place(pictures, tmp_path):
    before = key(pictures)
    (tmp_path / "moved").mkdir()
    assert key(pictures.rename(tmp_path / "moved" / "pictures")) == before


def test_another_content_name_option_or_model_makes_another_key(pictures):
    seen = {key(pictures), key(pictures, model="m"), key(pictures, top_k="2")}
    seen.add(key(pictures, serving="digest"))
    (pictures / "b.jpg").write_bytes(b"changed")
    seen.add(key(pictures))
    (pictures / "b.jpg").rename(pictures / "bb.jpg")
    seen.add(key(pictures))
    assert len(seen) == 6


def test_the_same_batch_has_the_same_bytes_each_time(pictures):
    batch = prepare(find([str(pictures)]), {}, "")
    assert b"".join(batch.form.chunks()) == b"".join(batch.form.chunks())
