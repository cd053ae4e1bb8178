"""That a batch's request is alive is known, however long one of its pictures takes."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from classifier import pulse
from classifier.intake import Intake, Item
from classifier.models import Batch, IdempotencyKey
from classifier.pulse import Pulse
from jobs.tasks import sweep
from tests import make

LONG_AGO = timezone.now() - timedelta(hours=1)


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(pulse, "EVERY", 0.01)


def beats(happened: threading.Event) -> bool:
    return happened.wait(5)


def test_it_beats_until_all_is_done(soon):
    beat = threading.Event()
    with Pulse().beating(beat.set):
        assert beats(beat)
    beat.clear()
    assert not beat.wait(0.1)


def test_a_beat_that_fails_does_not_end_it(soon, caplog):
    second = threading.Event()
    outcomes = iter([OSError("away")])

    def beat() -> None:
        for error in outcomes:
            raise error
        second.set()

    with Pulse().beating(beat):
        assert beats(second)
    assert "A batch's pulse was missed" in caplog.text


def test_what_hangs_is_as_good_as_dead(soon, monkeypatch):
    monkeypatch.setattr(pulse, "HUNG", 0.05)
    beat = threading.Event()
    with Pulse().beating(beat.set) as thread:
        thread.join(5)
        assert not thread.is_alive()


def test_progress_keeps_it_going(soon, monkeypatch):
    monkeypatch.setattr(pulse, "HUNG", 60)
    beat = threading.Event()
    going = Pulse()
    with going.beating(beat.set):
        going.moved()
        assert beats(beat)


@pytest.mark.django_db(transaction=True)
def test_a_batch_with_a_slow_picture_is_not_taken_for_dead(soon, alice):
    batch = Batch.objects.create(**alice.fields(), touched_at=LONG_AGO)
    key = IdempotencyKey.objects.begin("user:1", "/", "k", "f")
    IdempotencyKey.objects.update(held_until=LONG_AGO)

    def items():
        """The second one comes when the pulse has been seen."""
        yield Item("a", data=make.jpeg())
        for _ in range(500):
            if Batch.objects.get().touched_at > LONG_AGO and not IdempotencyKey.objects.filter(
                held_until=LONG_AGO
            ):
                break
            threading.Event().wait(0.01)
        sweep()
        yield Item("b", data=make.jpeg())

    Intake(batch, alice, {}).fill(items(), key.hold_on)
    assert Batch.objects.get().items.count() == 2
    assert IdempotencyKey.objects.get().held_until > timezone.now()
