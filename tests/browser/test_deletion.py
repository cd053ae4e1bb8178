"""Deleting a picture and bringing it back, and what may come between: Chromium, the running
service, the real model."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Route, expect

from tests import make
from tests.browser.impatience import impatient
from tests.browser.uploading import ANSWERED, SOON, answered, lose_answers, photo, send

POLLS = "**/api/v1/predictions?*"
NOT_DELETED = "Не вдалося видалити. Спробуйте ще раз."
MISSING = (
    "Тут цього вже немає: видалено, або ви ввійшли чи вийшли в іншій вкладці. Оновіть сторінку."
)


def still_waiting(route: Route, gone: list[object]) -> None:
    """Tells of all that was asked for that it waits, or, once it is gone, nothing."""
    asked = parse_qs(urlsplit(route.request.url).query).get("id", [])
    rows = [] if gone else [{"id": identifier, "status": "queued"} for identifier in asked]
    route.fulfill(json={"results": rows})


def test_a_deleted_picture_can_be_brought_back(home, complaints):
    send(home, photo())
    answered(home)
    label = home.locator("[data-field=label]").first.inner_text()
    home.get_by_role("button", name="Видалити photo.jpg").click()
    expect(home.locator(".card.gone")).to_contain_text("photo.jpg")
    expect(home.locator(ANSWERED)).to_have_count(0)
    home.get_by_role("button", name="Повернути").press("Enter")
    answered(home)
    expect(home.locator(".card.gone")).to_have_count(0)
    home.reload()
    expect(home.locator("[data-field=label]").first).to_have_text(label, ignore_case=True)
    home.locator(".picture").first.click()
    home.get_by_role("button", name="Видалити").click()
    home.get_by_role("button", name="Повернути").click()
    expect(home.locator("h1")).to_contain_text(re.compile(label, re.IGNORECASE))
    home.get_by_role("button", name="Видалити").click()
    expect(home.locator(".card.gone")).to_be_visible()
    home.goto("/".join(home.url.split("/")[:3]))
    expect(home.locator("#empty")).to_be_visible()
    assert complaints == []


def test_without_a_trash_a_picture_is_deleted_once_that_is_confirmed(page, service):
    def no_trash(route):
        answer = route.fetch()
        route.fulfill(
            response=answer, body=answer.text().replace('"undoable": true', '"undoable": false')
        )

    page.route(service.url + "/", no_trash)
    page.goto(service.url)
    home = page
    send(home, photo())
    answered(home)
    home.get_by_role("button", name="Видалити photo.jpg").click()
    home.get_by_role("button", name="Залишити").click()
    expect(home.locator(".card")).to_have_count(1)
    home.get_by_role("button", name="Видалити photo.jpg").click()
    home.get_by_role("dialog").get_by_role("button", name="Видалити").click()
    expect(home.locator(".card")).to_have_count(0)
    home.reload()
    expect(home.locator(".card")).to_have_count(0)
    expect(home.locator("#empty")).to_be_visible()


def test_a_picture_that_is_deleted_while_it_waits_can_be_brought_back(home):
    """A poll that is served after the deletion no longer tells of it."""
    gone = []
    home.route(POLLS, lambda route: still_waiting(route, gone))
    send(home, photo())
    card = home.locator(".card[data-id]")
    expect(card).to_have_count(1)
    identifier = card.get_attribute("data-id")

    def delete(route):
        gone.append(route)
        home.wait_for_timeout(2500)
        route.continue_()

    home.route(f"**/api/v1/predictions/{identifier}", delete)
    home.get_by_role("button", name="Видалити photo.jpg").click()
    undo = home.get_by_role("button", name="Повернути")
    expect(undo).to_be_focused(timeout=SOON)
    home.unroute(POLLS)
    undo.click()
    answered(home)


def test_what_could_not_be_deleted_is_not_called_deleted(home):
    """Somebody has logged out in another tab, say: the picture is not this session's any more."""
    send(home, photo())
    answered(home)
    home.context.clear_cookies(name="sessionid")
    home.get_by_role("button", name="Видалити photo.jpg").click()
    expect(home.locator("#banner")).to_have_text(MISSING)
    answered(home)
    expect(home.locator("#announcer")).not_to_contain_text("Видалено")


def test_photos_that_wait_while_somebody_logs_out_in_another_tab_are_still_there(home):
    home.route(POLLS, lambda route: still_waiting(route, []))
    send(home, photo())
    expect(home.locator(".card[data-id]")).to_have_count(1)
    session = [c for c in home.context.cookies() if c["name"] == "sessionid"]
    home.context.clear_cookies(name="sessionid")
    home.unroute(POLLS)
    expect(home.locator("#banner")).to_have_text(MISSING)
    expect(home.locator(".card [data-field=state]")).to_have_text(MISSING)
    home.context.add_cookies(session)
    home.evaluate("dispatchEvent(new Event('online'))")  # or a few seconds more
    answered(home)
    expect(home.locator("#banner")).to_be_hidden()


