"""Recalls: what a withdrawn version answered is marked, asked again, told, and never lost."""

import json
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.db.models.functions import Now

from classifier import recalls
from classifier.models import (
    Correction,
    ModelVersion,
    Prediction,
    Recall,
    Result,
    WebhookDelivery,
    WebhookEndpoint,
    Worker,
    WorkQueue,
)
from classifier.models.correction import CorrectionStatus
from tests import make
from tests.worker.test_micro_batches import BLUE, GREEN, RED, FailsOn, Served, break_preview
from worker import micro_batches

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]
URL = "/api/v1/predictions"
DOG = make.RESULT
CAT = Result(label="cat", confidence=0.9, probabilities=[0.9, 0.05, 0.05])


@pytest.fixture
def bad(db) -> ModelVersion:
    """The version that is to be withdrawn: it calls everything a dog."""
    return make.model_version()


@pytest.fixture
def good(db) -> Served:
    """A worker with the version that serves instead: red is a cat, green a dog, blue a ship."""
    return Served(make.model_version("e" * 64))


def dog(owner=None, color=RED, **fields) -> Prediction:
    """Answered by the bad version."""
    row = Prediction.objects.ask(make.image(owner, make.jpeg(color=color)), **fields)
    return make.answer(row)


def recalled(version: ModelVersion) -> Recall:
    recall = recalls.begin(version)
    for _seen in recalls.find(recall):
        pass
    return recall


def fresh(*rows: Prediction) -> list[str]:
    return [Prediction.objects.get(pk=row.pk).label for row in rows]


def statuses(recall: Recall) -> list[str]:
    return list(recall.corrections.order_by("prediction_id").values_list("status", flat=True))


def test_every_answer_of_the_version_is_marked_at_once(api, bad):
    row = make.answer(Prediction.objects.get(pk=sent(api)))
    assert not api.get(f"{URL}/{row.pk}").json()["recalled"]
    recalls.begin(bad)
    assert api.get(f"{URL}/{row.pk}").json()["recalled"]
    page = api.get("/", headers={"Accept-Language": "en"}).content.decode()
    assert "The version that answered was withdrawn" in page


def sent(api) -> str:
    return api.post(URL, {"image": make.upload()}).json()["id"]


def test_its_answers_are_asked_again_of_the_model_that_serves(bad, good):
    rows = [dog(color=RED), dog(color=GREEN), dog(color=BLUE)]
    recall = recalled(bad)
    micro_batches.run(good)
    assert fresh(*rows) == ["cat", "dog", "ship"]
    assert {Prediction.objects.get(pk=row.pk).model for row in rows} == {good.version}
    assert statuses(recall) == ["changed", "confirmed", "changed"]


def test_until_then_the_owner_keeps_the_old_answer(bad):
    row = dog()
    recalled(bad)
    assert fresh(row) == ["dog"]


def test_the_difference_is_kept_with_the_whole_answer_before(bad, good):
    dog()
    recalled(bad)
    micro_batches.run(good)
    row = Correction.objects.get()
    assert (row.label_before, row.label_after, row.model_before) == ("dog", "cat", bad)
    assert (row.confidence_before, row.probabilities_before) == (0.7, DOG.probabilities)


def test_the_owner_s_history_says_what_was_corrected(client, alice, bad, good):
    changed, confirmed = dog(alice, RED), dog(alice, GREEN)
    recalled(bad)
    micro_batches.run(good)
    client.force_login(alice.user)
    headers = {"Accept-Language": "en"}
    for path in ("/", f"/predictions/{changed.pk}/"):
        page = client.get(path, headers=headers).content.decode()
        assert "Corrected: it said “dog” before." in page
    page = client.get(f"/predictions/{confirmed.pk}/", headers=headers).content.decode()
    assert "Corrected" not in page.split('id="texts"')[0]


def test_the_api_says_it_too(alice_api, alice, bad, good):
    row = dog(alice)
    recalled(bad)
    tag = alice_api.get(f"{URL}/{row.pk}")["ETag"]
    micro_batches.run(good)
    answer = alice_api.get(f"{URL}/{row.pk}", headers={"If-None-Match": tag})
    body = answer.json()
    assert body["result"]["label"] == "cat" and not body["recalled"]
    assert body["corrected"]["label_before"] == "dog" and body["corrected"]["at"]


def test_whoever_got_another_label_is_told_once(alice, bob, bad, good):
    endpoint = WebhookEndpoint.objects.register(
        alice.user, url="https://receiver.example/", events=["prediction.corrected"]
    )
    changed = dog(alice, RED)
    dog(alice, GREEN)
    dog(bob, RED)
    recalled(bad)
    micro_batches.run(good)
    micro_batches.run(good)
    delivery = WebhookDelivery.objects.get(event="prediction.corrected")
    assert delivery.endpoint == endpoint
    body = json.loads(delivery.payload)
    assert body["data"]["id"] == str(changed.pk)
    assert (body["data"]["label_before"], body["data"]["label"]) == ("dog", "cat")


