"""Health checks and the rows that workers report in."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from classifier import health
from classifier.models import Worker
from tests import make

pytestmark = pytest.mark.django_db


def beat(name: str = "host:1") -> None:
    Worker.objects.beat(name, host="host", device="CPU", model=make.model_version())


def silence(name: str, for_: timedelta) -> None:
    Worker.objects.filter(name=name).update(last_seen_at=Now() - for_)


def test_livez_asks_nothing_of_anybody(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/livez").status_code == 200


def test_not_ready_without_broker_and_worker_and_each_says_so(client):
    response = client.get("/readyz")
    checks = response.json()["checks"]
    assert response.status_code == 503
    assert checks["database"]["ok"]
    assert not checks["broker"]["ok"] and checks["broker"]["error"]
    assert not checks["worker"]["ok"] and checks["worker"]["error"]


def test_every_check_tells_its_time(client):
    checks = client.get("/readyz").json()["checks"]
    assert set(checks) == {"database", "broker", "worker", "messages"}
    assert all(check["ms"] >= 0 for check in checks.values())


def test_a_worker_that_only_beats_does_not_make_it_ready(client, monkeypatch):
    """Its heartbeat is there, and so is the broker; but no message has reached it."""
    beat()
    monkeypatch.setitem(health.CHECKS, "broker", lambda: "")
    monkeypatch.setattr("classifier.bell.heard", lambda: False)
    response = client.get("/readyz")
    checks = response.json()["checks"]
    assert response.status_code == 503
    assert {name for name, check in checks.items() if not check["ok"]} == {"messages"}
    monkeypatch.setattr("classifier.bell.heard", lambda: True)
    assert client.get("/readyz").status_code == 200


def test_a_worker_that_was_heard_of_lately_is_alive(client):
    beat()
    assert client.get("/readyz").json()["checks"]["worker"]["ok"]


def test_a_silent_worker_is_not_alive_and_is_forgotten_after_a_day():
    beat("host:1")
    beat("host:2")
    silence("host:1", timedelta(minutes=5))
    silence("host:2", timedelta(days=2))
    assert not Worker.objects.alive().exists()
    Worker.objects.forget_silent(timedelta(days=1))
    assert [w.name for w in Worker.objects.all()] == ["host:1"]


def test_a_heartbeat_writes_one_row_a_worker():
    beat()
    beat()
    assert Worker.objects.count() == 1
