"""A real Chromium in front of the real service."""

import shutil
import threading
import time
from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from playwright.sync_api import BrowserContext, Page

from tests.live.service import Service

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "the browser tests need Chromium: apt-get install chromium"
    return {**browser_type_launch_args, "executable_path": chromium, "args": FLAGS}


@pytest.fixture
def browser_context_args(browser_context_args):
    return {**browser_context_args, "locale": "uk-UA"}


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """Requests can be held up from the first page on. Chromium says that it holds them up shortly
    before it does: of a page that is open already the next request may slip through."""
    context.route("**/asked-for-by-no-page", lambda route: route.abort())
    return context


@pytest.fixture
def home(page: Page, service: Service) -> Page:
    page.goto(service.url)
    return page


@pytest.fixture
def complaints(context) -> list[str]:
    """What the browser's console complains of: errors, and what the policy forbids."""
    heard: list[str] = []
    context.on("console", lambda m: heard.append(m.text) if m.type == "error" else None)
    context.on("weberror", lambda e: heard.append(str(e.error)))
    return heard


@pytest.fixture(autouse=True)
def left_in_peace(request) -> Iterator[None]:
    """What a page sends as it is left arrives while its test still has the database. A request that
    was cut off in the middle of a transaction would leave that to the next test."""
    if "live_server" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("transactional_db")  # so that this ends before
    browser = request.getfixturevalue("browser")
    with Traffic() as traffic:
        yield
        for context in browser.contexts:
            for page in context.pages:
                page.close()
        traffic.wait_for_silence()


class Traffic:
    """How many requests are being answered, and when that last changed."""

    SILENCE, LONGEST = 0.15, 10.0  # seconds

    def __init__(self) -> None:
        self.lock, self.running, self.changed = threading.Lock(), 0, time.monotonic()

    def __enter__(self) -> "Traffic":
        request_started.connect(self._begin)
        request_finished.connect(self._end)
        return self

    def __exit__(self, *_error: object) -> None:
        request_started.disconnect(self._begin)
        request_finished.disconnect(self._end)

    def _begin(self, **_kwargs: object) -> None:
        self._count(1)

    def _end(self, **_kwargs: object) -> None:
        self._count(-1)

    def _count(self, by: int) -> None:
        with self.lock:
            self.running, self.changed = self.running + by, time.monotonic()

    def wait_for_silence(self) -> None:
        self.changed, end = time.monotonic(), time.monotonic() + self.LONGEST
        while self.running > 0 or time.monotonic() - self.changed < self.SILENCE:
            assert time.monotonic() < end, f"{self.running} requests are still being answered"
            time.sleep(0.01)
