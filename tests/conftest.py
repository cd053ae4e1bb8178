"""What every test may ask for."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from rest_framework.test import APIClient

from classifier.models import ApiToken, Owner
from tests import make
from tests.in_turn import InTurn
from tests.live.service import Service
from worker.order import Order

LIVE = ("tests/live/", "tests/browser/", "tests/benchmarks/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(LIVE):
            item.add_marker("live")


def pytest_report_header() -> str:
    return f"database: {connection.vendor}"


@pytest.fixture(autouse=True)
def media(settings, tmp_path: Path) -> Path:
    """Each test stores its images in a folder of its own, and collects no static files."""
    settings.MEDIA_ROOT = tmp_path / "images"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.RETRY_SECONDS = 0
    settings.AUDIT_SHARE = 0.0  # a test that wants tasks draws them all
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return tmp_path / "images"


@pytest.fixture(scope="session")
def service(tmp_path_factory) -> Iterator[Service]:
    """The whole service, running, for all tests that only use it. Those that break it start their
    own."""
    with Service(tmp_path_factory.mktemp("service")).started() as running:
        yield running


@pytest.fixture
def api() -> APIClient:
    """A visitor without an account, whose browser keeps its session."""
    return APIClient()


@pytest.fixture
def alice(db) -> Owner:
    return Owner(user=make.user("alice"))


@pytest.fixture
def bob(db) -> Owner:
    return Owner(user=make.user("bob"))


@pytest.fixture
def alice_api(alice: Owner) -> APIClient:
    """A client that bears alice's token."""
    token = ApiToken.objects.issue(alice.user, "tests")
    return APIClient(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def bell_rings(monkeypatch) -> list[bool]:
    """Counts the rings instead of sending them; test_bell.py rings a real one."""
    rings: list[bool] = []
    monkeypatch.setattr("classifier.bell.ring", lambda: rings.append(True) or True)
    return rings


@pytest.fixture(autouse=True)
def one_connection(request, monkeypatch) -> None:
    """A worker claims ahead in a thread of its own (tests/worker/test_order.py has it so)."""
    micro_batches = sys.modules.get("worker.micro_batches")
    if micro_batches:
        monkeypatch.setattr(micro_batches, "order", Order())
    marker = request.node.get_closest_marker("django_db")
    if micro_batches and not (marker and marker.kwargs.get("transaction")):
        monkeypatch.setattr(micro_batches, "ahead", InTurn())
        monkeypatch.setattr(micro_batches, "close_old_connections", lambda: None)
