"""A bad version on the running service: refused by the gate, forced, gone back from, recalled."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests import models
from tests.jpegs import noise_jpeg
from tests.live.service import ROOT, Service, wait_for

PICTURES = 60


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    # In micro-batches so small that a recall takes many of them.
    data = tmp_path_factory.mktemp("lifecycle") / "data"
    with Service(data, KADR_MICRO_BATCH="4").started() as service:
        yield service


def command(service: Service, *words: str, fails: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode != 0) == fails, done.stderr[-2000:]
    return done.stdout + done.stderr


def answers(service: Service, first: int) -> dict[str, str]:
    """Sends pictures, and what was answered, by id."""
    sent = [service.upload(noise_jpeg(first + n))[1]["id"] for n in range(PICTURES)]
    wait_for(lambda: service.unfinished() == 0, 120, service.describe)
    return labels(service, sent)


def labels(service: Service, ids) -> dict[str, str]:
    known = dict(service.rows("SELECT id, label FROM classifier_prediction"))
    return {pk: known[pk.replace("-", "")] for pk in ids}


def serving(service: Service) -> str:
    """The version that the worker holds, by its name."""
    rows = service.rows(
        "SELECT v.name FROM classifier_worker w JOIN classifier_modelversion v "
        "ON v.id = w.model_id ORDER BY w.last_seen_at DESC"
    )
    return rows[0][0] if rows else ""


def kill_worker(service: Service) -> None:
    (name,) = service.rows("SELECT name FROM classifier_worker ORDER BY last_seen_at DESC")[0]
    os.kill(int(name.rsplit(":", 1)[1]), signal.SIGKILL)


@pytest.mark.slow
def test_a_bad_version_is_refused_forced_gone_back_from_and_recalled(running):
    models.confused(running.data / "models")
    good = answers(running, first=0)

    told = command(running, "promote", "confused", "--sample", "50", fails=True)
    assert "recent answers that change: 50 of 50" in told
    assert "past a limit: 100.00% of the recent answers would change" in told
    assert "nothing has changed" in told and serving(running) != "confused"

    command(running, "promote", "confused", "--force", "to see what a recall is worth")
    wait_for(lambda: serving(running) == "confused", 120, running.describe)
    bad = answers(running, first=0)
    assert all(a != b for a, b in zip(good.values(), bad.values(), strict=True))

    told = command(running, "recall", digest(running), fails=True)
    assert "activate another one first" in told
    command(running, "promote", "--back", "--reason", "it names everything wrongly")
    wait_for(lambda: serving(running) not in ("", "confused"), 120, running.describe)

    command(running, "recall", digest(running), "--no-wait")
    corrected = "SELECT count(*) FROM classifier_correction WHERE status = 'changed'"
    wait_for(lambda: running.rows(corrected)[0][0] > 0, 60, running.describe)
    kill_worker(running)
    told = command(running, "recall", digest(running))
    assert re.search(rf"Checked {PICTURES} of {PICTURES}: changed {PICTURES}, the same 0", told)
    assert list(labels(running, bad).values()) == list(good.values())
    before = [running.prediction(pk)["corrected"]["label_before"] for pk in bad]
    assert before == list(bad.values())
    differences = command(running, "recall", digest(running), "--differences").splitlines()
    assert {tuple(line.split("\t")) for line in differences} == {
        (pk, before, after) for (pk, before), after in zip(bad.items(), good.values(), strict=True)
    }
    rows = running.rows("SELECT name, forced, reason FROM classifier_modelactivation ORDER BY id")
    assert [(name == "confused", bool(forced)) for name, forced, _reason in rows] == [
        (True, True),
        (False, False),
    ]
    assert running.unfinished() == 0


def digest(service: Service) -> str:
    ((found,),) = service.rows("SELECT digest FROM classifier_modelversion WHERE name='confused'")
    return str(found)
