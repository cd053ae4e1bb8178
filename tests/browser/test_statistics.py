"""The statistics page in a browser: its links, on a phone, in the dark, under the site's policy."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, expect

from tests import audits
from tests.browser.reviewing import log_in

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/admin/statistics/"


@pytest.fixture(autouse=True)
def prepared(monkeypatch, transactional_db) -> None:
    """Twelve audited answers, ten of them right, two reviewers' words about some."""
    # Playwright's own event loop runs in this thread; the queries here wait for nobody.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    rows = [audits.audited("dog", "dog", confidence=0.5 + n / 25) for n in range(10)]
    rows += [audits.audited("dog", "cat"), audits.audited("ship", "")]
    for row in rows[:4]:
        audits.say(row, "dog", by="rob")


def test_a_number_of_the_matrix_opens_its_pictures(
    context: BrowserContext, live_server, complaints
):
    log_in(context, live_server.url, "ann")
    page = context.new_page()
    page.goto(live_server.url + URL)
    expect(page.locator(".figure strong")).to_contain_text("83")
    expect(page.locator("svg[role=img]")).to_have_count(3)
    page.locator("td.shade-4 a").first.click()
    expect(page.locator(".pictures img")).to_have_count(1)
    expect(page.locator(".pictures img")).to_have_js_property("complete", True)
    assert page.locator(".pictures img").evaluate("image => image.naturalWidth") > 0
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_accessibility_fault_that_axe_knows(browser, live_server, scheme):
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    log_in(context, live_server.url, "ann")
    page = context.new_page()
    page.goto(live_server.url + URL)
    # What is the admin's own is not ours to mend.
    found = Axe().run(page, context="#content-main, .statistics section, .asked")
    assert found.violations_count == 0, found.generate_report()
    context.close()


def test_on_a_phone_nothing_but_wide_tables_is_scrolled_sideways(browser, live_server):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    log_in(context, live_server.url, "ann")
    page = context.new_page()
    page.goto(live_server.url + URL)
    wide = "() => [...document.querySelectorAll('.statistics section')].filter("
    wide += (
        "(s) => s.scrollWidth > s.clientWidth + 1).map((s) => s.getAttribute('aria-labelledby'))"
    )
    assert page.evaluate(wide) == []
    context.close()
