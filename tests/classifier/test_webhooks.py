"""Webhooks as they are sent: signed, at least once, retried, given up."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from classifier.models import WebhookDelivery, WebhookEndpoint
from classifier.models.webhook import Disabled
from classifier.models.webhook_delivery import (
    LEASE,
    MAX_DELIVERY_ATTEMPTS,
    PAUSES,
)
from classifier.webhooks import posting, sending
from tests import make
from tests.at_once import at_once
from tests.receiver import Receiver, receiver

pytestmark = pytest.mark.django_db
DATA = {"id": "0198", "status": "succeeded", "url": "/api/v1/predictions/0198"}
EVENT = "prediction.succeeded"


@pytest.fixture
def server(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with receiver() as running:
        yield running


@pytest.fixture
def endpoint(alice, server) -> WebhookEndpoint:
    return WebhookEndpoint.objects.register(alice.user, url=server.url)


def record(endpoint: WebhookEndpoint, event: str = EVENT) -> WebhookDelivery:
    assert WebhookDelivery.objects.record(event, [(endpoint.user_id, DATA)]) == 1
    return WebhookDelivery.objects.order_by("-created_at", "-id").first()


def make_due(row: WebhookDelivery) -> None:
    WebhookDelivery.objects.filter(pk=row.pk).update(next_attempt_at=Now())


def pause_of(row: WebhookDelivery) -> timedelta:
    row.refresh_from_db()
    return row.next_attempt_at - timezone.now()


def die_while_holding(row: WebhookDelivery) -> None:
    """What a sender leaves behind that was killed, once its lease has run out."""
    WebhookDelivery.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(seconds=1))


# Sending


def test_what_is_recorded_is_sent_signed_and_delivered(endpoint, server: Receiver):
    row = record(endpoint)
    assert sending.send_due() == 1
    ((headers, body),) = server.requests
    assert Webhook(endpoint.secret).verify(body, headers)["data"] == DATA
    assert headers["webhook-id"] == str(row.pk) and body == row.payload
    assert headers["content-type"] == "application/json"
    assert headers["host"] in server.url
    row.refresh_from_db()
    assert (row.status, row.attempt, row.last_status) == ("delivered", 1, 204)
    assert row.delivered_at and row.fence is None
    assert [(e["status"], e["error"]) for e in row.log] == [(204, "")]


def test_another_secret_does_not_verify(endpoint, server):
    record(endpoint)
    sending.send_due()
    ((headers, body),) = server.requests
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43 + "=").verify(body, headers)


def test_while_rotating_both_secrets_verify_and_a_day_later_the_new_one_alone(endpoint, server):
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    new = rows.rotate_secret()
    assert new != endpoint.secret
    record(endpoint)
    sending.send_due()
    rows.update(previous_secret_until=Now() - timedelta(seconds=1))
    record(endpoint)
    sending.send_due()
    (first, first_body), (second, second_body) = server.requests
    for secret in (new, endpoint.secret):
        assert Webhook(secret).verify(first_body, first)
    assert Webhook(new).verify(second_body, second)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(second_body, second)


def test_letters_of_any_script_are_signed_as_they_are_sent(endpoint, server):
    WebhookDelivery.objects.record(EVENT, [(endpoint.user_id, {"id": "кіт"})])
    sending.send_due()
    ((headers, body),) = server.requests
    assert Webhook(endpoint.secret).verify(body, headers)["data"]["id"] == "кіт"


def test_nothing_due_is_nothing_sent(endpoint, server):
    assert sending.send_due() == 0
    assert server.requests == []


def test_no_more_is_sent_than_was_asked_for_and_the_oldest_first(endpoint, server):
    rows = [record(endpoint) for _ in range(3)]
    assert sending.send_due(limit=2) == 2
    assert server.ids == [str(row.pk) for row in rows[:2]]


def test_what_waits_for_a_disabled_endpoint_is_sent_once_it_is_enabled(endpoint, server):
    record(endpoint)
    WebhookEndpoint.objects.all().disable(Disabled.OWNER)
    assert sending.send_due() == 0
    WebhookEndpoint.objects.all().enable()
    assert sending.send_due() == 1


# Failing, retrying, giving up


def test_a_failure_is_tried_again_by_the_schedule_under_the_same_id_and_then_given_up(
    endpoint, server
):
    row = record(endpoint)
    for pause in PAUSES:
        server.then(500)
        make_due(row)
        assert sending.send_due() == 1
        assert pause * 0.9 < pause_of(row) <= pause * 1.1 + timedelta(seconds=1)
        assert (row.status, row.last_error) == ("pending", "HTTP 500")
        assert sending.send_due() == 0
    server.then(500)
    make_due(row)
    sending.send_due()
    row.refresh_from_db()
    assert (row.status, row.attempt) == ("failed", MAX_DELIVERY_ATTEMPTS)
    assert server.ids == [str(row.pk)] * MAX_DELIVERY_ATTEMPTS
    assert len(row.log) == MAX_DELIVERY_ATTEMPTS
    make_due(row)
    assert sending.send_due() == 0


def test_a_receiver_that_comes_back_gets_it(endpoint, server):
    server.then(503)
    row = record(endpoint)
    sending.send_due()
    endpoint.refresh_from_db()
    assert endpoint.failing_since
    make_due(row)
    sending.send_due()
    row.refresh_from_db()
    endpoint.refresh_from_db()
    assert (row.status, row.last_error) == ("delivered", "")
    assert [entry["status"] for entry in row.log] == [503, 204]
    assert endpoint.failing_since is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(endpoint, server, status):
    server.then(status, Location=server.url)
    row = record(endpoint)
    sending.send_due()
    row.refresh_from_db()
    assert len(server.requests) == 1
    assert row.status == "pending" and "redirects are not followed" in row.last_error


def test_gone_disables_the_endpoint_and_ends_the_delivery(endpoint, server):
    server.then(410)
    row, waiting = record(endpoint), record(endpoint)
    assert sending.send_due() == 1
    for each in (row, waiting, endpoint):
        each.refresh_from_db()
    assert (row.status, waiting.status) == ("failed", "pending")
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "gone")


def test_retry_after_lengthens_the_pause(endpoint, server):
    server.then(429, Retry_After="600")
    row = record(endpoint)
    sending.send_due()
    assert timedelta(minutes=9) < pause_of(row) <= timedelta(minutes=10, seconds=1)


def test_retry_after_never_shortens_it(endpoint, server):
    server.then(503, Retry_After="0")
    row = record(endpoint)
    sending.send_due()
    assert pause_of(row) > timedelta(seconds=3)


def test_retry_after_is_heard_up_to_a_day(endpoint, server):
    server.then(503, Retry_After="99999999999")
    row = record(endpoint)
    sending.send_due()
    assert timedelta(hours=23) < pause_of(row) <= timedelta(hours=24, seconds=1)


def test_retry_after_may_be_a_date():
    pause = posting.retry_after("Wed, 21 Oct 2099 07:28:00 GMT")
    assert pause > timedelta(days=365)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "²",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
    ],
)
def test_a_retry_after_without_sense_is_none(header):
    assert posting.retry_after(header) == timedelta(0)


def test_nobody_listening_is_a_failed_attempt(endpoint, server):
    WebhookEndpoint.objects.all().update(url="http://127.0.0.1:1/")
    row = record(endpoint)
    sending.send_due()
    row.refresh_from_db()
    assert (row.status, row.last_status) == ("pending", None)
    assert "connection" in row.last_error


def test_a_receiver_that_says_nothing_is_cut_off(endpoint, server, monkeypatch):
    monkeypatch.setattr(posting, "TIMEOUT", 0.3)
    server.hold = threading.Event()
    row = record(endpoint)
    sending.send_due()
    row.refresh_from_db()
    assert row.status == "pending" and "no answer within" in row.last_error


def test_an_endpoint_that_only_fails_for_days_is_kept_and_said_to_be_failing(endpoint):
    assert not endpoint.fails_for_long
    WebhookEndpoint.objects.update(failing_since=Now() - timedelta(days=6))
    endpoint.refresh_from_db()
    assert endpoint.fails_for_long and endpoint.enabled


# Claiming, dying, replaying


def test_what_is_claimed_cannot_be_claimed_again(endpoint):
    record(endpoint)
    row = WebhookDelivery.objects.claim()
    assert row and row.attempt == 1 and row.lease_until <= timezone.now() + LEASE
    assert WebhookDelivery.objects.claim() is None


def test_an_endpoint_is_sent_one_delivery_at_a_time_and_others_need_not_wait(endpoint, bob):
    other = WebhookEndpoint.objects.register(bob.user, url="https://b/")
    record(endpoint), record(endpoint), record(other)
    assert WebhookDelivery.objects.claim().endpoint_id == endpoint.pk
    assert WebhookDelivery.objects.claim().endpoint_id == other.pk
    assert WebhookDelivery.objects.claim() is None


def test_a_crash_after_sending_sends_again_with_the_same_id(endpoint, server, monkeypatch):
    row = record(endpoint)
    with monkeypatch.context() as patch:
        patch.setattr(sending, "record", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            sending.send_due()
    assert sending.send_due() == 0
    die_while_holding(row)
    assert sending.send_due() == 1
    assert server.ids == [str(row.pk)] * 2
    row.refresh_from_db()
    assert (row.status, row.attempt) == ("delivered", 2)


def test_a_sender_that_was_overtaken_changes_nothing(endpoint):
    record(endpoint)
    slow = WebhookDelivery.objects.claim()
    die_while_holding(slow)
    quick = WebhookDelivery.objects.claim()
    entry = {"at": "", "status": 500, "error": "HTTP 500", "ms": 1}
    assert WebhookDelivery.objects.mark_failed(slow, entry) == 0
    assert WebhookDelivery.objects.mark_delivered(quick, {**entry, "error": ""}) == 1


def test_a_delivery_whose_every_sender_died_is_given_up(endpoint, server):
    row = record(endpoint)
    for _ in range(MAX_DELIVERY_ATTEMPTS):
        assert WebhookDelivery.objects.claim()
        die_while_holding(row)
    assert sending.send_due() == 0
    row.refresh_from_db()
    assert (row.status, row.last_error) == ("failed", "every attempt was cut short")


def test_a_replay_sends_again_under_the_same_id(endpoint, server):
    row = record(endpoint)
    sending.send_due()
    assert WebhookDelivery.objects.filter(pk=row.pk).replay() == 1
    sending.send_due()
    assert server.ids == [str(row.pk)] * 2
    row.refresh_from_db()
    assert (row.status, row.attempt, len(row.log)) == ("delivered", 1, 2)


def test_what_is_being_sent_is_not_replayed(endpoint):
    row = record(endpoint)
    WebhookDelivery.objects.claim()
    assert WebhookDelivery.objects.filter(pk=row.pk).replay() == 0


def test_an_old_delivery_whose_sender_was_killed_is_forgotten_too(endpoint):
    row = record(endpoint)
    old = WebhookDelivery.objects.filter(pk=row.pk)
    WebhookDelivery.objects.claim()
    old.update(created_at=Now() - timedelta(days=31))
    assert WebhookDelivery.objects.forget_old() == 0, "it is being sent"
    old.update(lease_until=Now() - timedelta(seconds=1))
    assert WebhookDelivery.objects.forget_old() == 1


def test_old_deliveries_are_forgotten(endpoint):
    old, new = record(endpoint), record(endpoint)
    WebhookDelivery.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(days=31))
    assert WebhookDelivery.objects.forget_old() == 1
    assert WebhookDelivery.objects.get().pk == new.pk


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "odd"},
        {"status": "delivered"},
        {"status": "failed"},
        {"lease_until": Now()},
        {"delivered_at": Now()},
    ],
)
def test_the_database_refuses_a_delivery_that_cannot_be(endpoint, fields):
    row = record(endpoint)
    with pytest.raises(IntegrityError), transaction.atomic():
        WebhookDelivery.objects.filter(pk=row.pk).update(**fields)


def test_the_database_refuses_an_endpoint_disabled_for_no_reason(endpoint):
    with pytest.raises(IntegrityError), transaction.atomic():
        WebhookEndpoint.objects.update(enabled=False)


@pytest.mark.django_db(transaction=True)
def test_two_senders_never_hold_the_same_delivery(server):
    users = [make.user(f"user{i}") for i in range(8)]
    for user in users:
        WebhookEndpoint.objects.register(user, url=server.url)
    WebhookDelivery.objects.record(EVENT, [(user.pk, DATA) for user in users] * 3)
    at_once(4, sending.send_due)
    sending.send_due()  # what a sender passed over because the endpoint was busy
    assert len(server.ids) == len(set(server.ids)) == 24
    assert {row.attempt for row in WebhookDelivery.objects.all()} == {1}
