"""What holds without anybody setting it, and in a deployment as the containers make it."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from celery import current_app
from django.conf import settings
from django.test import Client

from launcher import commands
from launcher.site import Site
from tests import make

ROOT = Path(__file__).parent.parent.parent


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def containers(data: Path, **more: str) -> dict[str, str]:
    """The environment that compose gives the web service, filled in as README says."""
    stated = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["x-environment"]
    values = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value)) for name, value in stated.items()}
    values |= {"KADR_DATA": str(data), "KADR_SECRET_KEY": secrets.token_urlsafe(50)}
    return values | {"KADR_HOSTS": "kadr.example", "KADR_HTTPS": "yes"} | more


def test_a_deployment_passes_django_s_own_check_without_a_warning(tmp_path):
    words = ("check", "--deploy", "--fail-level", "WARNING")
    process = manage(*words, **containers(tmp_path))
    assert process.returncode == 0, process.stderr
    assert "no issues" in process.stdout


@pytest.mark.parametrize(
    ("name", "value", "warning"),
    [
        ("KADR_HTTPS", "no", "security.W012"),
        ("KADR_DEBUG", "yes", "security.W018"),
        ("KADR_SECRET_KEY", "secret", "security.W009"),
    ],
)
def test_the_check_warns_of_what_a_deployment_must_not_have(tmp_path, name, value, warning):
    words = ("check", "--deploy", "--fail-level", "WARNING")
    process = manage(*words, **containers(tmp_path, **{name: value}))
    assert process.returncode == 1 and warning in process.stderr


def test_debug_is_off_unless_it_is_asked_for(tmp_path):
    code = "from django.conf import settings; print(settings.DEBUG)"
    assert manage("shell", "-v0", "-c", code, KADR_DATA=str(tmp_path)).stdout.strip() == "False"
    assert "KADR_DEBUG" not in (ROOT / "launcher" / "commands.py").read_text()


def test_messages_are_json_only():
    assert list(current_app.conf.accept_content) == ["json"]
    assert current_app.conf.task_serializer == current_app.conf.event_serializer == "json"


def test_our_own_valkey_listens_on_a_private_socket_and_on_no_port(tmp_path):
    site = Site(tmp_path, tmp_path, "127.0.0.1", 8080, "", tmp_path / "s", True)
    words = commands.broker(site, "valkey-server")
    given = dict(zip(words[1::2], words[2::2], strict=True))
    assert given["--port"] == "0"
    assert given["--unixsocket"] == str(tmp_path / "s")
    assert given["--unixsocketperm"] == "700"


def test_the_containers_run_as_a_user_who_may_do_little():
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)[1:]
    ends = {re.search(r" AS (\w+)", stage)[1]: stage for stage in stages}
    for name in ("web", "worker"):
        assert re.findall(r"^USER (\w+)", ends[name], re.M)[-1] == "kadr", name
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["x-service"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_every_requirement_is_pinned_by_hash():
    for path in ROOT.glob("requirements*.txt"):
        text = path.read_text().replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
        assert lines and all("==" in line and "--hash=sha256:" in line for line in lines), path


@pytest.mark.django_db
def test_behind_https_every_cookie_is_secure_and_plain_http_is_redirected(settings):
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    client = Client(headers={"X-Forwarded-Proto": "https"})
    make.user("alice")
    data = {"username": "alice", "password": "a long password"}
    response = client.post("/login/", data)
    assert response.status_code == 302 and "Strict-Transport-Security" in response
    assert {"sessionid", "csrftoken"} <= set(client.cookies)
    for name, cookie in client.cookies.items():
        assert cookie["secure"] and cookie["samesite"] == "Lax", name
    assert client.cookies["sessionid"]["httponly"]
    plain = Client().get("/login/", headers={"X-Forwarded-Proto": "http"})
    assert plain.status_code == 301 and plain.url.startswith("https://")
    assert Client().get("/livez").status_code == 200


@pytest.mark.django_db
def test_without_https_cookies_are_out_of_reach_for_scripts_and_other_sites(client):
    client.post("/", {"image": make.upload()})
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert settings.SECURE_HSTS_SECONDS == 0
