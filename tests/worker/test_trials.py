"""Trials from their pictures to the verdict, with a small candidate in the process's place.

The real one is in test_candidate.py.
"""

import errno
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django.utils.translation import override

from classifier.models import (
    ModelVersion,
    Prediction,
    Review,
    ReviewTask,
    Trial,
    TrialAnswer,
    WorkQueue,
)
from classifier.promotion import trials
from ml import manifest
from tests import make, models
from worker import process
from worker.heartbeat import Heartbeat
from worker.trials import Trials

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]


@pytest.fixture(autouse=True)
def in_english():
    with override("en"):
        yield


@pytest.fixture
def places(tmp_path, settings):
    return models.places(tmp_path / "models", settings)


@pytest.fixture
def version(db) -> ModelVersion:
    """The row of the model that ships, as a worker registers it."""
    shipped = manifest.read(models.SHIPPED)
    return ModelVersion.objects.register(
        digest=shipped.digest, name=shipped.id, preprocessing="x", classes=shipped.classes
    )


@pytest.fixture
def worker():
    running = Trials("host:1")
    yield running
    running._end_candidate()


def noise(n: int) -> list[Prediction]:
    return [Prediction.objects.ask(make.image(content=make.noise_jpeg(i))) for i in range(n)]


def answered(n: int, version: ModelVersion, label: str = "frog") -> list[Prediction]:
    rows = noise(n)
    (first, *_rest) = claimed = Prediction.objects.claim(n, worker="w")
    result = make.Result(label=label, confidence=0.6, probabilities=[0.1] * 10)
    Prediction.objects.publish(first.fence, version, {row.pk: result for row in claimed})
    return rows


class Echo:
    """A candidate that calls everything a frog, in this process."""

    def __init__(self, folders) -> None:
        self.folders = folders
        speed = {"p50_ms": 1.0, "p95_ms": 1.0, "per_second": 1.0}
        digests = [manifest.read(folder).digest for folder in folders]
        self.models = [{"digest": digest, "speed": speed} for digest in digests]

    def answer(self, jpegs):
        said = {"label": "frog", "confidence": 0.5, "off_topic": False}
        return [[said for _ in self.models] for _ in jpegs]

    def end(self) -> None:
        """Nothing to end."""


@pytest.fixture
def echo(monkeypatch):
    monkeypatch.setattr("worker.trials.Candidate", Echo)


def test_whoever_dies_leaves_what_is_done_and_the_next_goes_on(places, echo, version, worker):
    models.same(places)
    answered(5, version)
    trial = trials.begin_gate("same", sample=5)
    dead = Trial.objects.claim("dead", [trial.digest, trial.active_digest])
    trials.prepare(dead)
    trial.answers.order_by("pk").first().write(label="cat", active_label="cat", confidence=1.0)
    assert not worker.run_one()  # it is still held
    Trial.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert worker.run_one()
    trial.refresh_from_db()
    assert trial.progress() == (5, 5) and trial.report["pictures"] == 5
    assert trial.answers.filter(label="cat").count() == 1
    assert not dead.hold_on() and not dead.finish("passed")


def test_a_worker_that_ends_leaves_its_trial_to_the_next_at_once(places, echo, version, worker):
    models.same(places)
    trial = trials.begin_gate("same")
    Trial.objects.claim("host:7", [trial.digest, trial.active_digest])
    assert not worker.run_one()
    pulse = Heartbeat(process.ServedModel(None, version))
    pulse.model.__dict__["worker"] = "host:7"
    pulse.stop()
    assert worker.run_one()


def test_a_worker_without_the_candidate_s_files_leaves_it_to_others(places, echo, version, worker):
    models.same(places)
    trials.begin_gate("same")
    models.shutil.rmtree(places / "same")
    assert not worker.run_one()
    assert Trial.objects.get().status == "queued"


def test_where_no_worker_has_the_candidate_any_more_the_trial_fails(
    places, echo, version, worker, monkeypatch
):
    models.same(places)
    gate = trials.begin_gate("same")
    models.shutil.rmtree(places / "same")
    monkeypatch.setattr("worker.trials.CLAIMED_WITHIN", 0)
    assert not worker.run_one() and not worker.run_one()
    gate.refresh_from_db()
    assert (gate.status, gate.is_open) == ("failed", False)
    assert gate.error == "same is no longer installed as it was when the trial began"


