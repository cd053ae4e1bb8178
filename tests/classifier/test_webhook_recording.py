"""Webhooks as they are recorded: for whom, at what cost, and with what in them."""

import json
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from classifier.models import Prediction, WebhookDelivery, WebhookEndpoint
from classifier.models.webhook import Disabled
from classifier.models.webhook_delivery import LARGEST_PAYLOAD, payload
from tests import make

pytestmark = pytest.mark.django_db
DATA = {"id": "0198", "status": "succeeded", "url": "/api/v1/predictions/0198"}
EVENT = "prediction.succeeded"


def test_an_event_is_recorded_for_every_endpoint_of_its_user(alice, bob):
    ours = [WebhookEndpoint.objects.register(alice.user, url=f"https://a/{i}") for i in range(2)]
    WebhookEndpoint.objects.register(bob.user, url="https://b/")
    assert WebhookDelivery.objects.record(EVENT, [(alice.user.pk, DATA)]) == 2
    assert {row.endpoint_id for row in WebhookDelivery.objects.all()} == {e.pk for e in ours}


def test_only_those_who_subscribed_are_told(alice):
    everything = WebhookEndpoint.objects.register(alice.user, url="https://a/all")
    WebhookEndpoint.objects.register(alice.user, url="https://a/b", events=["batch.completed"])
    WebhookDelivery.objects.record(EVENT, [(alice.user.pk, DATA)])
    assert WebhookDelivery.objects.get().endpoint_id == everything.pk


def test_a_worker_that_was_overtaken_tells_nobody_a_second_time(alice):
    WebhookEndpoint.objects.register(alice.user, url="https://a/")
    row = make.prediction(alice)
    (late,) = Prediction.objects.claim(1, worker="late")
    Prediction.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(seconds=1))
    Prediction.objects.free_lost()
    make.answer(row)
    assert WebhookDelivery.objects.filter(event=EVENT).count() == 1
    version = make.model_version()
    assert Prediction.objects.publish(late.fence, version, {row.pk: make.RESULT}) == 0
    assert WebhookDelivery.objects.filter(event=EVENT).count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_endpoint_that_is_deleted_meanwhile_takes_no_answer_along(alice):
    """The worker has read which endpoints there are; it waits, and then tells nobody."""
    endpoint = WebhookEndpoint.objects.register(alice.user, url="https://a/")
    told, stays = [], WebhookEndpoint.objects.register(alice.user, url="https://a/other")

    def tell() -> None:
        with transaction.atomic():
            told.append(WebhookDelivery.objects.record(EVENT, [(alice.user.pk, DATA)]))
        connection.close()

    worker = threading.Thread(target=tell)
    with transaction.atomic():
        endpoint.delete()
        worker.start()
        time.sleep(0.3)
    worker.join()
    assert told == [1]
    assert WebhookDelivery.objects.get().endpoint == stays


@pytest.mark.django_db(transaction=True)
def test_an_endpoint_that_is_told_of_something_meanwhile_is_deleted_with_it(alice):
    endpoint = WebhookEndpoint.objects.register(alice.user, url="https://a/")
    faults: list[Exception] = []

    def delete() -> None:
        try:
            endpoint.delete()
        except Exception as error:
            faults.append(error)
        finally:
            connection.close()

    owner = threading.Thread(target=delete)
    with transaction.atomic():
        assert WebhookDelivery.objects.record(EVENT, [(alice.user.pk, DATA)]) == 1
        owner.start()
        time.sleep(0.3)  # until it waits for what is written here
    owner.join()
    assert faults == []
    assert not WebhookEndpoint.objects.exists() and not WebhookDelivery.objects.exists()


def test_a_disabled_endpoint_is_not_told(alice):
    endpoint = WebhookEndpoint.objects.register(alice.user, url="https://a/")
    WebhookEndpoint.objects.filter(pk=endpoint.pk).disable(Disabled.OWNER)
    assert WebhookDelivery.objects.record(EVENT, [(alice.user.pk, DATA)]) == 0


def test_recording_costs_one_query_where_nobody_listens(alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        WebhookDelivery.objects.record(EVENT, [(alice.user.pk, DATA)] * 64)


def test_recording_for_visitors_costs_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert WebhookDelivery.objects.record(EVENT, [(None, DATA)]) == 0


def test_recording_costs_two_queries_for_a_whole_micro_batch(alice, django_assert_num_queries):
    WebhookEndpoint.objects.register(alice.user, url="https://a/")
    with transaction.atomic(), django_assert_num_queries(2):
        assert WebhookDelivery.objects.record(EVENT, [(alice.user.pk, DATA)] * 64) == 64


def test_what_is_rolled_back_is_not_told(alice):
    WebhookEndpoint.objects.register(alice.user, url="https://a/")
    with pytest.raises(RuntimeError), transaction.atomic():
        WebhookDelivery.objects.record(EVENT, [(alice.user.pk, DATA)])
        raise RuntimeError
    assert not WebhookDelivery.objects.exists()


def test_the_payload_is_thin_and_says_what_happened_to_what(alice):
    body = json.loads(payload(EVENT, DATA))
    assert (body["type"], body["data"]) == (EVENT, DATA)
    assert body["timestamp"].endswith("Z")
    assert timezone.datetime.fromisoformat(body["timestamp"]) <= timezone.now()


def test_a_payload_that_is_not_thin_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="20000 bytes"):
        payload(EVENT, {"id": "x" * LARGEST_PAYLOAD})
