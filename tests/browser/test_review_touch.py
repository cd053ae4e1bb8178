"""The review page by touch, and for everybody; the owner's word."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from classifier.models import (
    Owner,
    Review,
    ReviewTask,
    Stream,
    Verdict,
)
from tests import make
from tests.browser.reviewing import CURRENT, STILL, log_in, opened, press, said, sent
from tests.browser.reviewing import browser_context_args as browser_context_args
from tests.browser.reviewing import prepared as prepared
from tests.browser.reviewing import review as review
from tests.browser.reviewing import rows as rows

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def phone(browser, live_server, rows):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="en-US"
    )
    log_in(context, live_server.url, "ann")
    page = opened(context, live_server.url)
    expect(page.locator(CURRENT)).to_have_count(1)
    yield page
    context.close()


def test_fingers_decide_too(phone, rows):
    phone.get_by_role("button", name="Agree").tap()
    phone.locator("#palette button", has_text="frog").tap()
    phone.locator(".tile").nth(3).tap()
    phone.get_by_role("button", name="None").tap()
    phone.get_by_role("button", name="Skip").tap()
    phone.get_by_role("button", name="Undo").tap()
    sent(phone, 5)
    found = said(rows, 4)
    assert found[:2] == [(Verdict.AGREE, "airplane"), (Verdict.OTHER, "frog")]
    assert found[3] == (Verdict.NONE, "")
    assert Review.objects.standing().count() == 3


def test_fingers_choose_several(phone, rows):
    phone.get_by_role("button", name="Several").tap()
    for n in (0, 2, 3):
        phone.locator(".tile").nth(n).tap()
    expect(phone.locator("#count")).to_have_text("3 chosen")
    phone.locator(".tile").nth(3).tap()
    phone.locator("#palette button", has_text="truck").tap()
    sent(phone, 2)
    assert said(rows, 4) == [(Verdict.OTHER, "truck"), ("", ""), (Verdict.OTHER, "truck"), ("", "")]


def test_nothing_is_wider_than_a_phone_and_what_is_tapped_is_large_enough(phone):
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = phone.locator(".desk button:visible").evaluate_all(
        "all => all.map((b) => [b.innerText, b.getBoundingClientRect().height])"
    )
    assert len(boxes) >= 14 and [name for name, height in boxes if height < 40] == []


# For everybody


def test_no_barrier_is_found_by_day_or_by_night(review):
    press(review, "Enter", "Shift+ArrowRight")
    for scheme in ("light", "dark"):
        review.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        # The colours change a moment after the scheme does, and fade.
        review.wait_for_function(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
        review.wait_for_function(STILL)
        review.wait_for_function(STILL)
        found = Axe().run(review, context="#content-start")
        assert found.violations_count == 0, found.generate_report()


def test_a_screen_reader_hears_what_was_decided(review):
    press(review, "4")
    expect(review.locator("#announcer")).to_contain_text("it is: cat")


def test_the_owners_word_is_shown_in_its_order(context, live_server, rows):
    Review.objects.dispute(rows[4], "frog")
    assert ReviewTask.objects.get().stream == Stream.OWNER
    log_in(context, live_server.url, "ann")
    page = opened(context, live_server.url, "?order=owner")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".proposal")).to_have_text("The owner says: frog")


# The owner's side


@pytest.mark.parametrize("javascript", [True, False])
def test_an_owner_says_that_an_answer_is_wrong_with_or_without_a_script(
    browser, live_server, transactional_db, javascript
):
    alice = make.user("alice")
    make.answered(Owner(user=alice))
    context = browser.new_context(locale="en-US", java_script_enabled=javascript)
    log_in(context, live_server.url, alice)
    page = context.new_page()
    page.goto(live_server.url)
    page.locator(".card").get_by_role("link", name="Wrong?").click()
    page.wait_for_url("**#wrong", wait_until="networkidle")  # by then it has opened
    if not page.get_by_role("button", name="ship").is_visible():
        page.get_by_text("Wrong?").click()  # without a script, and in browsers that open nothing
    page.get_by_role("button", name="ship").click()
    expect(page.get_by_text("You said: ship.")).to_be_visible()
    assert ReviewTask.objects.get().proposed == "ship"
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Wrong?")).to_be_visible()
    assert not ReviewTask.objects.exists()
    context.close()
