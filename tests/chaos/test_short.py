"""The chaos suite for as long as a test may take: faults on top of each other, on SQLite."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.run import Plan, run

SECONDS = 20
# Those that are over at once; `make chaos` has the others too.
QUICK = (
    "broker drops its clients",
    "broker flushed",
    "broker killed",
    "disk full",
    "jobs and beat killed",
    "messages repeated and forged",
    "uploads cut off",
    "web master killed",
    "web process killed",
    "worker child killed",
)


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_answered_twice():
    assert set(QUICK) <= set(FAULTS)
    plan = Plan(seed=7, seconds=SECONDS, kinds=QUICK, pause=(0.5, 1.5), alone=False)
    # Not in pytest's own folder, whose long path leaves no room for a socket's name.
    folder = Path(tempfile.mkdtemp(prefix="kadr-chaos-"))
    told = run(plan, folder)
    assert not told.breaches, told.text() + f"\nSee {folder}"
    assert len(told.facts.sent) > 10 and len(told.faults) > 3
    shutil.rmtree(folder)
