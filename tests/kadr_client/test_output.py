"""CSV and JSON lines."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from kadr_client.errors import UsageError
from kadr_client.output import Row, Writer, csv_line, json_line, opened

ITEM = {"status": "succeeded", "result": {"label": "cat", "confidence": 0.8125}, "error": None}
FAILED = {"status": "failed", "result": None, "error": {"code": "X", "title": "It is, well, bad"}}


def cells(path: str, item: dict = ITEM) -> list[str]:
    (row,) = csv.reader(io.StringIO(csv_line(Row(path, item)), newline=""))
    return row


def test_an_answer_is_a_line():
    assert csv_line(Row("a/b.jpg", ITEM)) == "a/b.jpg,succeeded,cat,0.8125,\n"


def test_a_failure_tells_its_code_and_its_title():
    assert cells("a.jpg", FAILED) == ["a.jpg", "failed", "", "", "X: It is, well, bad"]


@pytest.mark.parametrize("first", "=+-@\t\r")
def test_what_a_spreadsheet_would_run_is_made_text(first):
    assert cells(f"{first}cmd.jpg")[0] == f"'{first}cmd.jpg"


@pytest.mark.parametrize("name", ["a,b.jpg", 'a"b.jpg', "a\nb.jpg", "a\rb.jpg", "кіт.jpg"])
def test_any_name_comes_back_whole(name):
    assert cells(name)[0] == name


def test_json_lines_give_all_that_the_service_said():
    assert json.loads(json_line(Row("a\nb.jpg", FAILED))) == {"path": "a\nb.jpg", **FAILED}
    assert json_line(Row("a\nb.jpg", FAILED)).count("\n") == 1


def test_csv_begins_with_its_columns_and_json_lines_with_nothing():
    out = {style: io.StringIO() for style in ("csv", "jsonl")}
    for style, stream in out.items():
        Writer(stream, style).write([])
    assert out["csv"].getvalue() == "path,status,label,confidence,error\n"
    assert out["jsonl"].getvalue() == ""


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("old")
    with opened(target) as stream:
        stream.write("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_run_that_breaks_off_leaves_the_old_file(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), opened(target) as stream:
        stream.write("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with opened(tmp_path / "link") as stream:
        stream.write("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_and_not_replaced():
    with opened(Path(os.devnull)) as stream:
        stream.write("gone")
    assert not Path(os.devnull).is_file()


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="cannot write"), opened(tmp_path / "no" / "out.csv"):
        pass


def test_a_name_that_is_no_text_keeps_its_bytes(tmp_path):
    with opened(tmp_path / "out") as stream:
        Writer(stream, "csv").write([Row(os.fsdecode(b"\xff.jpg"), ITEM)])
    assert b"\n\xff.jpg," in (tmp_path / "out").read_bytes()
