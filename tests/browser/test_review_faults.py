"""What goes wrong while somebody reviews: no connection, images that are gone, decisions that are
refused."""

import pytest
from playwright.sync_api import expect

from classifier.models import Review, Verdict
from tests.browser.impatience import impatient
from tests.browser.reviewing import (
    CURRENT,
    SETTLED,
    log_in,
    opened,
    press,
    said,
    sent,
)
from tests.browser.reviewing import browser_context_args as browser_context_args
from tests.browser.reviewing import prepared as prepared
from tests.browser.reviewing import review as review
from tests.browser.reviewing import rows as rows

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_what_is_decided_without_a_connection_is_sent_when_it_is_back(review, rows):
    review.route("**/admin/review/words", lambda route: route.abort())
    press(review, "Enter", "5")
    expect(review.locator("#banner")).to_contain_text("No connection")
    assert not Review.objects.exists()
    review.unroute("**/admin/review/words")
    sent(review, 2)
    assert said(rows, 2) == [(Verdict.AGREE, "airplane"), (Verdict.OTHER, "deer")]
    expect(review.locator("#banner")).to_be_hidden()


def test_a_decision_whose_request_hangs_is_sent_again(review, rows):
    impatient(review)
    review.route("**/admin/review/words", lambda _route: None, times=1)
    press(review, "Enter")
    expect(review.locator("#banner")).to_contain_text("No connection")
    sent(review, 1)
    expect(review.locator("#banner")).to_be_hidden()


def test_an_image_that_was_deleted_meanwhile_says_so(review, rows):
    rows[0].image.trash()
    press(review, "Enter", "Enter")
    expect(review.locator("#banner")).to_contain_text("It is gone")
    sent(review, 1)
    assert said(rows, 2) == [("", ""), (Verdict.AGREE, "automobile")]


def test_that_it_is_gone_can_be_read_however_fast_the_next_decision_comes(review, rows):
    rows[0].image.trash()
    press(review, "Enter")
    expect(review.locator("#banner")).to_contain_text("It is gone")
    press(review, "Enter")
    sent(review, 1)
    expect(review.locator("#banner")).to_contain_text("It is gone")


def test_what_is_gone_counts_for_nothing_and_is_not_undone(review, rows):
    rows[1].image.trash()
    press(review, "Enter", "Enter")
    expect(review.locator("#banner")).to_contain_text("It is gone")
    expect(review.locator("#count")).to_have_text("decided: 1")
    press(review, "Backspace", "Backspace")
    expect(review.locator("#announcer")).to_contain_text("There is nothing to undo.")
    expect(review.locator("#count")).to_have_text("")
    expect(review.locator(".tile").nth(0).locator(".said")).to_be_hidden()
    expect(review.locator(".tile").nth(1).locator(".said")).to_contain_text("It is gone")
    sent(review, 2)
    assert not Review.objects.standing().exists()


def test_of_several_decided_at_once_only_what_was_written_down_is_undone(review, rows):
    rows[1].image.trash()
    press(review, "Shift+ArrowRight", "Shift+ArrowRight", "n")
    expect(review.locator("#banner")).to_contain_text("It is gone")
    expect(review.locator("#count")).to_have_text("decided: 2")
    press(review, "Backspace")
    expect(review.locator("#count")).to_have_text("")
    expect(review.locator(SETTLED)).to_have_count(1)
    expect(review.locator(".tile").nth(1).locator(".said")).to_contain_text("It is gone")


def test_what_is_undone_before_it_is_found_to_be_gone_is_counted_off_once(review, rows):
    rows[0].image.trash()
    held = []
    review.route("**/admin/review/words", lambda route: held.append(route))
    press(review, "Enter", "Backspace")
    expect(review.locator("#count")).to_have_text("")
    for _ in range(500):
        if held:
            break
        review.wait_for_timeout(10)
    held.pop().continue_()
    expect(review.locator(".tile").first.locator(".said")).to_contain_text("It is gone")
    expect(review.locator("#count")).to_have_text("")


def test_what_was_decided_before_stands_where_another_decision_is_refused(review, rows):
    press(review, "Enter")
    sent(review, 1)
    review.route("**/admin/review/words", lambda route: route.fulfill(status=400))
    press(review, "ArrowLeft", "3")
    expect(review.locator("#banner")).to_contain_text("The service refused this")
    first = review.locator(".tile").first.locator(".said")
    expect(first).to_have_text("agreed: airplane")
    expect(review.locator("#count")).to_have_text("decided: 1")
    press(review, "Backspace")
    expect(first).to_be_hidden()
    sent(review, 2)
    assert not Review.objects.standing().exists()


def test_that_a_decision_was_refused_can_be_read_though_the_next_one_is_taken(review, rows):
    refused = iter([True])
    review.route(
        "**/admin/review/words",
        lambda route: route.fulfill(status=400) if next(refused, False) else route.continue_(),
    )
    press(review, "Enter", "Enter")
    sent(review, 1)
    expect(review.locator("#banner")).to_contain_text("The service refused this")
    assert said(rows, 2) == [("", ""), (Verdict.AGREE, "automobile")]


def test_who_was_away_gives_the_images_back_and_goes_on(context, live_server, rows, settings):
    settings.REVIEW_LOCK_SECONDS = 1
    log_in(context, live_server.url, "ann")
    page = opened(context, live_server.url)
    expect(page.locator("#paused")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(0)
    settings.REVIEW_LOCK_SECONDS = 300
    press(page, "Enter")
    expect(page.locator(CURRENT)).to_have_count(1)
    assert not Review.objects.exists(), "the key that woke it decided nothing"


def test_a_key_while_nothing_is_left_does_no_harm(context, live_server, transactional_db):
    log_in(context, live_server.url, "ann")
    page = opened(context, live_server.url)
    expect(page.locator("#done")).to_be_visible()
    press(page, "Enter", "1", "n", "s", "Backspace", "ArrowRight", "Control+a")
    expect(page.locator("#done")).to_be_visible()
