"""What a batch says of itself: its counts, how long it will take, its end, and its cancellation."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from classifier import intake
from classifier.models import Prediction, Status, WebhookDelivery, WebhookEndpoint
from classifier.models import batch as batches
from tests import make
from tests.classifier.test_batches_api import URL, adds_up, answer_all, parts, send

pytestmark = pytest.mark.django_db(transaction=True)


def test_counts_add_up_in_every_state_and_the_outcome_is_told_at_the_end(api):
    batch = send(api).json()["id"]
    seen = []
    for step in (lambda: None, lambda: answer_all(1), lambda: answer_all()):
        step()
        body = api.get(f"{URL}/{batch}").json()
        assert adds_up(body)
        seen.append((body["status"], body["outcome"]))
    assert seen == [("queued", None), ("running", None), ("completed", "all_succeeded")]
    assert body["running_at"] and body["completed_at"]


@pytest.mark.parametrize(
    ("files", "outcome"),
    [
        ({"a.jpg": make.jpeg(), "b.jpg": b"no"}, "partial"),
        ({"a.jpg": b"no", "b.jpg": b"no"}, "none_succeeded"),
    ],
)
def test_a_batch_that_is_accepted_in_part_says_so(api, files, outcome):
    batch = send(api, parts(0, **files)).json()["id"]
    answer_all()
    body = api.get(f"{URL}/{batch}").json()
    assert (body["status"], body["outcome"]) == ("completed", outcome)


def test_while_it_runs_it_estimates_when_it_will_be_done(api):
    batch = send(api).json()["id"]
    assert api.get(f"{URL}/{batch}").json()["estimated_finish_at"] is None
    answer_all(1)
    assert api.get(f"{URL}/{batch}").json()["estimated_finish_at"]
    answer_all()
    assert api.get(f"{URL}/{batch}").json()["estimated_finish_at"] is None


def test_who_asks_often_gets_the_counts_of_now_from_the_index_alone(api, monkeypatch):
    batch = send(api).json()["id"]
    answer_all(1)
    api.get(f"{URL}/{batch}")
    answer_all(1)
    with CaptureQueriesContext(connection) as asked:
        counts = api.get(f"{URL}/{batch}").json()["counts"]
    assert counts["succeeded"] == 2 and counts["queued"] == counts["total"] - 2
    assert not [each for each in asked if "finished_at" in each["sql"] and "COUNT" in each["sql"]]
    monkeypatch.setattr("classifier.models.batch.PACES", {})  # as after some seconds
    with CaptureQueriesContext(connection) as asked:
        assert api.get(f"{URL}/{batch}").json()["estimated_finish_at"]
    assert [each for each in asked if "finished_at" in each["sql"] and "COUNT" in each["sql"]]


def test_what_is_done_is_read_through_once_and_not_each_time_it_is_listed(api):
    batch = send(api).json()["id"]
    answer_all()
    api.get(f"{URL}/{batch}")
    pass_time(seconds=60)
    with CaptureQueriesContext(connection) as asked:
        (body,) = api.get(URL).json()["results"]
    assert body["status"] == "completed" and body["running_at"]
    assert not [each for each in asked if "MIN(" in each["sql"]]
    item = Prediction.objects.first()
    Prediction.objects.filter(pk=item.pk).update(status=Status.FAILED, error_code="X")
    api.post(f"/api/v1/predictions/{item.pk}/retry")
    pass_time(seconds=3)
    with CaptureQueriesContext(connection) as asked:
        assert api.get(f"{URL}/{batch}").json()["status"] == "running"
    assert [each for each in asked if "MIN(" in each["sql"]]


def pass_time(seconds: float) -> None:
    for pk, (at, pace) in batches.PACES.items():
        batches.PACES[pk] = (at - seconds, pace)


def test_a_batch_that_is_canceled_keeps_what_is_done_and_runs_nothing_after(api):
    batch = send(api).json()["id"]
    answer_all(1)
    body = api.post(f"{URL}/{batch}/cancel").json()
    assert (body["status"], body["outcome"]) == ("canceled", "partial")
    assert body["counts"]["succeeded"] == 1 and body["counts"]["canceled"] == 2
    assert adds_up(body) and body["canceled_at"] and body["canceling_at"]
    assert Prediction.objects.claim(10, worker="w") == []
    assert api.post(f"{URL}/{batch}/cancel").json()["status"] == "canceled"


def test_what_comes_in_after_a_batch_was_canceled_is_canceled_too(alice_api, monkeypatch):
    """Its owner sees it in the list while its archive is still being read."""
    monkeypatch.setattr(intake, "CHUNK", 1)
    commit, calls = intake.Intake._commit, []

    def cancel_after_the_first(self, rows):
        commit(self, rows)
        calls.append(rows)
        if len(calls) == 1:
            assert alice_api.post(f"{URL}/{self.batch.pk}/cancel").status_code == 200

    monkeypatch.setattr(intake.Intake, "_commit", cancel_after_the_first)
    body = send(alice_api).json()
    assert len(calls) == 3
    assert (body["status"], body["counts"]["canceled"]) == ("canceled", 3)
    assert not Prediction.objects.waiting().exists()


def test_canceling_what_is_complete_changes_nothing(api):
    batch = send(api).json()["id"]
    answer_all()
    body = api.post(f"{URL}/{batch}/cancel").json()
    assert (body["status"], body["counts"]["succeeded"]) == ("completed", 3)


@pytest.fixture
def reopened(alice_api, alice):
    """A batch that was done, and of which an item is tried again."""
    WebhookEndpoint.objects.register(alice.user, url="https://a/")
    batch = send(alice_api).json()["id"]
    item = alice_api.get(f"{URL}/{batch}/items").json()["results"][0]["id"]
    alice_api.post(f"/api/v1/predictions/{item}/cancel")
    answer_all()
    assert alice_api.get(f"{URL}/{batch}").json()["outcome"] == "partial"
    alice_api.post(f"/api/v1/predictions/{item}/retry")
    return batch


def test_a_retried_item_reopens_its_batch_until_it_is_done(alice_api, reopened):
    response = alice_api.get(f"{URL}/{reopened}")
    assert response.json()["status"] == "running" and response["Retry-After"]
    tried_again = timezone.now().isoformat()
    answer_all()
    body = alice_api.get(f"{URL}/{reopened}").json()
    assert (body["status"], body["outcome"]) == ("completed", "all_succeeded")
    assert body["completed_at"] > tried_again.replace("+00:00", "Z")
    assert WebhookDelivery.objects.filter(event="batch.completed").count() == 2


def test_a_batch_that_was_reopened_can_be_canceled(alice_api, reopened):
    assert alice_api.post(f"{URL}/{reopened}/cancel").json()["status"] == "canceled"


def test_polling_a_batch_with_an_etag_costs_nothing_until_something_changes(api):
    batch = send(api).json()["id"]
    tag = api.get(f"{URL}/{batch}")["ETag"]
    assert api.get(f"{URL}/{batch}", headers={"If-None-Match": tag}).status_code == 304
    answer_all(1)
    assert api.get(f"{URL}/{batch}", headers={"If-None-Match": tag}).status_code == 200