def test_what_a_paused_queue_holds_back_is_not_given_up(places, echo, version, worker, monkeypatch):
    """Whoever has its models takes it again and again, and lets go of it each time."""
    models.same(places)
    trials.begin_gate("same")
    models.shutil.rmtree(places / "same")
    WorkQueue.objects.change("trials", "paused")
    monkeypatch.setattr("worker.trials.CLAIMED_WITHIN", 0)
    assert not worker.run_one() and not worker.run_one()
    assert Trial.objects.get().status == "queued"
    WorkQueue.objects.change("trials", "open")
    assert not worker.run_one() and not worker.run_one()
    assert Trial.objects.get().status == "failed"


def test_a_trial_is_left_to_a_worker_that_is_still_at_another(
    places, echo, version, worker, monkeypatch
):
    models.same(places)
    models.confused(places)
    shadow = trials.begin_shadow("confused", 1.0)
    answered(1, version)
    trials.begin_gate("same")
    Trial.objects.shadows().claim("other", [shadow.digest])
    models.shutil.rmtree(places / "same")
    monkeypatch.setattr("worker.trials.CLAIMED_WITHIN", 0)
    assert not worker.run_one() and not worker.run_one()
    assert Trial.objects.gates().get().status == "queued"
    Trial.objects.shadows().free("other")
    models.shutil.rmtree(places / "confused")
    worker.run_one()
    assert Trial.objects.gates().get().status == "failed"


def test_a_candidate_that_is_back_in_time_is_tried(places, echo, version, worker, monkeypatch):
    folder = models.same(places)
    trials.begin_gate("same")
    away = folder.rename(places.parent / "away")
    assert not worker.run_one()
    away.rename(folder)
    monkeypatch.setattr("worker.trials.CLAIMED_WITHIN", 0)
    assert worker.run_one()
    assert Trial.objects.get().report


def test_a_canceled_trial_is_gone_on_with_by_nobody(places, echo, version, worker):
    models.same(places)
    trials.begin_gate("same")
    Trial.objects.all().cancel()
    assert not worker.run_one()


def test_a_candidate_on_which_a_limit_is_not_passed_has_passed(places, echo, version, worker):
    models.same(places)
    rows = answered(50, version, label="frog")
    for row in rows:
        row.refresh_from_db()
        Review.objects.create(
            image=row.image, prediction=row, model=row.model, verdict="agree", label="frog"
        )
    trial = trials.begin_gate("same")
    worker.run_one()
    trial.refresh_from_db()
    assert (trial.status, trial.report["past"]) == ("passed", [])


def test_while_the_queue_of_trials_is_paused_it_waits(places, echo, version, worker):
    models.same(places)
    answered(2, version)
    trial = trials.begin_gate("same", sample=2)
    WorkQueue.objects.change("trials", "paused")
    worker.run_one()
    assert trial.progress() == (0, 2)
    WorkQueue.objects.change("trials", "open")
    worker.run_one()
    trial.refresh_from_db()
    assert trial.report


# The shadow


@pytest.fixture
def shadow(places, echo, version) -> Trial:
    models.same(places)
    return trials.begin_shadow("same", 1.0)


def test_a_shadow_answers_what_was_published_and_users_see_nothing_of_it(
    alice_api, shadow, version, worker
):
    rows = answered(3, version, label="cat")
    assert worker.run_one()
    beside = {row.prediction_id: row for row in shadow.answers.all()}
    assert {(beside[row.pk].active_label, beside[row.pk].label) for row in rows} == {
        ("cat", "frog")
    }
    for row in rows:
        row.refresh_from_db()
    assert {(row.label, row.model) for row in rows} == {("cat", version)}


def test_only_its_share_of_the_traffic_is_drawn(places, echo, version):
    models.same(places)
    trials.begin_shadow("same", 0.25)
    answered(200, version)
    assert 20 <= TrialAnswer.objects.count() <= 85  # 6 standard deviations about 50


def test_without_a_shadow_publishing_draws_nothing(version, places, shadow):
    Trial.objects.all().cancel()
    answered(2, version)
    assert not TrialAnswer.objects.exists()


def test_what_a_worker_could_not_publish_is_not_drawn(shadow, version):
    (row,) = noise(1)
    (claimed,) = Prediction.objects.claim(1, worker="w")
    fence = claimed.fence
    Prediction.objects.filter(pk=row.pk).cancel()
    Prediction.objects.publish(fence, version, {row.pk: make.RESULT})
    assert not TrialAnswer.objects.exists()


