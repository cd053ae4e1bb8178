"""Streams the results of a large batch, as JSON lines and as CSV, and tells what memory it takes.

The rows are written into a database of its own, by another process, so that memory freed there
cannot hide what the stream takes. The request goes through Django as the web process has it.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

from benchmarks import filling
from benchmarks.memory import MEGABYTE, Growth
from benchmarks.service import own_environment

FIRST = 1000  # rows that are made; the others are copies
WARM_UP = 2000  # rows that are streamed before anything is measured
FORMATS = {"JSON lines": "application/jsonl", "CSV": "text/csv"}


@dataclass(frozen=True)
class Measured:
    lines: int
    bytes: int
    seconds: float
    growth: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch_results", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="items of the batch")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as folder:
        (Path(folder) / "static").mkdir()
        environment = own_environment(
            Path(folder),
            DJANGO_SETTINGS_MODULE="classifier_site.settings",
            KADR_LOG_LEVEL="ERROR",
        )
        os.environ.clear()
        os.environ.update(environment)
        warm, large, token = _elsewhere(rows)
        django.setup()
        for name, media_type in FORMATS.items():
            stream(warm, token, media_type)
            told(name, rows, stream(large, token, media_type, progress=name))
    return 0


def _elsewhere(rows: int) -> tuple[str, str, str]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=django.setup) as pool:
        return pool.submit(fill, rows).result()


def fill(rows: int) -> tuple[str, str, str]:
    """Makes the database, a small and a large batch; gives their ids and a token to read them."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from classifier.models import ApiToken

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("benchmark")
    warm, large = batch_of(WARM_UP, user), batch_of(rows, user)
    return warm, large, ApiToken.objects.issue(user, "benchmark")


def batch_of(rows: int, user: Any) -> str:
    """A finished batch whose items are all answered."""
    from django.utils import timezone

    from classifier.models import Batch, Source

    now = timezone.now()
    batch = Batch.objects.create(owner=user, sealed_at=now, finished_at=now)
    place = {"batch": batch, "source": Source.BATCH, "position": lambda n: n}
    made = filling.answered(user, min(FIRST, rows), **place).filter(batch=batch)
    filling.multiply(made, rows, lambda done: show("Filling", done, rows))
    return str(batch.pk)


def stream(batch: str, token: str, media_type: str, progress: str = "") -> Measured:
    """Reads a batch's results to the end, and keeps nothing of them."""
    from django.test import Client

    headers = {"Authorization": f"Bearer {token}", "Accept": media_type, "Host": "127.0.0.1"}
    growth, began = Growth([os.getpid()]), time.monotonic()
    response: Any = Client().get(f"/api/v1/batches/{batch}/results", headers=headers)
    if response.status_code != 200:
        raise SystemExit(f"The results were refused: {response.content.decode()}")
    lines = size = 0
    for chunk in response.streaming_content:
        lines, size = lines + chunk.count(b"\n"), size + len(chunk)
        if progress and lines % 50_000 == 0:
            print(f"\r{progress}: {lines:,} lines", end="", file=sys.stderr, flush=True)
    return Measured(lines, size, time.monotonic() - began, growth.most())


def told(name: str, rows: int, found: Measured) -> None:
    lines = rows + (name == "CSV")  # its first names the columns
    if found.lines != lines:
        raise SystemExit(f"{name}: {found.lines:,} lines came, {lines:,} were expected")
    size, growth = found.bytes / MEGABYTE, found.growth / MEGABYTE
    print(
        f"\r{name}: {rows:,} rows, {size:,.0f} MB in {found.seconds:.1f} s, "
        f"{rows / found.seconds:,.0f} rows/s; memory grew by {growth:.1f} MB at most"
    )


def show(what: str, done: int, of: int) -> None:
    end = "\n" if done >= of else ""
    print(f"\r{what}: {min(done, of):,} of {of:,} rows", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
