"""What is told to whom when predictions, batches and exports end."""

import json
import re
from pathlib import Path

import pytest

from classifier import exports, recalls
from classifier.models import (
    Batch,
    Correction,
    Export,
    Prediction,
    Result,
    WebhookDelivery,
    WebhookEndpoint,
)
from classifier.models.webhook import SUBSCRIBABLE
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def endpoint(alice) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(user=alice.user, url="https://receiver.example/")


def told() -> list[tuple[str, str]]:
    rows = WebhookDelivery.objects.order_by("created_at", "pk")
    return [(row.event, json.loads(row.payload)["data"]["id"]) for row in rows]


def test_a_result_is_told_to_its_owner(alice):
    row = make.answered(alice)
    assert told() == [("prediction.succeeded", str(row.pk))]


def test_what_happens_to_others_is_told_to_nobody(bob):
    make.answered(bob)
    make.answered()
    assert told() == []


def test_a_result_that_came_too_late_is_not_told(alice):
    row = make.prediction(alice)
    (claimed,) = Prediction.objects.claim(1, worker="w")
    Prediction.objects.filter(pk=row.pk).cancel()
    Prediction.objects.publish(claimed.fence, make.model_version(), {row.pk: make.RESULT})
    assert told() == [("prediction.canceled", str(row.pk))]


def test_failures_are_told_once_all_attempts_are_used_up(alice, settings):
    settings.MAX_ATTEMPTS = 2
    row = make.prediction(alice)
    for expected in ([], [("prediction.failed", str(row.pk))]):
        (claimed,) = Prediction.objects.claim(1, worker="w")
        Prediction.objects.give_back(claimed.fence, row.pk, "INFERENCE_FAILED")
        Prediction.objects.update(queued_at=row.created_at)
        assert told() == expected


@pytest.mark.parametrize(("verb", "event"), [("publish", "completed"), ("cancel", "canceled")])
def test_a_batch_tells_once_as_a_whole(alice_api, verb, event, django_capture_on_commit_callbacks):
    files = [make.upload(name=f"{n}.jpg") for n in range(3)]
    pk = alice_api.post("/api/v1/batches", {"image": files}).json()["id"]
    with django_capture_on_commit_callbacks(execute=True):
        if verb == "publish":
            rows = Prediction.objects.claim(10, worker="w")
            results = {row.pk: make.RESULT for row in rows}
            Prediction.objects.publish(rows[0].fence, make.model_version(), results)
        else:
            Batch.objects.get(pk=pk).cancel()
    Batch.objects.settle()
    assert told() == [(f"batch.{event}", pk)]


def test_an_export_that_is_ready_is_told(alice_api):
    pk = alice_api.post("/api/v1/exports", {"format": "csv"}, format="json").json()["id"]
    exports.write_waiting()
    assert Export.objects.get().status == "ready"
    assert told() == [("export.ready", pk)]


def correct(row: Prediction) -> None:
    """Another model is asked again about its picture, and says something else."""
    recalls.again(Prediction.objects.filter(pk=row.pk))
    other = make.model_version("e" * 64)
    (claimed,) = Correction.objects.claim(1, other, "w")
    cat = Result(label="cat", confidence=0.9, probabilities=[0.9, 0.05, 0.05])
    Correction.objects.publish(claimed.fence, other, {claimed.pk: cat})


def test_every_event_that_one_may_subscribe_to_is_sent(alice_api, alice, settings):
    settings.MAX_ATTEMPTS = 1
    correct(make.answered(alice))
    make.prediction(alice)
    (claimed,) = Prediction.objects.claim(1, worker="w")
    Prediction.objects.give_back(claimed.fence, claimed.pk, "INFERENCE_FAILED")
    Prediction.objects.filter(pk=make.prediction(alice).pk).cancel()
    for content in (make.jpeg(), b"no JPEG"):
        alice_api.post("/api/v1/batches", {"image": [make.upload(content)]})
    Batch.objects.filter(finished_at=None).get().cancel()
    alice_api.post("/api/v1/exports", {"format": "csv"}, format="json")
    exports.write_waiting()
    assert {event for event, _pk in told()} == set(SUBSCRIBABLE)


def test_a_batch_of_which_nothing_succeeded_is_completed_all_the_same(alice_api):
    pk = alice_api.post("/api/v1/batches", {"image": [make.upload(b"no JPEG")]}).json()["id"]
    batch = alice_api.get(f"/api/v1/batches/{pk}").json()
    assert (batch["status"], batch["outcome"]) == ("completed", "none_succeeded")
    assert told() == [("batch.completed", pk)]


def test_the_docs_name_the_events_that_there_are():
    docs = (Path(__file__).parent.parent.parent / "docs" / "api.md").read_text()
    assert set(re.findall(r"`((?:prediction|batch|export)\.[a-z]+)`", docs)) == set(SUBSCRIBABLE)


def test_what_is_told_is_undone_with_what_it_tells_of(alice, monkeypatch):
    def fail(*_args: object, **_kwargs: object) -> int:
        raise RuntimeError

    row = make.prediction(alice)
    (claimed,) = Prediction.objects.claim(1, worker="w")
    model = make.model_version()
    monkeypatch.setattr("classifier.models.webhook_delivery.WebhookDeliveryQuerySet.record", fail)
    with pytest.raises(RuntimeError):
        Prediction.objects.publish(claimed.fence, model, {row.pk: make.RESULT})
    row.refresh_from_db()
    assert row.status == "running"