def test_the_withdrawn_version_never_checks_itself(bad):
    row = dog()
    recall = recalled(bad)
    micro_batches.run(Served(bad))
    assert (fresh(row), statuses(recall)) == (["dog"], ["queued"])


def test_the_version_that_serves_is_not_recalled(bad, monkeypatch):
    monkeypatch.setattr(recalls.installed_models, "serves", lambda digest: True)
    with pytest.raises(recalls.StillServes):
        recalls.begin(bad)
    assert not Recall.objects.exists()
    bad.refresh_from_db()
    assert bad.recalled_at is None


def test_answers_of_other_versions_are_left_alone(bad, good):
    mine = dog()
    other = Prediction.objects.ask(make.image(content=make.jpeg(color=GREEN)))
    micro_batches.run(good)
    before = Prediction.objects.values().get(pk=other.pk)
    recall = recalled(bad)
    micro_batches.run(good)
    assert [row.prediction_id for row in recall.corrections.all()] == [mine.pk]
    assert Prediction.objects.values().get(pk=other.pk) == before


# Stopping and going on


def test_stopped_it_gives_nothing_out_and_going_on_finishes_it(bad, good, settings):
    settings.MICRO_BATCH = 1
    rows = [dog() for _ in range(3)]
    recall = recalled(bad)
    Correction.objects.claim(1, good.version, "dies")  # and never answers
    Recall.objects.filter(pk=recall.pk).stop()
    micro_batches.run(good)
    assert fresh(*rows) == ["dog"] * 3
    again = recalls.begin(bad)
    assert again.pk == recall.pk
    Correction.objects.update(lease_until=None, fence=None, status="queued")
    micro_batches.run(good)
    assert fresh(*rows) == ["cat"] * 3
    assert recalls.settle() == 1


def test_who_finds_the_answers_may_die_and_the_next_finds_each_once(bad, good, monkeypatch):
    monkeypatch.setattr(recalls, "PAGE", 2)
    rows = [dog() for _ in range(5)]
    recall = recalls.begin(bad)
    next(recalls.find(recall))  # then it is killed
    recall.refresh_from_db()
    assert recall.corrections.count() == 2 and recall.marked_at is None
    recalls.settle()
    assert recall.corrections.count() == 5
    micro_batches.run(good)
    assert fresh(*rows) == ["cat"] * 5
    assert recalls.settle() == 1


def test_a_dead_worker_s_answers_are_freed_and_checked(bad, good):
    row = dog()
    recalled(bad)
    Correction.objects.claim(1, good.version, "dies")
    Correction.objects.update(lease_until=Now() - timedelta(seconds=1))
    Correction.objects.free_lost()
    micro_batches.run(good)
    assert fresh(row) == ["cat"]


def test_a_worker_that_was_overtaken_replaces_nothing(bad, good):
    row = dog()
    recalled(bad)
    (late,) = Correction.objects.claim(1, good.version, "late")
    fence = late.fence
    Correction.objects.update(lease_until=Now() - timedelta(seconds=1))
    Correction.objects.free_lost()
    Correction.objects.claim(1, good.version, "next")
    assert Correction.objects.publish(fence, good.version, {late.pk: CAT}) == 0
    assert fresh(row) == ["dog"]


def test_an_answer_that_kills_workers_is_given_up_and_no_other(bad, good, settings):
    killer, other = dog(), dog()
    recall = recalled(bad)
    for _ in range(settings.MAX_ATTEMPTS):
        mine = Correction.objects.filter(prediction=killer)
        mine.claim(1, good.version, "dies")
        mine.update(lease_until=Now() - timedelta(seconds=1))
        mine.free_lost()
    micro_batches.run(good)
    assert (fresh(killer, other), statuses(recall)) == (["dog", "cat"], ["failed", "changed"])


def test_one_that_was_tried_before_is_taken_alone(bad, good):
    dog()
    dog()
    recalled(bad)
    first = Correction.objects.order_by("pk").first()
    Correction.objects.filter(pk=first.pk).update(attempt=1)
    assert [row.pk for row in Correction.objects.claim(10, good.version, "w")] == [first.pk]


def test_what_cannot_be_read_fails_after_its_attempts_and_keeps_its_answer(bad, good):
    row = dog()
    recall = recalled(bad)
    break_preview(row, None)
    micro_batches.run(good)
    correction = recall.corrections.get()
    assert (correction.status, correction.error_code) == ("failed", "PREVIEW_UNREADABLE")
    assert fresh(row) == ["dog"]


