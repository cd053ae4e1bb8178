"""Settings are read from the environment once, checked, and refused in one clear line."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from classifier_site import environment as env

ROOT = Path(__file__).parent.parent.parent


def test_what_is_not_set_has_its_default(monkeypatch):
    monkeypatch.delenv("KADR_X", raising=False)
    assert env.text("KADR_X", "a") == "a"
    assert env.number("KADR_X", 7) == 7
    assert env.switch("KADR_X", True) is True
    assert env.words("KADR_X", "a, b,") == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "share"), [("0", 0.0), ("0.02", 0.02), (".5", 0.5), ("1", 1.0), ("1.0", 1.0)]
)
def test_a_share_is_a_part_of_the_whole(monkeypatch, value, share):
    monkeypatch.setenv("KADR_X", value)
    assert env.share("KADR_X", 0.1) == share


@pytest.mark.parametrize("value", ["2", "1.5", "-0.1", "2 %", "1e-3", "nan", "0,02", "."])
def test_a_share_that_is_none_is_refused_by_name(monkeypatch, value):
    monkeypatch.setenv("KADR_X", value)
    with pytest.raises(ImproperlyConfigured, match="KADR_X"):
        env.share("KADR_X", 0.1)


def test_what_is_set_to_nothing_has_its_default_too(monkeypatch):
    """As `KADR_X=${KADR_X:-}` in a compose file sets it."""
    monkeypatch.setenv("KADR_X", " ")
    assert env.text("KADR_X", "a") == "a"
    assert env.number("KADR_X", 7) == 7
    assert env.switch("KADR_X", False) is False


def test_a_choice_is_one_of_those_known(monkeypatch):
    assert env.choice("KADR_X", "a", ("a", "b")) == "a"
    monkeypatch.setenv("KADR_X", "B")
    assert env.choice("KADR_X", "a", ("a", "b")) == "b"


def test_a_choice_that_is_none_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.setenv("KADR_X", "c")
    with pytest.raises(ImproperlyConfigured, match="KADR_X must be a or b, not 'c'"):
        env.choice("KADR_X", "a", ("a", "b"))


@pytest.mark.parametrize("value", ["ten", "-1", "1.5", "0"])
def test_a_number_that_is_none_is_refused_by_name(monkeypatch, value):
    monkeypatch.setenv("KADR_X", value)
    with pytest.raises(ImproperlyConfigured, match="KADR_X"):
        env.number("KADR_X", 7, least=1)


def test_a_number_past_what_is_allowed_is_refused_with_the_range(monkeypatch):
    monkeypatch.setenv("KADR_X", "11")
    with pytest.raises(ImproperlyConfigured, match="must be a whole number from 0 to 10, not"):
        env.number("KADR_X", 7, most=10)


@pytest.mark.parametrize(("value", "meant"), [("YES", True), ("0", False), ("on", True)])
def test_a_switch_takes_the_usual_words(monkeypatch, value, meant):
    monkeypatch.setenv("KADR_X", value)
    assert env.switch("KADR_X", not meant) is meant


@pytest.mark.parametrize("value", ["Kyiv", "UTC+2", "../etc/passwd", "Europe/"])
def test_a_time_zone_that_is_none_is_refused_by_name(monkeypatch, value):
    monkeypatch.setenv("KADR_X", value)
    with pytest.raises(ImproperlyConfigured, match="KADR_X must be a time zone, such as"):
        env.time_zone("KADR_X", "UTC")


def test_a_time_zone_is_one_that_the_system_knows(monkeypatch):
    monkeypatch.setenv("KADR_X", "Europe/Kyiv")
    assert env.time_zone("KADR_X", "UTC") == "Europe/Kyiv"


def test_a_switch_takes_no_others(monkeypatch):
    monkeypatch.setenv("KADR_X", "maybe")
    with pytest.raises(ImproperlyConfigured, match="yes or no"):
        env.switch("KADR_X", True)


def test_the_secret_is_made_once_and_is_private(tmp_path):
    path = tmp_path / "deep" / "secret_key"
    first = env.secret("KADR_X", kept_in=path)
    assert len(first) >= 50
    assert env.secret("KADR_X", kept_in=path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_the_secret(tmp_path):
    path = tmp_path / "secret_key"
    with ThreadPoolExecutor(16) as pool:
        secrets = list(pool.map(lambda _: env.secret("KADR_X", kept_in=path), range(64)))
    assert len(set(secrets)) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_given_secret_is_written_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("KADR_X", "given")
    assert env.secret("KADR_X", kept_in=tmp_path / "secret_key") == "given"
    assert list(tmp_path.iterdir()) == []


def test_without_a_url_the_database_is_sqlite_with_a_log_that_readers_do_not_wait_for(tmp_path):
    settings = env.database("", tmp_path / "kadr.sqlite3")
    assert settings["ENGINE"].endswith("sqlite3")
    assert "journal_mode=WAL" in settings["OPTIONS"]["init_command"]


def test_a_postgresql_url_is_taken_apart(tmp_path):
    settings = env.database("postgres://an%40na:p%2Fw@db:5433/kadr?sslmode=require", tmp_path)
    assert (settings["USER"], settings["PASSWORD"]) == ("an@na", "p/w")
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db", "5433", "kadr")
    assert settings["OPTIONS"]["sslmode"] == "require"


def test_a_url_of_another_database_is_refused(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="postgres://"):
        env.database("mysql://db/kadr", tmp_path)


@pytest.mark.parametrize("password", ["pa/ss", "pa#ss", "pa?ss", "pa[ss"])
def test_a_url_that_cannot_be_read_is_refused_with_the_remedy_and_without_the_password(
    tmp_path, password
):
    with pytest.raises(ImproperlyConfigured, match=r"in the password write / as %2F") as caught:
        env.database(f"postgres://kadr:{password}@db:5432/kadr", tmp_path)
    assert "ss" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize("url", ["redis://h:6379/0", "rediss://h", "unix:///run/valkey.sock?db=0"])
def test_a_broker_is_given_by_its_url(monkeypatch, url):
    monkeypatch.setenv("KADR_X", url)
    assert env.broker("KADR_X") == url
    monkeypatch.delenv("KADR_X")
    assert env.broker("KADR_X") == ""


@pytest.mark.parametrize("url", ["localhost:6379", "http://h", "/run/valkey.sock", "REDIS://h"])
def test_a_broker_s_address_that_is_no_such_url_is_refused_by_name(monkeypatch, url):
    monkeypatch.setenv("KADR_X", url)
    with pytest.raises(ImproperlyConfigured, match="KADR_X must begin with redis://, rediss:// or"):
        env.broker("KADR_X")


def test_a_socket_whose_path_would_be_too_long_lies_elsewhere(tmp_path):
    assert env.socket_in(tmp_path / "data", tmp_path / "s") == tmp_path / "data" / "valkey.sock"
    deep = tmp_path / ("long" * 30)
    assert env.socket_in(deep, tmp_path / "s") == tmp_path / "s" / "valkey.sock"


def settings_line(expression: str, data: Path, **environment: str) -> str:
    """What the real settings module makes of an environment."""
    process = subprocess.run(
        [sys.executable, "-c", f"from classifier_site import settings as s; print(({expression}))"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "KADR_DATA": str(data), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout.strip()


def test_celery_and_the_cache_use_the_broker_that_is_given(tmp_path):
    url = "redis://valkey:6379/3"
    expression = "s.CELERY_BROKER_URL, s.CACHES['default']['LOCATION'], s.BROKER_IS_EMBEDDED"
    assert settings_line(expression, tmp_path, REDIS_URL=url) == str((url, url, False))


def test_our_own_broker_listens_on_a_socket_in_the_data_folder(tmp_path):
    url = settings_line("s.CELERY_BROKER_URL", tmp_path)
    assert url == f"redis+socket://{tmp_path}/valkey/valkey.sock?virtual_host=0"


def test_behind_https_cookies_are_secure_and_the_proxy_is_believed(tmp_path):
    expression = "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, bool(s.SECURE_PROXY_SSL_HEADER)"
    assert settings_line(expression, tmp_path, KADR_HTTPS="yes") == "(True, True, True)"
    assert settings_line(expression, tmp_path) == "(False, False, False)"
