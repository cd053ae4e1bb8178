"""What the page says while answers are late."""

from datetime import timedelta

import pytest
from django.utils import timezone
from redis.exceptions import ConnectionError as NoBroker

from classifier import outlook
from classifier.models import Owner, Prediction
from classifier.models.prediction_queue import BATCH
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ask_anew(monkeypatch):
    monkeypatch.setattr(outlook, "_asked_at", float("-inf"))


@pytest.fixture
def heard(monkeypatch):
    monkeypatch.setattr("classifier.bell.heard", lambda: True)


def wait(seconds: int, **fields) -> Prediction:
    return make.prediction(queued_at=timezone.now() - timedelta(seconds=seconds), **fields)


def test_while_all_is_well_it_says_nothing(heard):
    wait(2)
    assert outlook.notice() == ""


@pytest.mark.parametrize(("seconds", "told"), [(30, "3"), (600, "10")])
def test_it_says_how_long_the_oldest_picture_has_waited(client, heard, seconds, told):
    wait(seconds)
    page = client.get("/", headers={"Accept-Language": "en"}).content.decode()
    said = page.split("has waited for ")[1].split(".")[0]
    assert said.startswith(told)


def test_a_batch_that_takes_long_is_no_reason(heard):
    wait(600, priority=BATCH)
    assert outlook.notice() == ""


def test_it_says_that_no_worker_answers(client, monkeypatch):
    monkeypatch.setattr("classifier.bell.heard", lambda: False)
    page = client.get("/", headers={"Accept-Language": "en"}).content.decode()
    assert "No worker answers at the moment. What you send is kept" in page


def test_a_broker_that_is_away_is_asked_seldom(monkeypatch):
    asked = []

    def heard():
        asked.append(True)
        raise NoBroker

    monkeypatch.setattr("classifier.bell.heard", heard)
    assert outlook.notice() and outlook.notice()
    assert len(asked) == 1


def test_a_page_about_what_is_answered_has_no_such_word(client, monkeypatch):
    monkeypatch.setattr("classifier.bell.heard", lambda: False)
    client.get("/")
    session = client.session
    row = make.answered(Owner(visitor=make.visitor().visitor))
    session["visitor"] = str(row.visitor)
    session.save()
    page = client.get(f"/predictions/{row.pk}/", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "No worker answers" not in page.content.decode()
