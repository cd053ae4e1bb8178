"""Faults of ours: nobody sees a traceback, and the answer needs nothing that may be broken."""

import pytest
from django.db import OperationalError, ProgrammingError
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def failing(monkeypatch):
    """Every query fails so."""

    def fail_with(error):
        def fail(*_args, **_kwargs):
            raise error

        monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)

    return fail_with


@pytest.fixture
def broken_database(failing):
    failing(ProgrammingError("the database is gone"))


@pytest.fixture
def absent_database(failing):
    failing(OperationalError("the database is gone"))


@pytest.mark.parametrize(
    ("language", "title"), [("uk", "Щось зламалося в нас"), ("en", "Something broke on our side")]
)
def test_a_page_that_breaks_says_so_even_without_a_database(
    client, broken_database, language, title
):
    client.cookies["sessionid"] = "of-somebody-logged-in"
    response = client.get("/", headers={"Accept-Language": language})
    assert response.status_code == 500
    page = response.content.decode()
    assert title in page
    assert "gone" not in page
    assert "<form" not in page, "it would lack the token without which a form is refused"
    assert "/login/" not in page, "nobody knows whether somebody is logged in"


def test_the_api_breaks_as_a_problem(client, broken_database):
    response = client.get("/api/v1/predictions", headers={"Authorization": "Bearer kadr_x"})
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "INTERNAL"


def test_a_page_without_its_database_asks_to_come_again(client, absent_database):
    client.cookies["sessionid"] = "of-somebody-logged-in"
    response = client.get("/", headers={"Accept-Language": "en"})
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "The database does not answer" in response.content.decode()


def test_the_api_without_its_database_asks_to_come_again(client, absent_database):
    response = client.get("/api/v1/predictions", headers={"Authorization": "Bearer kadr_x"})
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "DATABASE_UNAVAILABLE"
