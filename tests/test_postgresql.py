"""What holds on SQLite holds on PostgreSQL: the same tests, run there as a second suite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgresql import pg, postgresql

ROOT = Path(__file__).parent.parent
SUITES = ["tests/classifier", "tests/worker", "tests/jobs"]
# Or with nothing in it that depends on which database there is.
WITHOUT_DATABASE = [
    "test_agreement.py",
    "test_bell.py",
    "test_candidate.py",
    "test_decoding.py",
    "test_drawing.py",
    "test_estimate.py",
    "test_gate_figures.py",
    "test_hostile_jpegs.py",
    "test_images.py",
    "test_serving.py",
    "test_watchdog.py",
]
# What only a power cut would miss; each test ends by emptying every table.
WASTE = ["fsync", "synchronous_commit", "full_page_writes"]


def manage(url: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", *words]
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_migration_may_take_as_long_as_it_takes():
    hurry = "options=-c%20statement_timeout%3D1"  # millisecond
    sleep = "from django.db import connection as c; c.cursor().execute('SELECT pg_sleep(0.1)')"
    with postgresql() as url:
        hurried = f"{url}{'&' if '?' in url else '?'}{hurry}"
        other = manage(hurried, "shell", "-c", sleep)
        assert "statement timeout" in other.stderr
        migrated = manage(hurried, "migrate", "--no-input")
        assert migrated.returncode == 0, migrated.stderr[-2000:]


@pytest.mark.slow
def test_the_data_and_worker_suites_pass_on_postgresql():
    ignored = [f"--ignore-glob=*/{name}" for name in WITHOUT_DATABASE]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *SUITES, *ignored]
    with postgresql() as url:
        for waste in WASTE:
            pg("psql", url, "--command", f"ALTER SYSTEM SET {waste} = off")
        pg("psql", url, "--command", "SELECT pg_reload_conf()")
        process = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert process.returncode == 0, process.stdout[-8000:] + process.stderr[-2000:]
    assert "postgresql" in process.stdout
