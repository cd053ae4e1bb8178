"""From claimed rows to published results, with a small runtime in the network's place.

The real network answers in tests/live/.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest
from django.conf import settings

from classifier.models import ModelVersion, Prediction, Result, Status
from ml.runtime import Answers
from tests import make
from worker import micro_batches, turn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]

RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)


class Brightest:
    """A runtime that answers with the strongest colour: red is a cat, green a dog, blue a ship."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def predict(self, x: np.ndarray) -> Answers:
        self.batches.append(len(x))
        strength = x.mean(axis=(1, 2)) + 1.0
        plainness = -x.std(axis=(1, 2)).mean(axis=1)
        return Answers(strength / strength.sum(axis=1, keepdims=True), plainness)


@dataclass
class Served:
    version: ModelVersion
    runtime: Brightest = field(default_factory=Brightest)
    worker: str = "host:1"
    input_size: int = 32

    def check(self) -> None:
        """Nothing is wrong with this one; test_process.py has one that is broken."""

    def result(self, probabilities: np.ndarray, off_topic_score: float) -> Result:
        best = int(probabilities.argmax())
        label, confidence = make.CLASSES[best]["id"], float(probabilities[best])
        score = float(off_topic_score)
        return Result(label, confidence, probabilities.tolist(), score, off_topic=score > -5)


@pytest.fixture
def model(db) -> Served:
    return Served(make.model_version())


def ask(color=GREEN) -> Prediction:
    return Prediction.objects.ask(make.image(content=make.jpeg(color=color)))


def labels(*rows: Prediction) -> list[str]:
    for row in rows:
        row.refresh_from_db()
    return [row.label for row in rows]


def test_each_image_gets_its_own_answer(model):
    rows = [ask(RED), ask(GREEN), ask(BLUE)]
    micro_batches.run(model)
    assert labels(*rows) == ["cat", "dog", "ship"]
    assert {row.status for row in rows} == {Status.SUCCEEDED}


def test_how_little_a_picture_looks_like_any_class_is_kept_with_its_answer(model):
    plain = ask(RED)
    noise_ = Prediction.objects.ask(make.image(content=make.noise_jpeg(side=32)))
    micro_batches.run(model)
    for row in (plain, noise_):
        row.refresh_from_db()
    assert plain.off_topic_score == pytest.approx(0) and noise_.off_topic_score < -5
    assert (plain.off_topic, noise_.off_topic) == (True, False)


def test_a_process_that_makes_way_for_another_model_begins_no_micro_batch(model, bell_rings):
    row = ask(RED)
    turn.ending.set()
    try:
        micro_batches.run(model)
    finally:
        turn.ending.clear()
    row.refresh_from_db()
    assert (row.status, bell_rings) == (Status.QUEUED, [True])


def test_what_waits_together_is_predicted_together(model):
    for _ in range(5):
        ask()
    micro_batches.run(model)
    assert model.runtime.batches == [5]


def test_a_run_goes_on_until_nothing_waits(model, settings):
    settings.MICRO_BATCH = 2
    rows = [ask() for _ in range(5)]
    micro_batches.run(model)
    assert model.runtime.batches == [2, 2, 1]
    assert labels(*rows) == ["dog"] * 5


def test_a_full_micro_batch_wakes_an_idle_worker(model, settings, bell_rings):
    settings.MICRO_BATCH = 2
    for _ in range(3):
        ask()
    micro_batches.run(model)
    assert bell_rings == [True]


def test_a_run_whose_time_is_up_rings_for_the_rest(model, monkeypatch, bell_rings):
    monkeypatch.setattr(micro_batches, "RUN_SECONDS", 0)
    row = ask()
    micro_batches.run(model)
    assert bell_rings == [True]
    assert labels(row) == [""]


def test_a_bell_with_nothing_to_do_does_nothing(model):
    micro_batches.run(model)
    assert model.runtime.batches == []


def break_preview(row: Prediction, content: bytes | None) -> None:
    path = settings.MEDIA_ROOT / row.image.preview.name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


@pytest.mark.parametrize("content", [b"not a picture", b"", None], ids=["garbage", "empty", "gone"])
def test_a_preview_that_cannot_be_read_fails_alone_after_its_attempts(model, content):
    good, bad, another = ask(RED), ask(), ask(BLUE)
    break_preview(bad, content)
    micro_batches.run(model)
    assert labels(good, bad, another) == ["cat", "", "ship"]
    assert (bad.status, bad.error_code) == (Status.FAILED, "PREVIEW_UNREADABLE")
    assert bad.attempt == settings.MAX_ATTEMPTS
    assert (good.attempt, another.attempt) == (1, 1)


class FailsOn(Brightest):
    """Raises whenever a blue picture is in the batch."""

    def predict(self, x: np.ndarray) -> Answers:
        if (x.mean(axis=(1, 2)).argmax(axis=1) == 2).any():
            raise ValueError("no ships please")
        return super().predict(x)


def test_a_picture_on_which_the_model_fails_fails_alone(model):
    model.runtime = FailsOn()
    good, bad, another = ask(RED), ask(BLUE), ask(GREEN)
    micro_batches.run(model)
    assert labels(good, bad, another) == ["cat", "", "dog"]
    assert (bad.status, bad.error_code) == (Status.FAILED, "INFERENCE_FAILED")


class Overtaken(Brightest):
    """While it predicts, another worker takes the rows over and answers them."""

    def predict(self, x: np.ndarray) -> Answers:
        held = Prediction.objects.filter(status=Status.RUNNING)
        (pk,) = held.values_list("pk", flat=True)
        held.update(status=Status.QUEUED, fence=None, lease_until=None)
        make.answer(Prediction.objects.get(pk=pk), Result("ship", 0.9, [0.0, 0.1, 0.9]))
        return super().predict(x)


def test_a_result_that_comes_too_late_is_dropped(model):
    model.runtime = Overtaken()
    row = ask(RED)
    micro_batches.run(model)
    assert labels(row) == ["ship"]
    assert row.attempt == 2
