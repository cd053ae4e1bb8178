"""Pausing and draining: rows say it, and whoever claims work looks."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from classifier import queues
from classifier.models import (
    Export,
    Prediction,
    WebhookDelivery,
    WebhookEndpoint,
    WorkQueue,
)
from classifier.models.claiming import Claimed
from classifier.models.prediction_queue import BATCH
from classifier.models.work_queue import QueueName, QueueState
from jobs import tasks
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]


def change(name: str, state: str) -> None:
    WorkQueue.objects.change(name, state)


def claimed() -> list[Claimed]:
    return Prediction.objects.claim(10, worker="w")


def state_of(name: str) -> str:
    return WorkQueue.objects.get(name=name).state


def depth_of(name: str) -> queues.Depth:
    (found,) = [depth for depth in queues.depths() if depth.name == name]
    return found


def test_queues_are_open_until_somebody_says_otherwise():
    row = make.prediction()
    assert {depth.state for depth in queues.depths()} == {QueueState.OPEN}
    assert [each.pk for each in claimed()] == [row.pk]


def test_a_paused_queue_gives_nothing_out_and_keeps_everything():
    row = make.prediction()
    change("interactive", "paused")
    assert claimed() == []
    assert (depth_of("interactive").waiting, depth_of("interactive").state) == (1, "paused")
    change("interactive", "open")
    assert [each.pk for each in claimed()] == [row.pk]


def test_pausing_one_queue_leaves_the_other_open():
    single, item = make.prediction(), make.prediction(priority=BATCH)
    change("interactive", "paused")
    assert [each.pk for each in claimed()] == [item.pk]
    change("interactive", "open")
    change("batch", "paused")
    assert [each.pk for each in claimed()] == [single.pk]


def test_both_paused_give_nothing():
    make.prediction()
    make.prediction(priority=BATCH)
    for name in ("interactive", "batch"):
        change(name, "paused")
    assert claimed() == []


def test_what_is_sent_to_a_paused_queue_is_accepted_and_waits(api):
    change("interactive", "paused")
    answer = api.post("/api/v1/predictions", {"image": make.upload()})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert claimed() == []


def test_a_draining_queue_gives_out_what_was_there_and_holds_what_comes():
    old = make.prediction()
    change("interactive", "draining")
    make.prediction()
    assert [each.pk for each in claimed()] == [old.pk]
    assert claimed() == []


def test_a_row_whose_worker_dies_while_draining_is_still_worked_off():
    old = make.prediction()
    change("interactive", "draining")
    claimed()
    Prediction.objects.filter(pk=old.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    Prediction.objects.free_lost()
    assert [each.pk for each in claimed()] == [old.pk]


def test_once_it_is_drained_it_is_paused_and_what_came_meanwhile_waits():
    old = make.prediction()
    change("interactive", "draining")
    later = make.prediction()
    (row,) = claimed()
    tasks.sweep()
    assert state_of("interactive") == "draining"
    Prediction.objects.publish(row.fence, make.model_version(), {old.pk: make.RESULT})
    tasks.sweep()
    assert state_of("interactive") == "paused"
    later.refresh_from_db()
    assert later.status == "queued"


def test_webhooks_wait_while_they_are_paused(alice):
    endpoint = WebhookEndpoint.objects.register(alice.user, url="https://receiver.example/")
    row = WebhookDelivery.objects.record_test(endpoint)
    change("webhooks", "paused")
    assert WebhookDelivery.objects.claim() is None
    change("webhooks", "draining")
    WebhookDelivery.objects.record_test(endpoint)
    assert WebhookDelivery.objects.claim() == row
    assert depth_of("webhooks").waiting + depth_of("webhooks").running == 2


def test_exports_wait_while_they_are_paused(alice):
    row = Export.objects.create(format="csv", owner=alice.user)
    change("exports", "paused")
    assert Export.objects.claim() is None
    change("exports", "open")
    assert Export.objects.claim() == row


def test_depth_tells_how_much_waits_runs_and_since_when():
    first, _second = make.prediction(), make.prediction()
    make.answered()
    Prediction.objects.filter(pk=first.pk).claim(1, worker="w")
    depth = depth_of("interactive")
    assert (depth.waiting, depth.running) == (1, 1)
    assert depth.oldest == _second.queued_at
    assert depth_of("batch").oldest is None


def test_looking_whether_a_queue_is_held_costs_one_query_while_none_is(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert WorkQueue.objects.predictions() == Q()
    change("batch", "paused")
    with django_assert_num_queries(2):
        assert WorkQueue.objects.predictions() != Q()


def test_every_queue_has_its_depth():
    assert [depth.name for depth in queues.depths()] == list(QueueName)


def test_what_is_given_back_while_one_looks_is_still_left():
    """Between the two questions it waits no more where it ran, nor runs where it waits."""

    class Moving:
        looked = 0

        def filter(self, **_until):
            return self

        def exists(self) -> bool:
            self.looked += 1
            return self.looked > 1

    rows = Moving()
    work = queues.Work(rows, Prediction.objects.none())
    assert work.any_until(timezone.now()) and rows.looked == 2


@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("interactive", {"prediction_waiting", "prediction_claimed"}),
        ("batch", {"prediction_waiting", "prediction_claimed"}),
        ("recall", {"correction_waiting", "correction_claimed", "correction_of_recall"}),
    ],
)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="it is SQLite's plans that are read")
def test_what_is_not_done_is_counted_by_the_indexes_that_hold_nothing_else(name, indexes):
    """The system page does it every few seconds, however many answers there are."""
    with CaptureQueriesContext(connection) as captured:
        depth_of(name)
        change(name, "draining")
        queues.settle_drained()
    table = {"recall": "correction"}.get(name, "prediction")
    asked = [q["sql"] for q in captured if f'FROM "classifier_{table}"' in q["sql"]]
    plans = [plan_of(sql) for sql in asked if is_about(sql, name)]
    assert len(plans) == 5
    assert all(any(index in plan for index in indexes) for plan in plans), plans


def is_about(sql: str, name: str) -> bool:
    """Whether it is this queue's: `depths` asks about all of them."""
    priority = {"interactive": 0, "batch": 1}.get(name)
    return priority is None or f'"priority" = {priority}' in sql


def plan_of(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return " ".join(str(row[3]) for row in cursor.fetchall())
