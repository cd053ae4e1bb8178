"""The terminal client against the real service."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import make
from tests.live.service import ROOT, Service, wait_for

PICTURES = 30
LARGE = 20  # pictures so large that the service takes seconds to look at them


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures" / "deep").mkdir(parents=True)
    for seed in range(PICTURES):
        name = f"deep/{seed:02}.JPG" if seed % 2 else f"кіт {seed:02}.jpg"
        (tmp_path / "pictures" / name).write_bytes(make.noise_jpeg(1000 + seed))
    (tmp_path / "pictures" / "bad.jpg").write_text("no JPEG")
    return tmp_path / "pictures"


def classify(
    service: Service, folder: Path, language: str = "C.UTF-8"
) -> subprocess.CompletedProcess[str]:
    process = classifying(service, folder, language)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def classifying(service: Service, folder: Path, language: str = "C.UTF-8") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kadr_client", "--url", service.url, str(folder)],
        cwd=ROOT,
        # Of its own, so that nothing but the service can know the batch again.
        env={
            **service.environment,
            "KADR_TOKEN": service.token,
            "XDG_CACHE_HOME": str(folder.parent),
            "LC_ALL": language,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def made(service: Service) -> list[int]:
    tables = ("classifier_batch", "classifier_prediction", "classifier_image")
    return [service.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables]


def test_a_folder_is_classified_and_the_same_again_makes_nothing_new(service, folder):
    process = classify(service, folder)
    assert process.returncode == 1, process.stderr
    rows = list(csv.DictReader(io.StringIO(process.stdout)))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [row["path"] for row in rows] == [
        str(path) for path in sorted(files, key=lambda path: path.parts)
    ]
    (bad,) = [row for row in rows if row["status"] != "succeeded"]
    assert bad["path"].endswith("bad.jpg")
    assert bad["error"] == "UNSUPPORTED_MEDIA_TYPE: Not a JPEG"
    assert sum(bool(row["label"] and row["confidence"]) for row in rows) == PICTURES

    before = made(service)
    again = classify(service, folder)
    assert (again.returncode, again.stdout) == (1, process.stdout)
    assert made(service) == before

    in_ukrainian = classify(service, folder, "uk_UA.UTF-8")
    assert "UNSUPPORTED_MEDIA_TYPE: Це не JPEG" in in_ukrainian.stdout
    assert made(service) == before


def test_of_a_folder_that_has_changed_only_what_is_new_is_sent(service, folder):
    classify(service, folder)
    batches, predictions, images = made(service)
    # In front of all others, so that every one of them has another place than before.
    (folder / "1.jpg").write_bytes(make.noise_jpeg(2000))
    (folder / "deep" / "01.JPG").write_bytes(make.noise_jpeg(2001))
    process = classify(service, folder)
    rows = list(csv.DictReader(io.StringIO(process.stdout)))
    assert sum(row["status"] == "succeeded" for row in rows) == PICTURES + 1
    assert made(service) == [batches + 1, predictions + 2, images + 2]


def test_a_batch_whose_answer_was_lost_is_not_made_twice_though_the_folder_has_grown(
    service, folder
):
    classify(service, folder)
    (journal,) = (folder.parent / "kadr").iterdir()
    sent, *_answered = [line for line in journal.read_text().splitlines() if '"files"' in line]
    journal.write_text(f'{{"kadr_client": "journal", "version": 1}}\n{sent}\n')
    batches, predictions, images = made(service)
    (folder / "1.jpg").write_bytes(make.noise_jpeg(3000))
    process = classify(service, folder)
    assert len(process.stdout.splitlines()) == 1 + PICTURES + 2, process.stderr
    assert made(service) == [batches + 1, predictions + 1, images + 1]


@pytest.mark.slow
def test_when_the_web_process_is_killed_amid_a_batch_it_is_sent_again_within_minutes(
    service, tmp_path
):
    large = make.noise_jpeg(4000, side=3500)
    (tmp_path / "large").mkdir()
    for number in range(LARGE):
        (tmp_path / "large" / f"{number:02}.jpg").write_bytes(large)
    before = made(service)
    process = classifying(service, tmp_path / "large")
    wait_for(lambda: made(service)[0] > before[0], 120, service.describe)
    for pid in service.web_pids()[1:]:
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0 and len(out.splitlines()) == 1 + LARGE, err
    assert "IDEMPOTENCY_IN_FLIGHT" in err
    assert err.count("trying again in") <= 6  # each time the whole body is sent again
    assert time.monotonic() - killed < 240
    assert made(service) == [before[0] + 1, before[1] + LARGE, before[2] + LARGE]
