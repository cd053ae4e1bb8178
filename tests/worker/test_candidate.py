"""The process that answers for candidates: with real networks, and with what ends, hangs or lies in
its place."""

import errno
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from classifier.promotion import trials
from ml import manifest
from ml.replay import NICENESS
from tests import make, models
from tests.worker.test_trials import answered
from tests.worker.test_trials import places as places
from tests.worker.test_trials import version as version
from tests.worker.test_trials import worker as worker
from worker import candidate
from worker.candidate import Candidate, CandidateError

CLASSES = manifest.read(models.SHIPPED).classes


def niceness(pid: int) -> list[int]:
    """Of each thread (Linux, proc(5))."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return [int(stat.rsplit(")", 1)[1].split()[16]) for stat in stats]


@pytest.mark.slow
@pytest.mark.django_db
def test_a_gate_s_verdict_comes_from_both_networks(places, version, worker, settings):
    settings.GATE_SLOWER, settings.GATE_REVIEWED, settings.TRIAL_PAGE = 1.0, 3, 4
    models.confused(places)
    rows = answered(10, version)
    trial = trials.begin_gate("confused", sample=10)
    trials.prepare(trial)
    gone = trial.answers.get(prediction=rows[0])
    models.shutil.rmtree(settings.MEDIA_ROOT / gone.prediction.image.preview.name.split("/")[0])
    assert worker.run_one()
    trial.refresh_from_db()
    following = {a["id"]: b["id"] for a, b in itertools.pairwise([*CLASSES, CLASSES[0]])}
    told = trial.answers.answered().exclude(label="")
    assert {(row.active_label, row.label) for row in told} <= set(following.items())
    assert all(abs(row.active_confidence - row.confidence) < 1e-3 for row in told)
    report = trial.report
    assert (trial.status, report["flips"]["share"]) == ("refused", 1.0)
    assert report["unreadable"] >= 1 and report["pictures"] + report["unreadable"] == 10
    assert {limit["name"] for limit in report["past"]} >= {"REVIEWED", "FLIPS"}
    assert report["speed"]["active"]["p50_ms"] > 0 < report["speed"]["candidate"]["per_second"]


def test_it_never_takes_back_what_it_has_given_way_already():
    """Nobody but root may, and a worker may be nicer than it is to be."""
    program = "import os; from ml import replay; replay._give_way(); print(os.getpriority(0, 0))"
    for more in (15, 3):
        command = ["nice", "-n", str(more), sys.executable, "-c", program]
        now = min(os.getpriority(os.PRIO_PROCESS, 0) + more, 19)
        assert int(subprocess.check_output(command, text=True)) == max(now, NICENESS)


def test_one_whose_process_cannot_be_started_is_told(monkeypatch):
    def fail(*_args, **_kwargs):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(candidate.subprocess, "Popen", fail)
    with pytest.raises(CandidateError, match="cannot be started: Resource temporarily"):
        Candidate([models.SHIPPED])


@pytest.mark.django_db
def test_a_candidate_that_cannot_be_loaded_fails_its_trial_with_the_fault(places, version, worker):
    folder = models.same(places)
    (folder / "weights.npz").write_bytes(b"no weights")
    trial = trials.begin_gate("same")
    worker.run_one()
    trial.refresh_from_db()
    assert trial.status == "failed" and "weights.npz" in trial.error


@pytest.mark.slow
def test_pictures_that_cannot_be_read_cost_nobody_else_an_answer_and_it_ends_with_its_input():
    asked = Candidate([models.SHIPPED])
    assert set(niceness(asked._process.pid)) == {NICENESS}
    try:
        jpeg = make.noise_jpeg(1)
        answers = asked.answer([jpeg, b"no picture", b"", jpeg])
        assert asked._process.stdin
        asked._process.stdin.close()
        assert asked._process.wait(60) == 0
    finally:
        asked.end()
    assert answers[1] is answers[2] is None
    assert answers[0] == answers[3] and answers[0][0]["label"] in {c["id"] for c in CLASSES}


# With a small process in its place, that answers as it is told


def speaking(program: str, monkeypatch) -> None:
    """Let `program` be what is run for a candidate."""
    real = subprocess.Popen
    monkeypatch.setattr(candidate.settings, "ENGINE", "litert")

    def start(command, **fields):
        assert command[1:5] == ["-m", "ml.replay", "--engine", "litert"]
        return real([command[0], "-c", program], **fields)

    monkeypatch.setattr(candidate.subprocess, "Popen", start)


SAYS_HELLO = """
import json, sys
print(json.dumps({"models": [{"digest": "x", "speed": {}}]}), flush=True)
"""


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("raise SystemExit(3)", "exit code"),
        ("print('hello', flush=True)", "exit code"),
        ("""print('{"error": "no such network"}', flush=True)""", "no such network"),
        ("import time; time.sleep(60)", "took more than"),
    ],
    ids=["ends", "says nonsense", "says why not", "hangs"],
)
def test_one_that_does_not_start_is_ended_and_told(program, fault, monkeypatch, settings):
    settings.TRIAL_SECONDS = 2
    speaking(program, monkeypatch)
    with pytest.raises(CandidateError, match=fault):
        Candidate([models.SHIPPED])


@pytest.mark.parametrize(
    ("rest", "fault"),
    [
        ("sys.exit(1)", "exit code"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code -9"),
        ("import time; time.sleep(60)", "took more than"),
        ("""print('{"answers": []}', flush=True); sys.stdin.read()""", "every picture"),
    ],
    ids=["ends", "is killed", "hangs", "forgets one"],
)
def test_one_that_fails_on_a_page_is_ended_and_told(rest, fault, monkeypatch, settings):
    settings.TRIAL_SECONDS = 5
    speaking(f"{SAYS_HELLO}\nsys.stdin.buffer.readline()\n{rest}", monkeypatch)
    asked = Candidate([models.SHIPPED])
    with pytest.raises(CandidateError, match=fault):
        asked.answer([b"x"])
    assert asked._process.poll() is not None
