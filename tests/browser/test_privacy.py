"""Nobody but the service is asked for anything, and no page needs more than its policy allows."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests import hostile, make
from tests.browser.logging_in import as_chief
from tests.live.service import Service


@pytest.fixture
def asked(context) -> set[str]:
    """Every host that the browser turns to."""
    hosts: set[str] = set()
    context.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    context.on("page", lambda page: page.on("websocket", lambda ws: hosts.add(ws.url)))
    return hosts


@pytest.fixture
def chief(page: Page, service: Service, asked, complaints) -> Page:
    """A browser in which the admin is logged in."""
    as_chief(page, service)
    return page


def ours(service: Service) -> set[str]:
    return {f"127.0.0.1:{service.port}"}


def with_a_picture(page: Page, service: Service) -> str:
    """Send one, wait for its answer; the address of its page."""
    page.goto(service.url)
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": make.noise_jpeg(3, side=120)}
    page.set_input_files("#files", [photo])
    card = page.locator(".card[data-status=succeeded]").first
    expect(card).to_be_visible(timeout=20_000)
    return f"{service.url}/predictions/{card.get_attribute('data-id')}/"


def test_pages_ask_nobody_but_the_service(page, service, asked, complaints):
    prediction = with_a_picture(page, service)
    for url in (prediction, *(service.url + path for path in ("/", "/model/", "/api/", "/login/"))):
        page.goto(url, wait_until="networkidle")
    assert asked - {""} == ours(service)  # blob: and data: have no host
    assert complaints == []


def test_the_admin_works_under_the_policy_and_asks_nobody_else(chief, service, asked, complaints):
    with_a_picture(chief, service)
    for path in ("", "classifier/prediction/", "classifier/image/", "auth/user/add/"):
        chief.goto(f"{service.url}/admin/{path}", wait_until="networkidle")
    chief.goto(f"{service.url}/admin/classifier/image/", wait_until="networkidle")
    picture = chief.locator("#result_list img").first
    assert picture.evaluate("img => img.complete && img.naturalWidth > 0")
    assert asked - {""} == ours(service)
    assert complaints == []


def test_the_api_page_sends_requests_under_the_policy(page, service, asked, complaints):
    page.goto(service.url + "/api/", wait_until="networkidle")
    operation = page.locator(".opblock", has_text="/api/v1/meta")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    status = operation.locator(".live-responses-table td.response-col_status").last
    expect(status).to_contain_text("200")
    assert asked - {""} == ours(service)
    assert complaints == []


def test_a_picture_that_holds_a_script_is_shown_and_runs_nothing(page, service, complaints):
    html = hostile.segment(hostile.COMMENT, b"<script>document.title = 'owned'</script>")
    photo = {
        "name": "page.html",
        "mimeType": "image/jpeg",
        "buffer": hostile.with_segments(make.jpeg(90, 90), html),
    }
    page.goto(service.url)
    page.set_input_files("#files", [photo])
    card = page.locator(".card[data-status=succeeded]").first
    expect(card).to_be_visible(timeout=20_000)
    page.reload()
    response = page.goto(service.url + page.locator(".card img").first.get_attribute("src"))
    assert response.headers["content-type"] == "image/jpeg"
    assert page.title() != "owned"
