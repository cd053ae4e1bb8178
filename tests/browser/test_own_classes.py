"""Somebody's own classes, from a folder of JPEGs to an answer on the page, with nothing in between
but the commands of the documentation."""

import io
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from ml import manifest
from tests.browser.uploading import answered, photo, send
from tests.live.service import ROOT, Service, wait_for

COLOURS = {"лимон": (230, 220, 40), "tomato": (210, 40, 30), "sky": (60, 120, 230)}


def picture(name: str, seed: int) -> bytes:
    """A 64 x 48 JPEG in the colour of its class, under noise."""
    dice = random.Random(seed)
    pixels = bytes(
        max(0, min(255, int(dice.gauss(level, 25))))
        for _ in range(64 * 48)
        for level in COLOURS[name]
    )
    out = io.BytesIO()
    Image.frombytes("RGB", (64, 48), pixels).save(out, "JPEG", quality=80)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in COLOURS:
        (tmp_path / "colours" / name).mkdir(parents=True)
        for i in range(24):
            (tmp_path / "colours" / name / f"{i}.jpg").write_bytes(picture(name, i))
    return tmp_path / "colours"


@pytest.fixture
def running(tmp_path):
    with Service(tmp_path / "data").started() as service:
        yield service


def command(*words: str, service: Service | None = None) -> str:
    environment = service.environment if service else None
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_a_folder_of_pictures_becomes_the_model_that_answers(
    running, folder, tmp_path, page, complaints
):
    content = picture("лимон", 1000)
    _status, first = running.upload(content, Prefer="wait=30")
    shipped = first["model"]["digest"]

    places = ["--runs", str(tmp_path / "runs"), "--to", str(running.data / "models")]
    out = command("-m", "ml.train", "own_classes", "--data", str(folder), *places)
    assert "accuracy" in out and "on 6 pictures" in out

    assert "colours-" in command("manage.py", "models", service=running)
    waiting = [running.upload(content)[1]["id"] for _ in range(20)]
    out = command("manage.py", "activate", "colours", service=running)
    assert "serves from now on" in out

    answers = []

    def answered_by_it() -> bool:
        answers.append(running.upload(content, Prefer="wait=30")[1])
        return (answers[-1]["model"] or {}).get("digest") not in (None, shipped)

    wait_for(answered_by_it, 120)
    answer = answers[-1]
    assert answer["result"]["label"] == "лимон"
    assert {entry["label"] for entry in answer["result"]["top"]} == set(COLOURS)
    assert {running.prediction(pk)["status"] for pk in waiting} == {"succeeded"}
    assert running.prediction(first["id"])["model"]["digest"] == shipped

    page.goto(running.url)
    send(page, photo("lemon.jpg", content))
    answered(page)
    expect(page.locator("[data-field=label]").first).to_have_text("лимон", ignore_case=True)

    card = manifest.read_card(running.data / "models" / "colours")
    assert card["models"] and card["data"]["pictures"]["test"] == card["test"]["n"] == 6
    page.goto(f"{running.url}/model/")
    right = f"{card['test']['accuracy']:.1%}".replace(".", ",").replace("%", r"\s%")
    expect(page.locator("article")).to_contain_text(re.compile(rf"{right} .*інтервал"))
    expect(page.locator(".confusion tbody th")).to_have_text(["sky", "tomato", "лимон"])
    page.locator(".confusion .right a").first.click()
    expect(page.locator(".tile").first).to_be_visible()
    assert page.request.get(f"{running.url}/models/colours/pictures.jpg").ok
    assert complaints == []


def test_what_is_wrong_with_a_folder_is_one_line_that_names_it(folder):
    (folder / "sky" / "3.jpg").write_bytes(b"\xff\xd8 no picture")
    done = subprocess.run(
        [sys.executable, "-m", "ml.train", "own_classes", "--data", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "3.jpg" in line]
    assert "damaged" in line
