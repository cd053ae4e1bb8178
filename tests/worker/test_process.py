"""A worker that cannot work must not go on as if it could."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from worker.process import BROKEN, NO_START

ROOT = Path(__file__).parent.parent.parent


def exit_status(code: str) -> int:
    """Of a fresh process that runs `code` after Django and the worker are set up."""
    program = f"import django; django.setup(); from worker import process\n{code}"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "classifier_site.settings"}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    ).returncode


def test_a_worker_that_finds_no_database_ends_so_that_it_is_started_again():
    code = """
from django.db import OperationalError
def load():
    raise OperationalError("not yet")
process.load = load
process.begin()
"""
    assert exit_status(code) == NO_START


def test_a_worker_whose_first_heartbeat_fails_ends_rather_than_live_on_unseen():
    code = """
from types import SimpleNamespace
from django.db import OperationalError
from worker.heartbeat import Heartbeat
def beat(self):
    raise OperationalError("not now")
Heartbeat.beat = beat
runtime = SimpleNamespace(id="tiny", digest="d" * 64, device="CPU")
process.load = lambda: process.ServedModel(runtime, None)
process.begin()
"""
    assert exit_status(code) == NO_START


@pytest.mark.parametrize(("fault", "status"), [("raise RuntimeError", BROKEN), ("pass", 0)])
def test_a_model_that_fails_even_its_golden_inputs_ends_its_worker(fault, status):
    code = f"""
class Runtime:
    def check_golden(self):
        {fault}
process.ServedModel(Runtime(), None).check()
"""
    assert exit_status(code) == status
