"""Webhooks over the API and in the admin: whose they are, what is shown, what is refused."""

import re
import uuid

import pytest
from django.urls import reverse
from rest_framework.test import APIClient
from standardwebhooks import Webhook

from classifier.models import ApiToken, WebhookDelivery, WebhookEndpoint
from classifier.webhooks import sending
from tests.receiver import receiver

pytestmark = pytest.mark.django_db
URL = "/api/v1/webhook-endpoints"
DATA = {"id": "0198", "status": "succeeded", "url": "/api/v1/predictions/0198"}


@pytest.fixture
def server(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with receiver() as running:
        yield running


@pytest.fixture
def bob_api(bob) -> APIClient:
    token = ApiToken.objects.issue(bob.user, "tests")
    return APIClient(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def mine(alice_api, server) -> str:
    """The URL of an endpoint of alice's."""
    return f"{URL}/{add(alice_api, server.url)['id']}"


def add(client: APIClient, url: str, **fields) -> dict:
    response = client.post(URL, {"url": url, **fields}, format="json")
    assert response.status_code == 201, response.json()
    return response.json()


def refused(response, status: int, code: str) -> dict:
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    return response.json()


def test_an_endpoint_is_made_and_its_secret_shown_this_once(alice_api, alice, server):
    response = alice_api.post(URL, {"url": server.url, "description": "x"}, format="json")
    body = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"{URL}/{body['id']}"
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", body["secret"])
    assert (body["events"], body["enabled"], body["disabled_reason"]) == ([], True, "")
    assert WebhookEndpoint.objects.get().user == alice.user
    shown = alice_api.get(f"{URL}/{body['id']}").json()
    assert shown == {k: v for k, v in body.items() if k != "secret"}
    assert alice_api.get(URL).json() == [shown]


def test_two_endpoints_have_two_secrets(alice_api, server):
    assert add(alice_api, server.url)["secret"] != add(alice_api, server.url)["secret"]


def test_an_endpoint_may_be_made_disabled(alice_api, server):
    body = add(alice_api, server.url, enabled=False)
    assert (body["enabled"], body["disabled_reason"]) == (False, "owner")


def test_visitors_are_asked_to_log_in(api):
    pk = uuid.uuid4()
    answers = [
        api.get(URL),
        api.post(URL, {"url": "https://a/"}, format="json"),
        api.get(f"{URL}/{pk}"),
        api.post(f"{URL}/{pk}/test"),
        api.get(f"{URL}/{pk}/deliveries"),
    ]
    for answer in answers:
        refused(answer, 401, "LOGIN_REQUIRED")
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_strangers_find_nothing(bob_api, alice_api, mine):
    delivery = alice_api.post(f"{mine}/test").json()["id"]
    answers = [
        bob_api.get(mine),
        bob_api.patch(mine, {"enabled": False}, format="json"),
        bob_api.delete(mine),
        bob_api.post(f"{mine}/test"),
        bob_api.post(f"{mine}/rotate-secret"),
        bob_api.get(f"{mine}/deliveries"),
        bob_api.post(f"{mine}/deliveries/{delivery}/replay"),
    ]
    for answer in answers:
        refused(answer, 404, "NOT_FOUND")
    assert bob_api.get(URL).json() == []
    assert WebhookEndpoint.objects.get().enabled


def test_another_endpoint_s_delivery_is_not_found(alice_api, mine, server):
    other = f"{URL}/{add(alice_api, server.url)['id']}"
    delivery = alice_api.post(f"{other}/test").json()["id"]
    refused(alice_api.post(f"{mine}/deliveries/{delivery}/replay"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "https://127.0.0.1/", "https://169.254.169.254/", "https://[::1]/"],
)
def test_an_address_inside_or_without_tls_is_refused_at_registration(alice_api, url):
    problem = refused(alice_api.post(URL, {"url": url}, format="json"), 422, "WEBHOOK_URL_REFUSED")
    assert problem["detail"]
    assert not WebhookEndpoint.objects.exists()


def test_an_address_inside_is_refused_at_a_change_too(alice_api, mine, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    answer = alice_api.patch(mine, {"url": "https://10.0.0.1/"}, format="json")
    refused(answer, 422, "WEBHOOK_URL_REFUSED")


def test_what_was_allowed_once_and_is_not_now_fails_at_sending(alice_api, mine, server, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    alice_api.post(f"{mine}/test")
    sending.send_due()
    assert server.requests == []
    (shown,) = alice_api.get(f"{mine}/deliveries").json()["results"]
    assert shown["status"] == "pending" and "https://" in shown["last_error"]


def test_there_are_ten_a_user_and_no_more(alice_api, bob_api, server):
    for _ in range(10):
        add(alice_api, server.url)
    refused(alice_api.post(URL, {"url": server.url}, format="json"), 409, "WEBHOOK_LIMIT")
    add(bob_api, server.url)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {"url": "https://a/" + "a" * 2000},
        {"url": "https://a/", "events": ["odd"]},
        {"url": "https://a/", "events": ["test"]},
        {"url": "https://a/", "events": "prediction.failed"},
        {"url": "https://a/", "description": "x" * 201},
        [],
    ],
)
def test_a_body_that_is_not_valid_is_refused(alice_api, server, body):
    refused(alice_api.post(URL, body, format="json"), 400, "INVALID_REQUEST")


def test_a_form_is_told_that_json_is_wanted(alice_api):
    refused(alice_api.post(URL, {"url": "https://a/"}), 415, "JSON_EXPECTED")


def test_broken_json_is_refused(alice_api):
    answer = alice_api.post(URL, "{", content_type="application/json")
    refused(answer, 400, "INVALID_REQUEST")


def test_a_change_leaves_the_rest_and_the_secret_alone(alice_api, mine):
    before = WebhookEndpoint.objects.get()
    events = ["batch.completed", "batch.completed"]
    body = alice_api.patch(mine, {"events": events}, format="json").json()
    after = WebhookEndpoint.objects.get()
    assert body["events"] == after.events == ["batch.completed"]
    assert (after.secret, after.url) == (before.secret, before.url)
    assert "secret" not in body


def test_what_is_not_the_user_s_to_set_is_ignored(alice_api, mine):
    fields = {"secret": "mine", "disabled_reason": "gone", "failing_since": "2026-01-01T00:00Z"}
    assert alice_api.patch(mine, fields, format="json").status_code == 200
    row = WebhookEndpoint.objects.get()
    assert row.secret != "mine" and not row.disabled_reason and not row.failing_since


def test_an_endpoint_is_disabled_and_enabled(alice_api, mine):
    off = alice_api.patch(mine, {"enabled": False}, format="json").json()
    assert (off["enabled"], off["disabled_reason"]) == (False, "owner")
    refused(alice_api.post(f"{mine}/test"), 409, "WEBHOOK_DISABLED")
    on = alice_api.patch(mine, {"enabled": True}, format="json").json()
    assert (on["enabled"], on["disabled_reason"]) == (True, "")


def test_put_is_not_offered(alice_api, mine):
    refused(alice_api.put(mine, {"url": "https://a/"}, format="json"), 405, "METHOD_NOT_ALLOWED")


def test_deleting_takes_the_deliveries_along(alice_api, mine):
    alice_api.post(f"{mine}/test")
    assert alice_api.delete(mine).status_code == 204
    assert not WebhookEndpoint.objects.exists() and not WebhookDelivery.objects.exists()


def test_a_test_reaches_the_receiver_whatever_it_is_subscribed_to(alice_api, server):
    endpoint = add(alice_api, server.url, events=["export.ready"])
    response = alice_api.post(f"{URL}/{endpoint['id']}/test")
    assert (response.status_code, response.json()["status"]) == (202, "pending")
    sending.send_due()
    ((headers, body),) = server.requests
    assert Webhook(endpoint["secret"]).verify(body, headers)["type"] == "test"
    assert headers["webhook-id"] == response.json()["id"]


def test_a_rotation_shows_the_new_secret_and_until_when_the_former_signs(alice_api, mine, server):
    former = WebhookEndpoint.objects.get().secret
    body = alice_api.post(f"{mine}/rotate-secret").json()
    assert body["secret"].startswith("whsec_") and body["secret"] != former
    assert body["previous_secret_until"]
    alice_api.post(f"{mine}/test")
    sending.send_due()
    ((headers, sent),) = server.requests
    for secret in (former, body["secret"]):
        assert Webhook(secret).verify(sent, headers)


def test_the_deliveries_are_listed_page_by_page_with_their_attempts(alice_api, mine, server):
    server.then(500)
    ids = [alice_api.post(f"{mine}/test").json()["id"] for _ in range(3)]
    sending.send_due(limit=1)
    first = alice_api.get(f"{mine}/deliveries", {"page_size": 2}).json()
    second = alice_api.get(first["next"]).json()
    rows = first["results"] + second["results"]
    assert [row["id"] for row in rows] == ids[::-1]
    assert [(e["status"], e["error"]) for e in rows[-1]["log"]] == [(500, "HTTP 500")]


def test_a_replay_keeps_the_id(alice_api, mine, server):
    delivery = alice_api.post(f"{mine}/test").json()["id"]
    sending.send_due()
    response = alice_api.post(f"{mine}/deliveries/{delivery}/replay")
    assert (response.status_code, response.json()["status"]) == (202, "pending")
    sending.send_due()
    assert server.ids == [delivery, delivery]


def test_what_is_being_sent_is_not_replayed(alice_api, mine):
    delivery = alice_api.post(f"{mine}/test").json()["id"]
    WebhookDelivery.objects.claim()
    refused(alice_api.post(f"{mine}/deliveries/{delivery}/replay"), 409, "WEBHOOK_BUSY")


def test_the_schema_describes_webhooks(api):
    paths = api.get("/api/v1/schema", {"format": "json"}).json()["paths"]
    assert {"get", "post"} <= set(paths[URL])
    assert {"get", "patch", "delete"} == set(paths[f"{URL}/{{id}}"])
    replay = f"{URL}/{{id}}/deliveries/{{delivery_id}}/replay"
    for path in (f"{URL}/{{id}}/test", f"{URL}/{{id}}/rotate-secret", replay):
        assert set(paths[path]) == {"post"}


# The admin


def run_action(client, model: str, action: str, pk) -> None:
    data = {"action": action, "_selected_action": [str(pk)]}
    url = reverse(f"admin:classifier_{model}_changelist")
    assert client.post(url, data).status_code == 302


def test_the_staff_disable_and_enable_an_endpoint(admin_client, alice):
    row = WebhookEndpoint.objects.register(alice.user, url="https://a/")
    run_action(admin_client, "webhookendpoint", "disable", row.pk)
    row.refresh_from_db()
    assert (row.enabled, row.disabled_reason) == (False, "staff")
    run_action(admin_client, "webhookendpoint", "enable", row.pk)
    row.refresh_from_db()
    assert row.enabled


def test_the_admin_shows_no_secret(admin_client, alice):
    row = WebhookEndpoint.objects.register(alice.user, url="https://a/")
    WebhookEndpoint.objects.all().rotate_secret()
    url = reverse("admin:classifier_webhookendpoint_change", args=[row.pk])
    response = admin_client.get(url)
    assert response.status_code == 200 and "whsec_" not in response.content.decode()


def test_the_staff_send_a_delivery_again(admin_client, alice, server):
    WebhookEndpoint.objects.register(alice.user, url=server.url)
    WebhookDelivery.objects.record("export.ready", [(alice.user.pk, DATA)])
    sending.send_due()
    row = WebhookDelivery.objects.get()
    url = reverse("admin:classifier_webhookdelivery_change", args=[row.pk])
    assert admin_client.get(url).status_code == 200
    run_action(admin_client, "webhookdelivery", "replay", row.pk)
    sending.send_due()
    assert server.ids == [str(row.pk)] * 2