def test_a_shadow_goes_on_until_it_is_ended_and_keeps_what_it_found(shadow, version, worker):
    answered(1, version)
    assert worker.run_one() and not worker.run_one()
    answered(1, version)
    assert worker.run_one()
    Trial.objects.all().cancel()
    answered(1, version)
    assert not worker.run_one()
    assert shadow.progress() == (2, 2)


def test_where_the_models_disagree_a_person_is_asked(shadow, version, worker):
    (same,) = answered(1, version, label="frog")
    (other,) = answered(1, version, label="cat")
    worker.run_one()
    tasks = ReviewTask.objects.filter(stream="disagreement")
    assert [task.prediction_id for task in tasks] == [other.pk] != [same.pk]


def test_a_gate_goes_before_a_shadow(shadow, version, worker, places):
    answered(1, version)
    models.confused(places)
    gate = trials.begin_gate("confused", sample=1)
    worker.run_one()
    gate.refresh_from_db()
    assert gate.report and shadow.progress() == (0, 1)


def test_its_page_compares_what_it_found_so_far(admin_client, shadow, version, worker):
    answered(2, version, label="cat")
    worker.run_one()
    url = f"/admin/classifier/trial/{shadow.pk}/change/"
    page = admin_client.get(url, headers={"Accept-Language": "en"}).content.decode()
    assert "Recent answers that change: 2 of 2" in page and "End the shadow" in page


def test_it_is_begun_told_of_and_ended_from_the_command_line(places, echo, version, worker):
    from io import StringIO

    from django.core.management import CommandError, call_command

    def run(*words: str) -> str:
        out = StringIO()
        call_command("shadow", *words, stdout=out)
        return out.getvalue()

    with pytest.raises(CommandError, match="ever"):
        run()
    models.same(places)
    with pytest.raises(CommandError, match="above 0"):
        run("same", "--share", "2")
    assert "100.0%" in run("same", "--share", "1")
    answered(2, version, label="cat")
    worker.run_one()
    out = run()
    assert "would have answered otherwise: 2 of 2" in out and "cat → frog: 2" in out
    assert "Ended" in run("--off") and "none" in run("--off")


def test_publishing_without_a_shadow_costs_one_question_more(
    django_assert_max_num_queries, version
):
    noise(1)
    (claimed,) = Prediction.objects.claim(1, worker="w")
    result = make.Result(label="cat", confidence=1, probabilities=[1.0, *[0.0] * 9])
    with django_assert_max_num_queries(12) as counted:
        Prediction.objects.publish(claimed.fence, version, {claimed.pk: result})
    asked = [query["sql"] for query in counted if "classifier_trial" in query["sql"]]
    assert len(asked) == 1


@pytest.mark.parametrize(
    "fault", [OperationalError("gone"), OSError(errno.EIO, "a share went away")]
)
def test_a_fault_that_passes_ends_no_trial_for_good(monkeypatch, settings, fault):
    settings.HEARTBEAT_SECONDS = 0.01
    monkeypatch.setattr("worker.trials.connection.close", lambda: None)
    monkeypatch.setattr("worker.trials.close_old_connections", lambda: None)
    trials_, tries = process.Trials("w"), []

    def fail_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise fault
        trials_.stop()

    monkeypatch.setattr(trials_, "run_one", fail_once)
    trials_._run()
    assert len(tries) == 2


def test_the_worker_starts_and_stops_them_with_itself(monkeypatch):
    started = []
    monkeypatch.setattr(process.Trials, "start", lambda self: started.append(self.worker))
    monkeypatch.setattr(process.Heartbeat, "start", lambda self: None)
    monkeypatch.setattr(process.Heartbeat, "stop", lambda self: None)
    monkeypatch.setattr(process.watchdog, "start", lambda: None)
    monkeypatch.setattr(process, "end_with_parent", lambda: None)
    monkeypatch.setattr(process, "load", served)
    process.begin()
    assert started == [process.model().worker]
    process.end()
    assert process._trials and process._trials.stopped.is_set()


def served() -> process.ServedModel:
    class Runtime:
        id, digest, device = "tiny", "d" * 64, "CPU"

    return process.ServedModel(Runtime(), make.model_version())  # type: ignore[arg-type]
