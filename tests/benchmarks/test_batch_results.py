"""The measurement itself, small."""

import os
import re
import subprocess
import sys

from benchmarks.memory import MEGABYTE, Growth
from benchmarks.service import ROOT, own_environment


def test_a_batch_is_made_streamed_twice_and_measured():
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.batch_results", "--rows", "3000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    figures = r"3,000 rows, \d+ MB in [\d.]+ s, [\d,]+ rows/s; memory grew by [\d.]+ MB at most"
    assert re.findall(rf"(JSON lines|CSV): {figures}", process.stdout) == ["JSON lines", "CSV"]


def test_nothing_that_is_in_use_can_be_reached(monkeypatch, tmp_path):
    for name in ("DATABASE_URL", "REDIS_URL", "KADR_MODEL", "PORT"):
        monkeypatch.setenv(name, "in use")
    environment = own_environment(tmp_path)
    assert "in use" not in environment.values()
    assert environment["KADR_DATA"] == str(tmp_path)


def test_growth_is_that_of_the_peak_though_it_is_past():
    growth = Growth([os.getpid()])
    block = bytearray(80 * MEGABYTE)
    del block
    assert growth.most() > 60 * MEGABYTE
    assert Growth([os.getpid()]).most() < 20 * MEGABYTE
