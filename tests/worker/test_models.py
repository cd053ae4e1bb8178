"""Which model a worker loads, and when it makes way for another."""

import threading
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import timezone

from classifier.models import ModelActivation, ModelVersion
from ml.manifest import EngineError, ModelError
from tests import make
from worker import heartbeat, process, turn

pytestmark = pytest.mark.django_db


class Loaded:
    """A runtime that knows where it came from; the real one is loaded in tests/live/."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.folder, self.digest, self.engine = folder, folder.name * 8, engine

    def warm_up(self) -> None:
        if self.folder.name == "broken":
            raise ModelError("broken answers its golden inputs differently")


@pytest.fixture
def in_turn(monkeypatch):
    """Lets a test say which folders there are to try, and with which digest each was activated."""

    def give(*folders: tuple[str, str]) -> None:
        known = [(Path(name), digest) for name, digest in folders]
        monkeypatch.setattr(process.installed_models, "in_turn", lambda: known)

    monkeypatch.setattr(process.Runtime, "load", Loaded)
    return give


def test_the_active_model_is_loaded(in_turn):
    in_turn(("new", "new" * 8), ("old", ""))
    assert process._first_that_works().folder == Path("new")


def test_it_is_loaded_in_the_engine_that_is_set(in_turn, settings):
    settings.ENGINE = "abacus"
    in_turn(("new", ""))
    assert process._first_that_works().engine == "abacus"


def test_an_engine_that_fails_lets_no_older_model_serve(in_turn, monkeypatch):
    """It is not the newest one's fault, so the worker ends, and tries again."""

    def fail(folder: Path, engine: str) -> None:
        raise EngineError("the process was ended by SIGKILL")

    in_turn(("new", ""), ("old", ""))
    monkeypatch.setattr(process.Runtime, "load", fail)
    with pytest.raises(EngineError):
        process._first_that_works()


def test_a_model_that_fails_leaves_the_one_before_it_serving(in_turn):
    in_turn(("broken", ""), ("old", ""))
    assert process._first_that_works().folder == Path("old")


def test_a_folder_that_was_changed_after_its_activation_is_not_trusted(in_turn):
    in_turn(("new", "another digest"), ("old", ""))
    assert process._first_that_works().folder == Path("old")


def test_without_any_model_that_works_the_active_one_s_fault_is_told(in_turn):
    in_turn(("broken", ""), ("new", "another digest"))
    with pytest.raises(ModelError, match="golden"):
        process._first_that_works()


@pytest.fixture
def ends(monkeypatch):
    """What the process would have ended with."""
    statuses: list[int] = []
    monkeypatch.setattr(heartbeat.os, "_exit", statuses.append)
    yield statuses
    turn.ending.clear()


def beating(activation: int | None) -> heartbeat.Heartbeat:
    served = process.ServedModel(None, make.model_version(), activation)
    return heartbeat.Heartbeat(served)


def test_a_worker_with_the_active_model_stays(ends):
    row = ModelActivation.objects.create(folder="a", digest="1" * 64, name="a")
    beating(row.pk)._make_way()
    assert not ends and not turn.ending.is_set()


def test_a_worker_makes_way_when_another_model_is_activated(ends):
    ModelActivation.objects.create(folder="a", digest="1" * 64, name="a")
    beating(None)._make_way()
    assert ends == [0] and turn.ending.is_set()


def test_a_worker_makes_way_when_its_own_model_is_withdrawn(ends):
    """It may have turned to one before the active one, which it could not load."""
    pulse = beating(None)
    pulse._make_way()
    assert not ends
    ModelVersion.objects.update(recalled_at=timezone.now())
    pulse._make_way()
    assert ends == [0] and turn.ending.is_set()


def test_one_that_was_withdrawn_when_it_was_loaded_is_the_last_resort_and_stays(ends):
    pulse = beating(None)
    pulse.model.version.recalled_at = timezone.now()
    pulse.model.version.save()
    pulse._make_way()
    assert not ends and not turn.ending.is_set()


def test_it_makes_way_though_the_database_does_not_hear_of_it(ends, monkeypatch):
    """It claims nothing any more, so it must not stay."""
    ModelActivation.objects.create(folder="a", digest="1" * 64, name="a")
    pulse = beating(None)
    monkeypatch.setattr(pulse, "stop", out_of_reach)
    with pytest.raises(OperationalError):  # the test's process goes on, which a worker's does not
        pulse._make_way()
    assert ends == [0]


def out_of_reach() -> None:
    raise OperationalError("the connection is closed")


def test_it_finishes_its_micro_batch_first(ends, monkeypatch):
    """In another thread, as the heartbeat is, so without this test's database."""
    pulse = beating(None)
    monkeypatch.setattr(pulse, "stop", lambda: None)
    monkeypatch.setattr(heartbeat, "ModelActivation", Newer)
    with turn.micro_batch:
        leaving = threading.Thread(target=pulse._make_way)
        leaving.start()
        turn.ending.wait(10)
        assert not ends
    leaving.join(10)
    assert ends == [0]


class Newer:
    """A table in which another model was activated."""

    class objects:  # noqa: N801
        current_id = staticmethod(lambda: 1)
