"""The review page as reviewers use it: Chromium in front of Django, by keyboard and mouse."""

import re

import pytest
from playwright.sync_api import expect

from classifier.models import Review, ReviewLock, Verdict
from tests.browser.reviewing import (
    CURRENT,
    NAMES,
    SETTLED,
    answered,
    log_in,
    opened,
    press,
    said,
    sent,
    version,
)
from tests.browser.reviewing import browser_context_args as browser_context_args
from tests.browser.reviewing import prepared as prepared
from tests.browser.reviewing import review as review
from tests.browser.reviewing import rows as rows

pytestmark = [pytest.mark.django_db(transaction=True)]

# By keyboard


def test_the_keys_decide_and_the_page_goes_on_by_itself(review, rows, complaints):
    expect(review.locator(CURRENT)).to_have_attribute("aria-label", re.compile("^airplane, "))
    press(review, "Enter", "9", "0", "n", "s")
    sent(review, 5)
    assert said(rows, 5) == [
        (Verdict.AGREE, "airplane"),
        (Verdict.OTHER, "ship"),
        (Verdict.OTHER, "truck"),
        (Verdict.NONE, ""),
        (Verdict.SKIP, ""),
    ]
    expect(review.locator(CURRENT)).to_have_attribute("aria-label", re.compile("^dog, "))
    expect(review.locator(CURRENT)).to_be_focused()
    assert complaints == []


def test_the_number_of_the_answered_class_agrees_with_it(review, rows):
    press(review, "1")
    sent(review, 1)
    assert said(rows, 1) == [(Verdict.AGREE, "airplane")]


def test_letters_go_by_their_place_on_a_ukrainian_keyboard(review, rows):
    for code, letter in (("KeyN", "т"), ("KeyS", "і")):
        review.evaluate(
            "([code, key]) => document.activeElement.dispatchEvent("
            "new KeyboardEvent('keydown', { code, key, bubbles: true, cancelable: true }))",
            [code, letter],
        )
    sent(review, 2)
    assert said(rows, 2) == [(Verdict.NONE, ""), (Verdict.SKIP, "")]


def test_backspace_undoes_one_after_the_other(review, rows):
    press(review, "Enter", "2", "Backspace", "Backspace")
    sent(review, 4)
    assert not Review.objects.standing().exists()
    expect(review.locator(SETTLED)).to_have_count(0)
    expect(review.locator(CURRENT)).to_have_attribute("aria-label", re.compile("^airplane, "))
    press(review, "Backspace", "4")
    sent(review, 5)
    assert said(rows, 1) == [(Verdict.OTHER, "cat")]


def test_what_is_said_twice_is_said_once_and_undone_once(review, rows):
    press(review, "Enter", "ArrowLeft", "Enter")
    expect(review.locator(CURRENT)).to_have_attribute("aria-label", re.compile("^automobile, "))
    press(review, "Backspace")
    sent(review, 2)
    expect(review.locator(SETTLED)).to_have_count(0)
    assert not Review.objects.standing().exists()


def test_a_window_that_could_show_more_than_can_be_asked_for_shows_what_can(context, live_server):
    answered(version(), *((NAMES[n % 10], n / 200) for n in range(99)))
    log_in(context, live_server.url, "ann")
    page = context.new_page()
    page.set_viewport_size({"width": 5120, "height": 2880})
    page.goto(f"{live_server.url}/admin/review/")
    expect(page.locator(CURRENT)).to_have_count(1)
    tiles = page.locator(".tile")
    assert 20 < tiles.count() <= 50
    expect(page.locator("#banner")).to_be_hidden()
    page.keyboard.press("Control+a")
    page.keyboard.press("Enter")
    expect(page.locator(SETTLED)).to_have_count(0)  # the next page
    expect(page.locator(CURRENT)).to_have_count(1)


def test_a_page_that_is_done_is_followed_by_the_next_and_undone_across(review, rows):
    shown = review.locator(".tile").count()
    assert shown < len(rows)
    press(review, *["Enter"] * shown)
    expect(review.locator(SETTLED)).to_have_count(0)
    expect(review.locator(".tile")).to_have_count(len(rows) - shown)
    press(review, "Backspace")
    expect(review.locator(".tile")).to_have_count(len(rows) - shown + 1)
    sent(review, shown + 1)
    rows[shown - 1].refresh_from_db()
    assert rows[shown - 1].reviewed_at is None
    press(review, "n")
    sent(review, shown + 2)
    assert said(rows, shown)[-1] == (Verdict.NONE, "")


def test_all_are_worked_through_to_the_end_and_none_comes_twice(review, rows):
    for _ in rows:
        expect(review.locator(CURRENT)).to_have_count(1)
        press(review, "Enter")
    expect(review.locator("#done")).to_be_visible()
    expect(review.locator("#announcer")).to_contain_text("Nothing is left in this order.")
    sent(review, len(rows))
    assert Review.objects.standing().count() == len(rows)
    assert Review.objects.values("image").distinct().count() == len(rows)
    assert not ReviewLock.objects.exists()


def test_arrows_move_in_rows_and_columns(review):
    columns = review.evaluate("getComputedStyle(grid).gridTemplateColumns.split(' ').length", None)
    at = "[...document.querySelectorAll('.tile')].findIndex((t) => t.matches('.current'))"
    for key, place in (
        ("ArrowRight", 1),
        ("ArrowDown", columns + 1),
        ("ArrowLeft", columns),
        ("ArrowUp", 0),
        ("ArrowUp", 0),
        ("ArrowLeft", 0),
    ):
        press(review, key)
        assert review.evaluate(at) == place, key