def test_that_it_could_not_be_deleted_is_told_each_time_and_not_for_ever(home):
    send(home, photo())
    answered(home)
    home.clock.install()
    home.route("**/api/v1/predictions/*", lambda route: route.abort())
    told = home.locator("#announcer p", has_text=NOT_DELETED)
    for n in (1, 2):
        home.get_by_role("button", name="Видалити photo.jpg").click()
        expect(told).to_have_count(n)
    expect(home.locator("#banner")).to_have_text(NOT_DELETED)
    home.clock.run_for(21_000)
    expect(home.locator("#banner")).to_be_hidden()


def test_a_deletion_that_hangs_counts_as_one_that_failed(home):
    send(home, photo())
    answered(home)
    impatient(home)
    home.route("**/api/v1/predictions/*", lambda _route: None)
    home.get_by_role("button", name="Видалити photo.jpg").click()
    expect(home.locator("#banner")).to_have_text(NOT_DELETED)


def test_one_that_waits_and_could_not_be_deleted_is_answered_all_the_same(home):
    home.route(POLLS, lambda route: still_waiting(route, []))
    send(home, photo())
    card = home.locator(".card[data-id]")
    expect(card).to_have_count(1)

    def fail(route):
        home.wait_for_timeout(2500)  # longer than from one poll to the next
        route.abort()

    home.route(f"**/api/v1/predictions/{card.get_attribute('data-id')}", fail)
    home.get_by_role("button", name="Видалити photo.jpg").click()
    expect(home.locator("#banner")).to_have_text(NOT_DELETED, timeout=SOON)
    home.unroute(POLLS)
    answered(home)


def test_once_nothing_waits_no_connection_is_said_to_be_tried(home):
    home.route(POLLS, lambda route: route.abort())
    send(home, photo())
    expect(home.locator("#banner")).to_have_text("Немає зв'язку. Пробуємо знову.")
    home.get_by_role("button", name="Видалити photo.jpg").click()
    expect(home.locator(".card.gone")).to_be_visible()
    expect(home.locator("#banner")).to_be_hidden()


def test_a_picture_is_asked_to_come_back_once_however_often_the_button_is_pressed(home):
    send(home, photo())
    answered(home)
    asked = []

    def slowly(route):
        asked.append(route.request.url)
        home.wait_for_timeout(700)
        route.continue_()

    home.route("**/restore", slowly)
    home.get_by_role("button", name="Видалити photo.jpg").click()
    undo = home.get_by_role("button", name="Повернути")
    undo.press("Enter")
    undo.press("Enter")
    answered(home)
    expect(home.locator("#banner")).to_be_hidden()
    assert len(asked) == 1


def test_one_that_is_back_already_comes_back_when_its_answer_was_lost_on_the_way(home):
    send(home, photo())
    answered(home)
    brought = lose_answers(home, "**/restore")
    home.get_by_role("button", name="Видалити photo.jpg").click()
    undo = home.get_by_role("button", name="Повернути")
    undo.click()
    expect(home.locator("#banner")).to_be_visible()
    home.unroute("**/restore")
    undo.click()
    answered(home)
    expect(home.locator("#banner")).to_be_hidden()
    assert brought == [200]


def test_one_that_was_erased_meanwhile_is_not_said_to_be_back(home):
    send(home, photo())
    answered(home)
    identifier = home.locator(".card").get_attribute("data-id")
    home.get_by_role("button", name="Видалити photo.jpg").click()
    undo = home.get_by_role("button", name="Повернути")
    expect(undo).to_be_visible()
    erase = """path => fetch(path + "?forever=true", {
        method: "DELETE",
        headers: {"X-CSRFToken": document.cookie.match(/csrftoken=([^;]+)/)[1]},
    }).then(response => response.status)"""
    assert home.evaluate(erase, f"/api/v1/predictions/{identifier}") == 204
    undo.click()
    expect(home.locator("#banner")).to_contain_text("Цього вже не повернути")
    expect(home.locator(".card.gone")).to_be_visible()


def test_a_slow_deletion_takes_the_focus_from_nobody_who_has_gone_on(home):
    send(home, photo("a.jpg"), photo("b.jpg", make.noise_jpeg(2, side=300)))
    answered(home, 2)
    first = home.locator(".card").filter(has_text="a.jpg")

    def slowly(route):
        home.wait_for_timeout(700)
        route.continue_()

    home.route(f"**/api/v1/predictions/{first.get_attribute('data-id')}", slowly)
    home.get_by_role("button", name="Видалити a.jpg").press("Enter")
    other = home.get_by_role("button", name="Видалити b.jpg")
    other.focus()
    expect(home.locator(".card.gone")).to_contain_text("a.jpg")
    expect(other).to_be_focused()
