"""Guessing passwords is slow, and nobody can lock others out."""

import pytest
from django.core.cache import cache
from django.test import Client

from classifier import counters, login
from tests import make
from tests.valkey import Valkey

pytestmark = pytest.mark.django_db
PASSWORD = "a long password"
PAGES = ["/login/", "/admin/login/"]
REFUSED = "Too many attempts"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    server = Valkey(tmp_path_factory.mktemp("v")).start()
    yield server
    server.kill()


@pytest.fixture
def counting(valkey, settings, monkeypatch):
    """A real cache, empty."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": valkey.url}}
    monkeypatch.setattr(counters, "_not_before", 0.0)
    cache.clear()


def attempt(
    page: str = "/login/", name: str = "staff", client: Client | None = None, **more
) -> str:
    client = client or Client()
    data = {"username": name, "password": more.pop("password", "wrong"), "next": "/"}
    response = client.post(page, data, headers={"Accept-Language": "en"}, **more)
    if response.status_code == 302:
        return "in"
    return "refused" if REFUSED in response.content.decode() else "wrong"


@pytest.fixture
def staff():
    return make.user("staff", is_staff=True)


@pytest.mark.parametrize("page", PAGES)
def test_a_name_is_guessed_at_ten_times_and_then_no_more(counting, staff, page):
    tries = [attempt(page, REMOTE_ADDR=f"10.0.0.{n}") for n in range(12)]
    assert tries == ["wrong"] * 10 + ["refused"] * 2
    assert attempt(page, password=PASSWORD) == "refused"


@pytest.mark.parametrize("page", PAGES)
def test_an_address_guesses_thirty_times_whatever_the_names(counting, staff, page):
    tries = [attempt(page, name=f"name{n}") for n in range(32)]
    assert tries == ["wrong"] * 30 + ["refused"] * 2
    assert attempt(page, password=PASSWORD, REMOTE_ADDR="10.9.9.9") == "in"


def test_attempts_on_the_page_and_in_the_admin_add_up(counting, staff):
    for page in PAGES * 5:
        attempt(page)
    assert attempt() == "refused"


def test_the_owner_of_a_name_that_others_guess_at_is_not_locked_out(counting, staff):
    own = Client()
    assert attempt(client=own, password=PASSWORD) == "in"
    own.post("/logout/")
    for n in range(12):
        attempt(REMOTE_ADDR=f"10.0.0.{n}")
    assert attempt(password=PASSWORD, REMOTE_ADDR="10.1.1.1") == "refused"
    assert attempt(client=own, password=PASSWORD) == "in"


def test_who_shares_an_address_with_one_who_guesses_is_not_locked_out(counting, staff):
    own = Client()
    attempt(client=own, password=PASSWORD)
    for n in range(31):
        attempt(name=f"name{n}")
    assert attempt(password=PASSWORD) == "refused"
    assert attempt(client=own, password=PASSWORD) == "in"


def test_a_known_browser_is_known_for_its_own_name_and_has_a_limit_too(counting, staff):
    make.user("other")
    own = Client()
    attempt(client=own, name="other", password=PASSWORD)
    tries = [attempt(client=own, name="other", REMOTE_ADDR=f"10.0.0.{n}") for n in range(11)]
    assert tries[-1] == "refused"
    for _ in range(11):
        attempt()
    assert attempt(client=own, REMOTE_ADDR="10.1.1.2") == "refused"


def test_the_mark_of_a_browser_cannot_be_made_up(counting, staff):
    for n in range(10):
        attempt(REMOTE_ADDR=f"10.0.0.{n}")
    forged = Client()
    forged.cookies[login.COOKIE] = f"x:{login.digest('staff')}"
    assert attempt(client=forged, password=PASSWORD) == "refused"


def test_who_logs_in_often_is_not_slowed_down(counting, staff):
    assert [attempt(password=PASSWORD) for _ in range(31)] == ["in"] * 31


def test_a_name_in_other_letters_is_the_same_name(counting, staff):
    names = ["staff", "STAFF", "ｓｔａｆｆ"]
    tries = [attempt(name=names[n % 3]) for n in range(11)]
    assert tries[-1] == "refused"


def test_names_that_do_not_exist_are_refused_alike(counting):
    tries = [attempt(name="nobody", REMOTE_ADDR=f"10.0.0.{n}") for n in range(11)]
    assert tries == ["wrong"] * 10 + ["refused"]


def test_without_the_cache_everybody_may_log_in(staff, monkeypatch):
    monkeypatch.setattr(counters, "_not_before", 0.0)
    assert [attempt() for _ in range(12)] == ["wrong"] * 12
    assert attempt(password=PASSWORD) == "in"


def test_the_mark_is_out_of_reach_for_scripts(counting, staff, settings):
    settings.SESSION_COOKIE_SECURE = True
    client = Client()
    attempt(client=client, password=PASSWORD)
    cookie = client.cookies[login.COOKIE]
    assert cookie["httponly"] and cookie["secure"] and cookie["samesite"] == "Lax"
    assert "staff" not in cookie.value
