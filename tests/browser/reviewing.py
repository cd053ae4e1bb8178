"""What reviewers are dealt, and what they do in the page. Answers are published as a worker
publishes them; no worker runs.
"""

import copy

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db.models.base import ModelState
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from classifier.ids import uuid7
from classifier.models import (
    Image,
    ModelVersion,
    Prediction,
    Result,
    Review,
)
from tests import make

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TEN = [{"id": name, "uk": f"{name}-uk", "en": name} for name in NAMES]
CURRENT, SETTLED = ".tile.current", ".tile.settled"


@pytest.fixture(autouse=True)
def prepared(monkeypatch):
    # Playwright's own event loop runs in this thread; the queries here wait for nobody.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def version(classes=TEN, digest: str = "a" * 64) -> ModelVersion:
    return ModelVersion.objects.register(
        digest=digest, name="ten", preprocessing="test-1", classes=classes
    )


def result_of(model: ModelVersion, label: str, lead: float) -> Result:
    """Whose label leads by so much over all others, which share the rest."""
    names = [known["id"] for known in model.classes]
    low = (1 - lead) / len(names)
    shares = [low + lead if name == label else low for name in names]
    return Result(label, low + lead, shares, 0.5, False)


def answered(model: ModelVersion, *wanted: tuple[str, float]) -> list[Prediction]:
    """Answers, published as a worker does it, about pictures that share one file."""
    first = make.image()
    images = [first, *(copy_of(first) for _ in wanted[1:])]
    Image.objects.bulk_create(images[1:])
    rows = [Prediction.objects.ask(image) for image in images]
    (fence,) = {row.fence for row in Prediction.objects.claim(100, worker="test")}
    results = {row.pk: result_of(model, *each) for row, each in zip(rows, wanted, strict=True)}
    Prediction.objects.publish(fence, model, results)
    return [Prediction.objects.get(pk=row.pk) for row in rows]


def copy_of(image: Image) -> Image:
    copied = copy.copy(image)
    copied.pk, copied._state = uuid7(), ModelState()
    return copied


@pytest.fixture
def rows(transactional_db) -> list[Prediction]:
    """Twenty answers, the least certain first, so in the order in which they are dealt."""
    return answered(version(), *((NAMES[n % 10], 0.1 + n * 0.02) for n in range(20)))


def log_in(context: BrowserContext, url: str, user: str | User) -> None:
    """Whoever is only named is made, as staff."""
    client = Client()
    client.force_login(make.user(user, is_staff=True) if isinstance(user, str) else user)
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    assert SessionStore(cookie).exists(cookie)
    context.add_cookies(
        [{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": url}]
    )


def opened(context: BrowserContext, url: str, order: str = "") -> Page:
    page = context.new_page()
    page.goto(f"{url}/admin/review/{order}")
    return page


@pytest.fixture
def browser_context_args(browser_context_args):
    return {**browser_context_args, "locale": "en-US", "viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def review(context, live_server, rows) -> Page:
    log_in(context, live_server.url, "ann")
    page = opened(context, live_server.url)
    expect(page.locator(CURRENT)).to_have_count(1)
    return page


# No colour is on its way to another any more.
STILL = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
  done(document.getAnimations().every((a) => a.playState !== "running")))))"""


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def said(rows: list[Prediction], n: int) -> list[tuple[str, str]]:
    """Verdict and label about the first n answers, once they are all there."""
    found = Review.objects.not_withdrawn().order_by("pk")
    by_row = {review.prediction_id: (review.verdict, review.label) for review in found}
    return [by_row.get(row.pk, ("", "")) for row in rows[:n]]


def sent(page: Page, n: int) -> None:
    """Wait until the service has n rows of reviews."""
    for _ in range(100):
        if Review.objects.count() >= n:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{Review.objects.count()} reviews, not {n}")
