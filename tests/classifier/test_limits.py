"""Scopes, rates and depth: what is refused before any work is done."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from classifier import counters, queue_depth
from classifier.api import throttles
from classifier.models import ApiToken, Prediction, Scope
from tests import make

pytestmark = pytest.mark.django_db
URL = "/api/v1/predictions"


def bearer(alice, **fields) -> APIClient:
    token = ApiToken.objects.issue(alice.user, "test", **fields)
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def send(client: APIClient):
    return client.post(URL, {"image": make.upload()})


def test_a_token_may_do_what_its_scopes_say(alice):
    reader = bearer(alice, scopes=[Scope.READ])
    assert reader.get(URL).status_code == 200
    response = send(reader)
    assert (response.status_code, response.json()["code"]) == (403, "TOKEN_SCOPE")


def test_a_token_that_may_only_write_reads_nothing(alice):
    writer = bearer(alice, scopes=[Scope.WRITE])
    assert send(writer).status_code == 202
    assert writer.get(URL).status_code == 403


def test_an_expired_token_is_no_token(alice):
    client = bearer(alice, expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(URL).status_code == 401


def test_a_revoked_token_is_no_token(alice):
    client = bearer(alice)
    assert client.get(URL).status_code == 200
    ApiToken.objects.all().revoke()
    assert client.get(URL).status_code == 401


def test_a_token_remembers_when_it_was_last_used_without_a_write_a_request(
    alice, django_assert_num_queries
):
    client = bearer(alice)
    client.get(URL)
    assert timezone.now() - ApiToken.objects.get().last_used_at < timedelta(minutes=1)
    with django_assert_num_queries(2):  # the token, the rows
        client.get(URL)


@pytest.fixture
def counted(monkeypatch):
    """A cache that counts, in place of Valkey; test_bell.py has the real one."""
    counts: dict[str, int] = {}

    def count(key: str, window: int) -> int:
        counts[key] = counts.get(key, 0) + 1
        return counts[key]

    monkeypatch.setattr(throttles, "count", count)
    monkeypatch.setitem(throttles.RATES, "address", 3)
    monkeypatch.setitem(throttles.RATES, "token", 5)
    monkeypatch.setattr("time.time", lambda: 1_000_000_000.0)
    return counts


def test_an_address_that_asks_too_often_is_told_when_to_come_back(api, counted):
    for left in (2, 1, 0):
        response = api.get(URL)
        assert response.status_code == 200
        assert response["RateLimit"].startswith(f'"requests";r={left};')
    response = api.get(URL)
    assert (response.status_code, response.json()["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert response["RateLimit-Policy"] == '"requests";q=3;w=60'


def test_a_token_has_a_quota_of_its_own(alice, api, counted):
    client = bearer(alice)
    for _ in range(4):
        api.get(URL)
    assert [client.get(URL).status_code for _ in range(6)] == [200] * 5 + [429]


def test_an_address_cannot_be_made_up(api, counted):
    for n in range(4):
        response = api.get(URL, headers={"X-Forwarded-For": f"10.0.0.{n}"})
    assert response.status_code == 429


def test_without_the_cache_nobody_is_refused(api, settings, monkeypatch):
    monkeypatch.setattr(counters, "_not_before", 0.0)
    monkeypatch.setitem(throttles.RATES, "address", 1)
    assert [api.get(URL).status_code for _ in range(3)] == [200] * 3


@pytest.fixture
def shallow(settings):
    settings.QUEUE_LIMIT = 2
    queue_depth.forget()
    yield
    settings.QUEUE_LIMIT = 1000
    queue_depth.forget()
    queue_depth.check()


def test_a_queue_that_is_full_refuses_and_keeps_nothing(api, alice_api, shallow):
    for _ in range(2):
        assert send(api).status_code == 202
    queue_depth.forget()
    for url in (URL, "/api/v1/batches"):
        response = alice_api.post(url, {"image": make.upload()})
        assert (response.status_code, response.json()["code"]) == (503, "QUEUE_FULL")
        assert int(response["Retry-After"]) > 0
    assert Prediction.objects.count() == 2


def test_the_page_says_that_the_queue_is_full(client, shallow):
    for _ in range(2):
        make.prediction()
    queue_depth.forget()
    response = client.post("/", {"image": make.upload()}, follow=True)
    assert "Забагато вже чекає" in response.content.decode()


def test_every_limit_can_be_read(api, settings):
    body = api.get("/api/v1/meta").json()
    assert body["limits"]["image_bytes"] == settings.MAX_IMAGE_BYTES
    assert body["limits"]["batch_parts"] == settings.MAX_BATCH_PARTS
    assert body["models"][0]["aliases"] == ["stable"]
    assert "dog" in body["models"][0]["labels"]
    assert body["rates"] == {"token": settings.RATE_TOKEN, "address": settings.RATE_ADDRESS}
