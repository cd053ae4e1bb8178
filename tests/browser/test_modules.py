"""The scripts that a browser is given by the running service, which has collected them."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response

from tests.browser.logging_in import as_chief
from tests.live.service import Service

OURS = "/static/classifier/"
HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")


@pytest.fixture
def scripts(page: Page, service: Service) -> list[Response]:
    """All of ours that the pages which have some ask for."""
    seen: list[Response] = []
    as_chief(page, service)
    page.on("response", lambda answer: seen.append(answer) if OURS in answer.url else None)
    for path in ("/", "/admin/review/", "/admin/classifier/workqueue/"):
        page.goto(service.url + path, wait_until="networkidle")
    return [answer for answer in seen if answer.request.resource_type == "script"]


def test_each_module_has_a_name_that_never_goes_stale(scripts, complaints):
    paths = [urlsplit(script.url).path.removeprefix(OURS) for script in scripts]
    for module in ("kadr", "page/uploads", "review", "review/deciding", "shared/requests", "live"):
        assert any(path.startswith(f"{module}.") for path in paths), f"{module} was not asked for"
    for script, path in zip(scripts, paths, strict=True):
        assert script.status == 200 and HASHED.search(path), path
        assert "immutable" in script.headers["cache-control"], path
    assert complaints == []


@pytest.mark.parametrize("path", ["/", "/admin/review/", "/admin/classifier/workqueue/"])
def test_a_browser_is_told_of_all_modules_at_once_and_asks_for_each_once(page, service, path):
    as_chief(page, service)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if OURS in request.url else None)
    page.goto(service.url + path, wait_until="networkidle")
    told = page.eval_on_selector_all(
        "link[rel=modulepreload], script[type=module]", "all => all.map(x => x.href || x.src)"
    )
    assert sorted(told) == sorted(url for url in asked if url.endswith(".js"))
    assert len(told) == len(set(told)) >= 1
