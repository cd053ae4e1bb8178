"""The whole way from wrong answers to a better model, once: five hundred pictures at night are
answered, reviewed, exported and trained on; the next model goes through the gate, and five hundred
others are answered by it.

The pictures are CIFAR-10's that training kept aside, darkened and saved as JPEG. A script reviews
them through the page's own requests, as a person would who is always right. All is done on a
service of its own.
"""

import argparse
import contextlib
import http.cookiejar
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import api
from benchmarks.report import WrongError, say
from benchmarks.service import ROOT, Service, wait_for
from ml import data

BEGIN = "cifar10_improved"
NEXT = "night"
LIGHT, NOISE, QUALITY = 0.25, 4.0, 75  # of the brightness; standard deviation, of 255; JPEG
USER, PASSWORD = "reviewer", "a long password"
MAKE_USER = (
    "from django.contrib.auth.models import User; "
    f"User.objects.create_superuser('{USER}', password='{PASSWORD}')"
)
HELD = """
SELECT v.name FROM classifier_worker w JOIN classifier_modelversion v ON v.id = w.model_id
ORDER BY w.last_seen_at DESC
"""


@dataclass(frozen=True)
class Night:
    """Pictures by name, and what is in each."""

    files: api.Files
    truth: dict[str, str]


def nights(dataset: data.Dataset, count: int, rounds: int = 2) -> Iterator[Night]:
    """Pictures that the first model was not trained on, none of them twice."""
    rng = np.random.default_rng(0)
    names = [c["id"] for c in dataset.classes]
    for first in range(0, rounds * count, count):
        chosen = range(first, first + count)
        files = {f"{n:05}.jpg": darkened(dataset.validation.x[n], rng) for n in chosen}
        truth = {f"{n:05}.jpg": names[dataset.validation.y[n]] for n in chosen}
        yield Night(files, truth)


def darkened(pixels: np.ndarray, rng: np.random.Generator) -> bytes:
    """A picture (32, 32, 3) uint8 with a quarter of its light, and a sensor's noise, as JPEG."""
    dark = pixels * LIGHT + rng.normal(0, NOISE, pixels.shape)
    out = io.BytesIO()
    picture = Image.fromarray(dark.round().clip(0, 255).astype(np.uint8))
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


