"""The benchmark of the statistics, in miniature."""

import os
import subprocess
import sys

from benchmarks.service import ROOT


def test_it_fills_a_database_of_its_own_and_times_each_part():
    """Its own, whatever the environment names."""
    command = [sys.executable, "-m", "benchmarks.statistics", "--predictions", "300"]
    environment = {**os.environ, "DATABASE_URL": "postgres://in:use@127.0.0.1:1/kadr"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "sqlite: 300 predictions" in done.stdout
    for part in ("GET /admin/statistics/", "GET /api/v1/stats/accuracy", "waiting"):
        assert part in done.stdout