def test_shift_and_arrows_choose_a_range_that_is_decided_and_undone_at_once(review, rows):
    press(review, "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowLeft")
    expect(review.locator(".tile[aria-selected=true]")).to_have_count(3)
    expect(review.locator("#count")).to_have_text("3 chosen")
    press(review, "6")
    sent(review, 3)
    assert said(rows, 4) == [(Verdict.OTHER, "dog")] * 3 + [("", "")]
    expect(review.locator(CURRENT)).to_have_attribute("aria-label", re.compile("^cat, "))
    press(review, "Backspace")
    sent(review, 6)
    assert not Review.objects.standing().exists()


def test_shift_and_a_click_choose_a_range_and_enter_agrees_with_each(review, rows):
    review.locator(".tile").nth(1).click()
    review.locator(".tile").nth(4).click(modifiers=["Shift"])
    press(review, "Enter")
    sent(review, 4)
    assert said(rows, 6) == [
        ("", ""),
        *((Verdict.AGREE, name) for name in NAMES[1:5]),
        ("", ""),
    ]


def test_all_on_the_page_are_chosen_at_once(review):
    shown = review.locator(".tile").count()
    press(review, "Control+a")
    expect(review.locator(".tile[aria-selected=true]")).to_have_count(shown)
    press(review, "Escape")
    expect(review.locator(".tile[aria-selected=true]")).to_have_count(0)


def test_the_help_opens_and_decides_nothing(review):
    press(review, "?")
    expect(review.get_by_role("dialog")).to_be_visible()
    press(review, "n", "1")
    expect(review.locator(SETTLED)).to_have_count(0)
    press(review, "Escape")
    expect(review.get_by_role("dialog")).to_have_count(0)


def test_what_is_decided_already_can_be_decided_otherwise(review, rows):
    press(review, "Enter", "ArrowLeft", "3")
    sent(review, 2)
    assert said(rows, 1) == [(Verdict.OTHER, "bird")]
    assert Review.objects.count() == 2
    expect(review.locator(".tile").first.locator(".said")).to_have_text("it is: bird")


@pytest.mark.parametrize("key", ["Enter", "1", "n", "s"])
def test_a_key_that_is_held_decides_one(review, rows, key):
    for _ in range(3):
        review.keyboard.down(key)  # all but the first as the keyboard repeats it
    review.keyboard.up(key)
    expect(review.locator(SETTLED)).to_have_count(1)
    sent(review, 1)
    assert Review.objects.count() == 1


def test_an_arrow_that_is_held_goes_on(review):
    for _ in range(2):
        review.keyboard.down("ArrowRight")
    review.keyboard.up("ArrowRight")
    expect(review.locator(".tile").nth(2)).to_be_focused()


# More than ten classes


def test_a_class_without_a_key_is_found_by_its_name(context, live_server, transactional_db):
    many = [{"id": f"kind {n}", "uk": f"вид {n}", "en": f"kind {n}"} for n in range(14)]
    rows = answered(version(many, "b" * 64), ("kind 3", 0.2))
    log_in(context, live_server.url, "ann")
    page = opened(context, live_server.url)
    expect(page.locator("#palette button")).to_have_count(14)
    press(page, "/")
    page.keyboard.type("d 12")
    expect(page.locator("#palette button:visible")).to_have_count(1)
    press(page, "Enter")
    sent(page, 1)
    assert said(rows, 1) == [(Verdict.OTHER, "kind 12")]
    # Where nothing was typed nothing is found.
    press(page, "Backspace", "/")
    expect(page.locator("#find")).to_be_focused()
    press(page, "Enter")
    expect(page.locator(CURRENT)).to_be_focused()
    expect(page.locator(SETTLED)).to_have_count(0)


# Two reviewers


def test_two_reviewers_at_once_see_no_image_twice(browser, live_server, rows):
    pages = []
    for name in ("ann", "ben"):
        context = browser.new_context(viewport={"width": 700, "height": 600})
        log_in(context, live_server.url, name)
        pages.append(opened(context, live_server.url))
        expect(pages[-1].locator(CURRENT)).to_have_count(1)
    seen = [
        set(page.locator(".tile img").evaluate_all("all => all.map((i) => i.src)"))
        for page in pages
    ]
    assert seen[0] and seen[1] and not seen[0] & seen[1]
    for page in pages:
        page.context.close()


def test_nor_does_one_in_two_tabs(browser, live_server, rows):
    context = browser.new_context(viewport={"width": 700, "height": 600})
    log_in(context, live_server.url, "ann")
    tabs = [opened(context, live_server.url) for _ in range(2)]
    for tab in tabs:
        expect(tab.locator(CURRENT)).to_have_count(1)
    seen = [
        set(tab.locator(".tile img").evaluate_all("all => all.map((i) => i.src)")) for tab in tabs
    ]
    assert seen[0] and seen[1] and not seen[0] & seen[1]
    held = ReviewLock.objects.count()
    tabs[1].goto("about:blank")
    for _ in range(60):
        if ReviewLock.objects.count() < held:
            break
        tabs[0].wait_for_timeout(50)
    pages = ReviewLock.objects.values_list("page", flat=True)
    assert len(set(pages)) == 1 and len(pages) >= len(seen[0])
    context.close()


def test_who_leaves_the_page_frees_its_images(review):
    assert ReviewLock.objects.exists()
    review.goto("about:blank")
    for _ in range(60):
        if not ReviewLock.objects.exists():
            return
        review.wait_for_timeout(50)
    raise AssertionError("the images are still held")
