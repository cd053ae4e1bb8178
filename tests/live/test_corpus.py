"""Odd and hostile JPEGs, each sent to the running service, where a folder of them is at hand.

KADR_CORPUS names a folder with a manifest.csv: columns file, expected (accept, reject, either),
expected_error (classes of refusal, any of which will do), why.
"""

import csv
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import make
from tests.live import processes
from tests.live.service import wait_for

CORPUS = Path(os.environ.get("KADR_CORPUS", "") or "no-corpus")
SECONDS = 2.0  # in which each file is answered
GROWTH = 200_000_000  # bytes, of a web process or a decoder
REFUSALS = {
    "IMAGE_EMPTY": 422,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "IMAGE_UNDECODABLE": 422,
    "IMAGE_TOO_LARGE": 413,
    "PIXEL_LIMIT": 422,
    "SCAN_LIMIT": 422,
    "DECODE_FAILED": 422,
}
# Each class of the manifest with the codes that stand for it, beside the general ones.
CLASSES = {
    "empty": {"IMAGE_EMPTY"},
    "not_jpeg": {"UNSUPPORTED_MEDIA_TYPE"},
    "too_many_pixels": {"PIXEL_LIMIT"},
    "too_many_scans": {"SCAN_LIMIT"},
}
GENERAL = {"IMAGE_UNDECODABLE", "UNSUPPORTED_MEDIA_TYPE"}


class Outcome(NamedTuple):
    status: int
    code: str
    seconds: float
    id: str


def rows() -> list[dict[str, str]]:
    if not CORPUS.is_dir():
        return []
    return list(csv.DictReader((CORPUS / "manifest.csv").open()))


each = pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="KADR_CORPUS names no folder")


@pytest.fixture(scope="module")
def sent(service):
    """Every file's outcome, and what the processes took at most."""
    service.upload(make.jpeg(1200, 1000))  # a decoder is there
    before = {pid: processes.memory(pid) for pid in processes.web(service)}
    with processes.watched(service) as decoders:
        outcomes = {row["file"]: send(service, row["file"]) for row in rows()}
    after = {pid: processes.memory(pid, "VmHWM") for pid in before}
    return outcomes, {pid: after[pid] - before[pid] for pid in before}, decoders


def send(service, name: str) -> Outcome:
    data = (CORPUS / name).read_bytes()
    begun = time.monotonic()
    status, body = service.upload(data)
    seconds = time.monotonic() - begun
    return Outcome(status, body.get("code", ""), seconds, body.get("id", ""))


@each
def test_each_file_of_the_corpus_gets_its_outcome(sent, row):
    outcome = sent[0][row["file"]]
    told = "accept" if outcome.status == 202 else "reject"
    assert row["expected"] in (told, "either"), (row["why"], outcome)
    if told == "reject":
        assert REFUSALS[outcome.code] == outcome.status
        classes = row["expected_error"].split("|")
        wanted = [CLASSES.get(name, GENERAL) | GENERAL for name in classes]
        assert any(outcome.code in codes for codes in wanted) or not row["expected_error"]


@each
def test_each_file_of_the_corpus_is_answered_soon(sent, row):
    assert sent[0][row["file"]].seconds < SECONDS


@needs_corpus
def test_what_is_accepted_is_classified_and_stops_no_worker(service, sent):
    ids = [outcome.id for outcome in sent[0].values() if outcome.id]
    wait_for(lambda: service.unfinished() == 0, 120, service.describe)
    assert {service.prediction(pk)["status"] for pk in ids} == {"succeeded"}


@needs_corpus
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_corpus_fills_nobody_s_memory(sent):
    _outcomes, growth, decoders = sent
    assert decoders
    assert max(growth.values()) < GROWTH
    assert max(decoders.values()) < GROWTH
