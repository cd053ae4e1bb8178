"""A version that was withdrawn serves again at somebody's word, and never of itself."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from classifier import installed_models, recalls
from classifier.models import Correction, ModelVersion, Prediction, Recall, WorkQueue, correction
from classifier.promotion import serving
from classifier.promotion.refused import Refused
from jobs import tasks
from ml import manifest
from tests import make, models
from tests.classifier.test_promotion import in_english as in_english
from tests.classifier.test_promotion import places as places
from tests.classifier.test_promotion import serves as serves

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]


def version_of(name: str) -> ModelVersion:
    """The row of an installed model, as a worker registers it."""
    digest = installed_models.find(name).digest
    return ModelVersion.objects.register(
        digest=digest, name=name, preprocessing="x", classes=make.CLASSES
    )


def activate(name: str) -> None:
    serving.activate(installed_models.find(name))


def damage(folder) -> None:
    (folder / manifest.MANIFEST).write_text("{")


@pytest.fixture
def bad(places) -> ModelVersion:
    """`confused` served before `same` does, and was withdrawn."""
    models.confused(places)
    models.same(places)
    activate("confused")
    activate("same")
    version = version_of("confused")
    recalls.begin(version, reason="it calls everything something else")
    return version


# Where nobody says so


def test_a_worker_that_cannot_load_the_active_model_takes_none_that_was_withdrawn(places, bad):
    damage(places / "same")
    assert serves() == models.NAME
    assert [folder.name for folder, _ in installed_models.in_turn()] == ["same", models.NAME]


def test_a_model_before_the_withdrawn_one_is_turned_to(places, bad):
    models.variant(places, "older", thresholds={"set": 0.5, "off_topic": 8.0})
    for name in ("older", "confused", "same"):
        activate(name)
    recalls.begin(bad)
    damage(places / "same")
    assert serves() == "older"


def test_the_model_of_the_installation_is_the_last_resort_though_it_was_withdrawn(places, bad):
    recalls.begin(version_of(models.NAME))
    damage(places / "same")
    assert serves() == models.NAME


def test_going_back_twice_does_not_lead_to_what_was_withdrawn(places):
    for build, name in ((models.same, "same"), (models.confused, "confused")):
        build(places)
        activate(name)
    serving.back()
    recalls.begin(version_of("confused"))
    assert serving.back().folder == serves() == models.NAME


def test_where_all_that_served_before_was_withdrawn_there_is_no_way_back(bad):
    recalls.begin(version_of(models.NAME))
    assert serving.way_back() is None
    with pytest.raises(Refused, match="no model to go back to"):
        serving.back()


# Where somebody does


def test_activating_it_trusts_it_again_also_as_the_one_to_turn_to(places, bad):
    activate("confused")
    assert serves() == "confused"
    activate("same")
    damage(places / "same")
    assert serves() == "confused"


def checked_again(version: ModelVersion) -> Recall:
    """The recall of a version that has answered one picture."""
    row = make.answered()
    Prediction.objects.filter(pk=row.pk).update(model=version)
    recall = Recall.objects.get(model=version)
    for _seen in recalls.find(recall):
        pass
    assert Correction.objects.any_waits()
    return recall


def test_activating_it_stops_its_recall(bad):
    recall = checked_again(bad)
    activate("confused")
    recall.refresh_from_db()
    assert recall.status == "stopped" and not Correction.objects.any_waits()
    bad.refresh_from_db()
    assert bad.recalled_at is None


def test_the_recall_of_a_version_that_is_trusted_again_is_not_gone_on_with(bad):
    recall = checked_again(bad)
    activate("confused")
    Recall.objects.filter(pk=recall.pk).update(status="stopped")
    assert Recall.objects.filter(pk=recall.pk).go_on() == 0


def test_withdrawn_once_more_its_recall_goes_on(bad):
    recall = checked_again(bad)
    activate("confused")
    activate("same")
    assert recalls.begin(bad).pk == recall.pk
    assert Correction.objects.any_waits()


def test_a_draining_queue_does_not_wait_for_a_recall_that_was_stopped(bad):
    checked_again(bad)
    Recall.objects.all().stop()
    WorkQueue.objects.change("recall", "draining")
    tasks.sweep()
    assert WorkQueue.objects.get(name="recall").state == "paused"


def test_a_draining_queue_waits_for_what_a_worker_holds_of_a_stopped_recall(bad):
    checked_again(bad)
    Correction.objects.claim(1, make.model_version("e" * 64), "w")
    Recall.objects.all().stop()
    WorkQueue.objects.change("recall", "draining")
    tasks.sweep()
    assert WorkQueue.objects.get(name="recall").state == "draining"


def test_reasons_are_cut_to_what_is_kept_of_them(places, bad):
    long = "because " * 100
    row = serving.activate(installed_models.find("confused"), reason=long)
    assert row.reason == long[:500]
    activate("same")
    Recall.objects.all().delete()
    assert recalls.begin(bad, reason=long).reason == long[:500]


def test_another_version_in_the_folder_of_a_withdrawn_one_is_turned_to(places, bad):
    path = places / "confused" / manifest.MANIFEST
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "thresholds": {"set": 0.4, "off_topic": 3.0}}))
    activate("confused")
    activate("same")
    damage(places / "same")
    assert serves() == "confused"


# What is looked for every few seconds


def test_closing_what_cannot_be_reached_writes_only_where_there_is_something(bad):
    checked_again(bad)
    with CaptureQueriesContext(connection) as captured:
        assert Correction.objects.skip_unreachable() == 0
    assert [q["sql"] for q in captured if not q["sql"].startswith("SELECT")] == []


def test_it_closes_so_many_at_a_time_and_the_rest_later(bad, monkeypatch):
    monkeypatch.setattr(correction, "PAGE", 2)
    rows = [make.answered() for _ in range(3)]
    Prediction.objects.update(model=bad)
    recall = Recall.objects.get()
    for _seen in recalls.find(recall):
        pass
    for row in rows:
        row.image.quarantine()
    assert [Correction.objects.skip_unreachable() for _ in range(3)] == [2, 1, 0]
    assert not recall.corrections.exclude(status="skipped").exists()


def test_what_a_stopped_recall_left_is_neither_closed_nor_walked(bad):
    checked_again(bad)
    recall = Recall.objects.get()
    Correction.objects.update(status="queued", finished_at=None)
    for row in Correction.objects.all():
        row.prediction.image.quarantine()
    Recall.objects.filter(pk=recall.pk).stop()
    with CaptureQueriesContext(connection) as captured:
        assert Correction.objects.skip_unreachable() == 0
        assert not Correction.objects.any_waits()
    asked = [q["sql"] for q in captured]
    assert len(asked) == 2 and all('FROM "classifier_recall"' in sql for sql in asked)
    Recall.objects.filter(pk=recall.pk).go_on()
    assert Correction.objects.any_waits()
    assert Correction.objects.skip_unreachable() == Correction.objects.count() > 0


def test_what_it_left_is_not_walked_for_another_recall_s_work_either(bad):
    checked_again(bad)
    Correction.objects.update(status="queued", finished_at=None)
    Recall.objects.stop()
    row = make.answered()
    other = recalls.again(Prediction.objects.filter(pk=row.pk))
    with CaptureQueriesContext(connection) as captured:
        (taken,) = Correction.objects.claim(8, bad, worker="w")
    assert taken.prediction_id == row.pk and other == 1
    looked = [q["sql"] for q in captured if q["sql"].startswith("SELECT") and "LIMIT" in q["sql"]]
    assert len(looked) == 1 and '"recall_id" = ' in looked[0]


def test_unreachable_answers_of_each_running_recall_are_closed(bad):
    rows = [make.answered() for _ in range(3)]
    for row in rows:
        recalls.again(Prediction.objects.filter(pk=row.pk))
        row.image.quarantine()
    assert Recall.objects.running().filter(model=None).count() == 3
    assert Correction.objects.skip_unreachable() == 3


def test_two_recalls_fill_one_micro_batch_the_older_first(bad):
    rows = [make.answered() for _ in range(4)]
    for pair in (rows[:2], rows[2:]):
        recalls.again(Prediction.objects.filter(pk__in=[row.pk for row in pair]))
    first = Correction.objects.claim(3, bad, worker="w")
    assert [c.prediction_id for c in first] == [row.pk for row in rows[:3]]
    assert [c.prediction_id for c in Correction.objects.claim(3, bad, worker="w")] == [rows[3].pk]


def test_whether_any_waits_is_found_out_by_recall(bad):
    if connection.vendor == "sqlite":
        assert "correction_of_recall" in correction._recalls_with_waiting().explain()
