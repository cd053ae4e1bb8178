"""A service to talk to, a folder of pictures, and the client as a person calls it."""

import csv
import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kadr_client import cli
from tests.kadr_client.fake import TOKEN, Fake

ROOT = Path(__file__).parent.parent.parent
JPEG = b"\xff\xd8 a picture, as far as the stand-in is concerned "


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.out, newline="")))

    @property
    def items(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def one_line(self) -> str:
        """The only line on stderr."""
        (line,) = self.err.splitlines()
        return line


@pytest.fixture
def fake() -> Iterator[Fake]:
    service = Fake()
    yield service
    service.stop()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five pictures in a folder and one below it, and a note that is none."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.jpg", "a.JPG", "c.jpeg", "deep/d.JPEG", "deep/e.jpg"):
        (folder / name).write_bytes(JPEG + name.encode())
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(autouse=True)
def quiet_home(tmp_path: Path, monkeypatch) -> None:
    """The cache is a folder of the test's own; no token comes from outside."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KADR_TOKEN", raising=False)


@pytest.fixture
def naps(monkeypatch) -> list[float]:
    """The seconds that would have been slept."""
    taken: list[float] = []
    monkeypatch.setattr("time.sleep", taken.append)
    return taken


@pytest.fixture
def client(fake: Fake, naps, capsys) -> Any:
    """The client in this process: client(*arguments) -> Outcome."""

    def call(*arguments: Any, url: str = fake.url, token: str = TOKEN) -> Outcome:
        try:
            given = ["--url", url, *(["--token", token] if token else []), *map(str, arguments)]
            code = cli.main(given)
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, *capsys.readouterr())

    return call


def heed_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def command(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
    """The client as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "kadr_client", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that were started in the background ignore some, and would pass that on.
        preexec_fn=heed_signals,
        **options,
    )
