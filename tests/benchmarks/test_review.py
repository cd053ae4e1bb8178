"""The measuring of the review page works, on few rows."""

import subprocess
import sys

from benchmarks.service import ROOT
from classifier.review.orders import ORDERS


def measured(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.review", "--rounds", "1", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_every_order_is_timed():
    done = measured("--open", "400", "--reviewed", "60")
    assert "median" in done.stdout, done.stderr
    for order in ORDERS:
        for what in ("next", "verdict", "undo"):
            assert any(line.split()[:2] == [order, what] for line in done.stdout.splitlines())


def test_too_few_rows_are_said_to_be_too_few():
    done = measured("--open", "30", "--reviewed", "0")
    assert done.returncode and "make more rows" in done.stderr
