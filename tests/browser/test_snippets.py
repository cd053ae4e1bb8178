"""A result's request as code: copied by its button, there without JavaScript, and accessible."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.uploading import ANSWERED, answered, photo, send


def open_snippets(page: Page) -> None:
    send(page, photo("кіт №1.jpg"))
    answered(page)
    page.locator(f"{ANSWERED} .picture").click()
    page.get_by_text("Те саме зі скрипта").click()


def test_a_snippet_is_copied_whole_by_its_button_which_says_so(home, context, complaints):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_snippets(home)
    for number, name in enumerate(("curl", "Python", "JavaScript")):
        home.get_by_role("button", name=f"Копіювати {name}").press("Enter")
        expect(home.get_by_role("status").nth(number)).to_have_text("Скопійовано")
        copied = home.evaluate("navigator.clipboard.readText()")
        assert copied == home.locator(".snippet code").nth(number).text_content()
        assert "кіт №1.jpg" in copied and home.url.split("/predictions")[0] in copied
    assert complaints == []


def test_a_snippet_is_copied_where_the_browser_keeps_its_clipboard_to_itself(home):
    """As over plain HTTP on a network at home."""
    open_snippets(home)
    home.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    home.get_by_role("button", name="Копіювати curl").click()
    expect(home.get_by_role("status").first).to_have_text("Скопійовано")
    home.evaluate(
        """() => {
            const area = document.body.appendChild(document.createElement("textarea"));
            area.id = "paste";
            area.focus();
        }"""
    )
    home.keyboard.press("Control+V")
    expect(home.locator("#paste")).to_have_value(re.compile("^curl .*/api/v1/predictions$", re.S))


def test_without_javascript_the_snippets_are_there_and_no_button_is_dead(browser, service):
    context = browser.new_context(java_script_enabled=False, locale="uk-UA")
    page = context.new_page()
    page.goto(service.url)
    page.get_by_text("Те саме зі скрипта").click()
    expect(page.locator(".snippet pre")).to_have_count(3)
    expect(page.locator(".snippet pre").first).to_be_visible()
    expect(page.locator(".snippet button:visible")).to_have_count(0)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_result_with_its_snippets_is_accessible_and_fits_a_phone(browser, service, scheme):
    context = browser.new_context(
        color_scheme=scheme,
        locale="uk-UA",
        bypass_csp=True,
        viewport={"width": 320, "height": 640},
    )
    page = context.new_page()
    page.goto(service.url)
    open_snippets(page)
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()