def test_a_picture_on_which_the_model_fails_ends_as_failed(bad, good):
    good.runtime = FailsOn()
    dog(color=BLUE)
    recall = recalled(bad)
    micro_batches.run(good)
    assert recall.corrections.get().error_code == "INFERENCE_FAILED"


# When it is complete


def test_it_is_complete_once_all_is_checked(bad, good):
    dog()
    recall = recalled(bad)
    assert recalls.settle() == 0
    micro_batches.run(good)
    assert recalls.settle() == 1
    recall.refresh_from_db()
    assert recall.status == "completed" and recall.finished_at


def test_what_a_worker_published_late_is_found_too(bad, good):
    recall = recalled(bad)
    late = dog()
    assert recalls.settle() == 0
    micro_batches.run(good)
    assert (fresh(late), recalls.settle()) == (["cat"], 1)
    assert recall.corrections.count() == 1


def test_it_waits_for_workers_that_still_hold_the_version(bad, good):
    recalled(bad)
    Worker.objects.beat("host:9", host="host", device="CPU", model=bad)
    assert recalls.settle() == 0
    Worker.objects.all().delete()
    assert recalls.settle() == 1


def test_a_second_recall_of_the_same_version_is_the_first_one(bad):
    assert recalls.begin(bad).pk == recalls.begin(bad).pk


# Beside everything else


def test_people_come_first_and_batches_take_turns(bad, good, settings):
    settings.MICRO_BATCH = 1
    old = dog()
    recalled(bad)
    single = Prediction.objects.ask(make.image(content=make.jpeg(color=BLUE)))
    item = Prediction.objects.ask(make.image(content=make.jpeg(color=BLUE)), priority=1)
    another = Prediction.objects.ask(make.image(content=make.jpeg(color=BLUE)), priority=1)
    micro_batches.run(good)
    order = [
        Prediction.objects.get(pk=single.pk).finished_at,
        Prediction.objects.get(pk=item.pk).finished_at,
        Correction.objects.get().finished_at,
        Prediction.objects.get(pk=another.pk).finished_at,
    ]
    assert order == sorted(order)
    assert fresh(old) == ["cat"]


def test_its_queue_can_be_paused(bad, good):
    row = dog()
    recalled(bad)
    WorkQueue.objects.change("recall", "paused")
    micro_batches.run(good)
    assert fresh(row) == ["dog"]


def test_what_was_corrected_and_is_erased_leaves_no_trace_of_its_answers(
    bad, good, django_capture_on_commit_callbacks
):
    row = dog()
    recalled(bad)
    micro_batches.run(good)
    assert Correction.objects.get().label_after == "cat"
    with django_capture_on_commit_callbacks(execute=True):
        row.image.erase()
    assert not Correction.objects.exists()
    assert Prediction.objects.get().deleted_at


def test_an_upgrade_forgets_what_was_kept_of_answers_that_had_been_erased(bad, good):
    kept, erased = dog(), dog()
    recalled(bad)
    Prediction.objects.filter(pk=erased.pk).update(deleted_at=Now())
    forgetting = import_module("classifier.migrations.0008_forget_what_was_erased")
    forgetting.forget(apps, connection.schema_editor())
    assert list(Correction.objects.values_list("prediction", flat=True)) == [kept.pk]


def test_what_is_erased_meanwhile_is_skipped_and_leaves_no_trace(bad, good):
    erased, withheld = dog(), dog()
    recall = recalled(bad)
    erased.image.erase()
    withheld.image.quarantine()
    assert recalls.settle() == 1
    assert statuses(recall) == [CorrectionStatus.SKIPPED]
    assert not Correction.objects.filter(prediction=erased).exists()


def test_what_lies_in_the_trash_is_corrected_and_nobody_told(alice, bad, good):
    WebhookEndpoint.objects.register(alice.user, url="https://receiver.example/")
    row = dog(alice)
    recalled(bad)
    row.image.trash()
    micro_batches.run(good)
    assert fresh(row) == ["cat"]
    assert not WebhookDelivery.objects.filter(event="prediction.corrected").exists()


def test_without_a_recall_workers_ask_one_cheap_question(good, django_assert_num_queries):
    from worker import corrections

    with django_assert_num_queries(1):
        assert corrections.run_one(good) == 0


# Chosen by hand


def test_staff_asks_the_model_that_serves_about_single_answers_again(bad, good):
    row, waiting = dog(), make.prediction()
    rows = Prediction.objects.filter(pk__in=[row.pk, waiting.pk])
    assert recalls.again(rows) == 1
    micro_batches.run(good)
    assert fresh(row) == ["cat"]
    assert recalls.settle() == 1
    assert Recall.objects.get().model is None


def test_asking_again_about_nothing_makes_nothing():
    assert recalls.again(Prediction.objects.none()) == 0
    assert not Recall.objects.exists()