class Reviewer:
    """Somebody in a browser who knows what is in each picture."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.cookies = http.cookiejar.CookieJar()
        handler = urllib.request.HTTPCookieProcessor(self.cookies)
        self.opener = urllib.request.build_opener(handler)
        self.opener.open(f"{service.url}/admin/login/", timeout=60).read()
        form = f"username={USER}&password={PASSWORD.replace(' ', '+')}&next=/admin/review/"
        self._post("/admin/login/", form.encode(), "application/x-www-form-urlencoded")

    def review(self, truth: dict[str, str]) -> int:
        """Decide until nothing of the audit is left; returns how many."""
        said = 0
        while items := self._ask("deal", {"order": "audit", "n": 50, "have": []})["items"]:
            words = [{"prediction": item["id"], "label": truth[item["file"]]} for item in items]
            told = self._ask("words", {"words": words})["reviews"]
            if None in told:
                raise WrongError("A verdict was not taken")
            said += len(told)
        return said

    @property
    def session(self) -> str:
        return next(c.value or "" for c in self.cookies if c.name == "sessionid")

    def _ask(self, what: str, body: dict[str, Any]) -> Any:
        answer = self._post(f"/admin/review/{what}", json.dumps(body).encode(), "application/json")
        return json.loads(answer)

    def _post(self, path: str, body: bytes, kind: str) -> bytes:
        token = next(c.value or "" for c in self.cookies if c.name == "csrftoken")
        headers = {"Content-Type": kind, "X-CSRFToken": token, "Referer": self.service.url}
        request = urllib.request.Request(f"{self.service.url}{path}", body, headers)
        with self.opener.open(request, timeout=120) as response:
            return bytes(response.read())


def play(service: Service, original: Path, count: int, pictures: Path | None) -> None:
    first, second = nights(data.load(original), count)
    service.manage("shell", "-c", MAKE_USER)
    token = service.manage("create_token", USER, "script").splitlines()[-1]
    service.token = token
    answered(service, first)
    look(service, pictures, "review", "/admin/review/?order=audit")
    say(f"Reviewed {Reviewer(service).review(first.truth)}")
    print("Live accuracy before:", told(service, BEGIN))
    export = service.data / "reviewed.zip"
    print(service.manage("export_dataset", str(export)).strip())
    train(service, export, original)
    print(promoted(service))
    look(service, pictures, "gate", "/admin/classifier/trial/")
    wait_for(lambda: serves(service), 180, service.describe)
    answered(service, second)
    say(f"Reviewed {Reviewer(service).review(second.truth)}")
    print("Live accuracy after:", told(service, NEXT))
    look(service, pictures, "statistics", "/admin/statistics/")


def answered(service: Service, night: Night) -> None:
    say(f"Sending {len(night.files)} pictures…")
    batch = api.send(service, *api.as_zip(night.files))
    api.wait(service, batch)
    if any(line["status"] != "succeeded" for line in api.results(service, batch)):
        raise WrongError("A picture has no answer")


def told(service: Service, model: str) -> str:
    found = api.ask(service, f"/api/v1/stats/accuracy?days=7&model={model}")["accuracy"]
    low, high = found["interval_95"]
    return f"{found['value']:.1%} ({low:.1%} to {high:.1%}, {found['n']} reviewed), by {model}"


def train(service: Service, export: Path, original: Path) -> None:
    say("Training…")
    words = ["--data", str(export), "--original", str(original), "--from", BEGIN, "--name", NEXT]
    where = ["--runs", str(service.data / "runs"), "--to", str(service.data / "models")]
    subprocess.run(
        [sys.executable, "-m", "ml.train", "fine_tune", *words, *where], cwd=ROOT, check=True
    )


def promoted(service: Service) -> str:
    """What the gate says. If it refuses, the script overrules it and says why."""
    promote = [sys.executable, "manage.py", "promote", NEXT]
    tried = _run(service, promote)
    if tried.returncode == 0:
        return tried.stdout
    forced = _run(
        service, [*promote, "--force", "It was trained for the night, and is better there"]
    )
    return f"{tried.stdout}{tried.stderr}{forced.stdout}{forced.stderr}"


def _run(service: Service, command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=ROOT, env=service.environment, capture_output=True, text=True, check=False
    )


def serves(service: Service) -> bool:
    """Whether the worker holds the next model."""
    with contextlib.closing(sqlite3.connect(service.data / "kadr.sqlite3", timeout=30)) as database:
        rows = database.execute(HELD).fetchall()
    return bool(rows) and rows[0][0] == NEXT and service.ready()


def look(service: Service, folder: Path | None, name: str, path: str) -> None:
    """Keep a picture of a page, where a folder for it is given (needs Playwright)."""
    if folder is None:
        return
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en")
        session = Reviewer(service).session
        context.add_cookies([{"name": "sessionid", "value": session, "url": service.url}])
        page = context.new_page()
        page.goto(f"{service.url}{path}", wait_until="networkidle")
        page.screenshot(path=str(folder / f"{name}.png"), full_page=name == "statistics")
        browser.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.night", description=__doc__)
    parser.add_argument("--original", type=Path, required=True, help="CIFAR-10 as an .npz")
    parser.add_argument("--pictures", type=int, default=500, help="a night")
    parser.add_argument("--screens", type=Path, help="a folder for pictures of the pages")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as folder:
        service = Service(Path(folder), KADR_AUDIT_SHARE="1")
        try:
            play(service.start(), asked.original.resolve(), asked.pictures, asked.screens)
        except WrongError as error:
            say(f"Wrong: {error}")
            return 1
        finally:
            service.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
