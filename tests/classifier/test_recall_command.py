"""`manage.py recall`: begins it, watches, goes on, stops, lists."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from classifier import recalls
from classifier.models import (
    Correction,
    Prediction,
    Recall,
)
from tests.classifier.test_recalls import (
    bad as bad,
)
from tests.classifier.test_recalls import (
    dog as dog,
)
from tests.classifier.test_recalls import (
    fresh as fresh,
)
from tests.classifier.test_recalls import (
    good as good,
)
from tests.worker.test_micro_batches import GREEN, RED
from worker import micro_batches

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]


def run(*words: str) -> str:
    out = StringIO()
    call_command("recall", *words, stdout=out)
    return out.getvalue()


def test_the_command_begins_it_and_says_how_far_it_is(bad, good):
    dog()
    out = run("dddd", "--no-wait", "--reason", "it calls everything a dog")
    assert "Checked 0 of 1: changed 0, the same 0" in out
    assert Recall.objects.get().reason == "it calls everything a dog"


def test_the_command_watches_until_it_is_complete(bad, good, monkeypatch):
    rows = [dog(color=RED), dog(color=GREEN)]

    def work(_seconds: float) -> None:
        """What worker and jobs do meanwhile."""
        micro_batches.run(good)
        recalls.settle()

    monkeypatch.setattr("classifier.management.commands.recall.time.sleep", work)
    assert "Checked 2 of 2: changed 1, the same 1, failed 0, skipped 0" in run("dddd")
    assert fresh(*rows) == ["cat", "dog"]


def test_ctrl_c_stops_the_watching_and_the_same_command_goes_on(bad, good, monkeypatch):
    dog()

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("classifier.management.commands.recall.time.sleep", interrupt)
    assert "goes on without this command" in run("dddd")
    assert Recall.objects.get().status == "running"
    run("dddd", "--no-wait")
    assert Recall.objects.count() == Correction.objects.count() == 1


def test_after_its_end_the_command_says_what_came_of_it_and_begins_no_other(bad, good):
    row = dog()
    run("dddd", "--no-wait")
    micro_batches.run(good)
    recalls.settle()
    assert "Checked 1 of 1: changed 1" in run("dddd")
    assert Recall.objects.count() == 1
    Prediction.objects.filter(pk=row.pk).update(model=bad)  # as a worker that was frozen may
    run("dddd", "--no-wait")
    assert Recall.objects.count() == 2


def test_the_command_stops_it(bad, good):
    dog()
    run("dddd", "--no-wait")
    assert "Stopped." in run("dddd", "--stop")
    assert "not running" in run("dddd", "--stop")


def test_the_command_lists_the_differences(bad, good):
    changed, _same = dog(color=RED), dog(color=GREEN)
    run("dddd", "--no-wait")
    micro_batches.run(good)
    assert run("dddd", "--differences").splitlines() == [f"{changed.pk}\tdog\tcat"]


@pytest.mark.parametrize("digest", ["ffff", "ddd", ""])
def test_a_version_that_is_not_meant_clearly_is_refused(bad, digest):
    with pytest.raises(CommandError, match="dddddddddddd \\(tiny\\)"):
        run(digest)


def test_the_model_that_serves_is_refused_with_what_to_do(bad, monkeypatch):
    monkeypatch.setattr(recalls.installed_models, "serves", lambda digest: True)
    with pytest.raises(CommandError, match="activate another one first"):
        run("dddd")
