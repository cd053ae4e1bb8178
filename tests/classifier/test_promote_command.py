"""`manage.py promote`: tries, tells, refuses, forces, goes back."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from classifier import installed_models
from classifier.models import ModelActivation, Trial
from classifier.promotion import serving
from tests import models
from tests.classifier.test_promotion import (
    in_english as in_english,
)
from tests.classifier.test_promotion import (
    judged as judged,
)
from tests.classifier.test_promotion import (
    other as other,
)
from tests.classifier.test_promotion import (
    places as places,
)
from tests.classifier.test_promotion import (
    refused as refused,
)
from tests.classifier.test_promotion import (
    serves as serves,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]


def run(*words: str) -> str:
    out = StringIO()
    call_command("promote", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def verdict(monkeypatch):
    """Lets the worker's verdict be there as soon as the command looks again."""

    def give(judge) -> None:
        def look(_seconds: float) -> None:
            judge(Trial.objects.open().get())

        monkeypatch.setattr("classifier.management.commands.promote.time.sleep", look)

    return give


def test_the_command_tries_and_promotes(other, verdict):
    verdict(judged)
    out = run(other, "--reason", "better")
    assert "within all limits" in out and "serves from now on" in out
    assert serves() == "same"


def test_the_command_refuses_past_a_limit_and_says_which(other, verdict):
    verdict(refused)
    with pytest.raises(CommandError, match="nothing has changed"):
        run(other)
    assert serves() == models.NAME


def test_force_overrules_the_verdict_that_was_just_given(other, verdict):
    verdict(refused)
    with pytest.raises(CommandError):
        run(other)
    out = run(other, "--force", "the night shift needs it")
    assert "past a limit: Only 0 reviewed pictures" in out
    assert Trial.objects.count() == 1
    assert ModelActivation.objects.get().reason == "the night shift needs it"


def test_the_command_can_only_try(other, verdict):
    verdict(judged)
    run(other, "--try-only")
    assert serves() == models.NAME


def test_a_trial_that_fails_is_told_with_its_fault(other, verdict):
    verdict(
        lambda trial: Trial.objects.update(
            status="failed", error="it ended with exit code -9", finished_at=timezone.now()
        )
    )
    with pytest.raises(CommandError, match="exit code -9"):
        run(other)


def test_ctrl_c_leaves_the_trial_to_go_on(other, monkeypatch):
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("classifier.management.commands.promote.time.sleep", interrupt)
    with pytest.raises(CommandError, match="the trial goes on"):
        run(other)
    assert Trial.objects.get().status == "queued"


def test_the_command_goes_back(other):
    serving.activate(installed_models.find(other))
    assert models.NAME in run("--back")


@pytest.mark.parametrize("words", [[], ["same", "--back"]])
def test_the_command_wants_a_candidate_or_the_way_back(words):
    with pytest.raises(CommandError, match="name the candidate"):
        run(*words)


@pytest.mark.parametrize("sample", ["-1", "100001", "9" * 5000, "many", "1.5"])
def test_a_sample_that_cannot_be_is_refused_before_anything_begins(other, verdict, sample):
    verdict(judged)
    with pytest.raises(CommandError, match="--sample"):
        run(other, "--sample", sample)
    assert not Trial.objects.exists()


def test_a_reason_that_is_too_long_is_cut_by_hand_too(other, monkeypatch):
    monkeypatch.setattr("classifier.management.commands.activate.check", lambda model, engine: None)
    call_command("activate", other, "--reason", "because " * 100, stdout=StringIO())
    assert ModelActivation.objects.get().reason == ("because " * 100)[:500]


def test_activating_by_hand_leaves_the_same_row(other, monkeypatch):
    monkeypatch.setattr("classifier.management.commands.activate.check", lambda model, engine: None)
    call_command("activate", other, "--reason", "by hand", stdout=StringIO())
    assert ModelActivation.objects.get().reason == "by hand"
