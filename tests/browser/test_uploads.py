"""Photos on their way from the page to the service, and what may happen to them: Chromium, the
running service, the real model."""

import re

from playwright.sync_api import Locator, Page, expect

from tests import make
from tests.browser.uploading import answered, lose_answers, photo, send


def try_again(page: Page) -> None:
    """By the card's button; this time nothing is in the way."""
    again = page.get_by_role("button", name="Спробувати ще раз")
    expect(again).to_be_visible()
    page.unroute("**/api/v1/predictions")
    again.click()


def test_a_bad_file_is_refused_on_its_own_card_and_blocks_nobody(home):
    send(home, photo("bad.jpg", b"<svg/>"), photo("good.jpg"))
    answered(home)
    refusal = home.locator(".card").filter(has_text="bad.jpg")
    expect(refusal.locator("[data-field=problem-title]")).to_have_text("Це не JPEG")
    refusal.get_by_role("button", name="Прибрати").click()
    expect(home.locator(".card")).to_have_count(1)


def test_a_file_over_the_cap_is_refused_before_it_is_sent(home):
    sent = []
    home.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    send(home, photo("huge.jpg", b"\xff\xd8\xff" + b"0" * (20 * 1024 * 1024)))
    expect(home.locator("[data-field=problem-title]").first).to_have_text("Файл завеликий")
    assert sent == []


def test_more_photos_than_the_limit_are_refused_together(home):
    send(home, *[photo(f"{n}.jpg", b"x") for n in range(51)])
    expect(home.get_by_role("alert")).to_contain_text("Забагато зображень за раз")
    expect(home.locator(".card")).to_have_count(0)


def given_up(button: Locator, of: int = 1) -> None:
    """Let time pass until so many photos have been tried as often as they are by themselves."""
    for _attempt in range(100):
        if button.filter(visible=True).count() == of:
            return
        button.page.clock.run_for(11_000)
        button.page.wait_for_timeout(100)
    raise AssertionError("they are tried without end")


def connected_again(page: Page) -> None:
    """As the browser says it, whether or not that is so."""
    page.evaluate("dispatchEvent(new Event('online'))")


def test_a_lost_connection_stops_all_photos_and_they_go_on_by_themselves(home):
    tried = []
    home.route("**/api/v1/predictions", lambda route: (tried.append(route), route.abort()))
    send(home, *[photo(f"{n}.jpg", make.noise_jpeg(n, side=60)) for n in range(6)])
    waiting = home.locator("[data-field=state]", has_text="Немає зв'язку. Пробуємо знову.")
    expect(waiting).to_have_count(6)
    expect(home.locator("#banner")).to_have_text("Немає зв'язку. Пробуємо знову.")
    assert len(tried) == 1
    expect(home.locator("#announcer p")).to_have_count(1)
    home.unroute("**/api/v1/predictions")
    connected_again(home)
    answered(home, 6)
    expect(home.locator("#banner")).to_be_hidden()


def test_without_being_told_of_a_connection_it_is_tried_after_a_while(home):
    home.clock.install()
    home.route("**/api/v1/predictions", lambda route: route.abort())
    send(home, photo())
    expect(home.locator("#banner")).to_be_visible()
    home.unroute("**/api/v1/predictions")
    home.clock.run_for(11_000)
    home.clock.resume()
    answered(home)


def test_what_does_not_get_through_time_and_again_is_tried_again_all_at_once_when_asked(home):
    home.clock.install()
    home.route("**/api/v1/predictions", lambda route: route.abort())
    send(home, photo("one.jpg"), photo("two.jpg", make.noise_jpeg(2, side=60)))
    again = home.get_by_role("button", name="Спробувати ще раз")
    given_up(again, of=2)
    home.clock.resume()
    home.unroute("**/api/v1/predictions")
    again.first.press("Enter")
    assert home.evaluate("document.activeElement.classList.contains('card')")
    answered(home, 2)


def test_a_photo_that_was_dismissed_is_not_sent_after_all(home):
    home.clock.install()
    home.route("**/api/v1/predictions", lambda route: route.abort())
    send(home, photo())
    dismiss = home.get_by_role("button", name="Прибрати")
    given_up(dismiss)
    dismiss.click()
    expect(home.locator("#banner")).to_be_hidden()
    sent = []
    home.unroute("**/api/v1/predictions")
    home.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    connected_again(home)
    home.clock.run_for(11_000)
    assert sent == []


def test_what_a_proxy_answers_is_not_called_a_lost_connection(home):
    home.route(
        "**/api/v1/predictions", lambda route: route.fulfill(status=413, body="<h1>413</h1>")
    )
    send(home, photo())
    expect(home.locator("[data-field=problem-title]").first).to_have_text("Файл завеликий")
    expect(home.locator("#banner")).to_be_hidden()
    try_again(home)
    answered(home)


def test_too_many_requests_wait_for_as_long_as_they_are_told(home):
    told = {"title": "Too many", "code": "RATE_LIMITED"}
    headers = {"Retry-After": "1"}
    home.route(
        "**/api/v1/predictions",
        lambda route: route.fulfill(status=429, json=told, headers=headers),
        times=1,
    )
    send(home, photo())
    expect(home.locator("#banner")).to_have_text(
        "Забагато запитів водночас. Надсилання піде далі саме, через 1 с."
    )
    answered(home)
    expect(home.locator("#banner")).to_be_hidden()


def test_polling_too_often_is_not_called_a_lost_connection(home):
    home.route(
        "**/api/v1/predictions?*",
        lambda route: route.fulfill(status=429, json={}, headers={"Retry-After": "1"}),
        times=1,
    )
    send(home, photo())
    answered(home)
    expect(home.locator("#announcer")).not_to_contain_text("Немає зв'язку")


def test_a_file_that_cannot_be_read_any_more_does_not_blame_the_connection(home):
    home.evaluate("File.prototype.slice = () => ({ arrayBuffer: () => Promise.reject() })")
    home.route("**/api/v1/predictions", lambda route: route.abort())
    send(home, photo())
    expect(home.locator("[data-field=problem-title]").first).to_have_text(
        "Файл більше не читається"
    )
    expect(home.locator("#banner")).to_be_hidden()


def test_leaving_the_page_is_asked_about_while_photos_are_unsent(home):
    asked = []
    home.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    home.route("**/api/v1/predictions", lambda route: route.abort())
    home.locator("h1").click()  # who does nothing is not asked
    send(home, photo())
    expect(home.locator("#banner")).to_be_visible()
    home.evaluate("location.assign('/model/')")
    home.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    home.unroute("**/api/v1/predictions")
    connected_again(home)
    answered(home)
    home.goto(home.url + "model/")
    assert asked == ["beforeunload"]


def test_a_folder_is_refused_by_name_and_the_photo_beside_it_is_taken(home):
    home.evaluate(
        """bytes => {
            const transfer = new DataTransfer();
            const type = "image/jpeg";
            transfer.items.add(new File([new Uint8Array(bytes)], "beside.jpg", { type }));
            transfer.items.add(new File([], "folder"));
            DataTransferItem.prototype.webkitGetAsEntry = function () {
                return { isDirectory: this.type === "" };
            };
            dispatchEvent(new DragEvent("drop", { dataTransfer: transfer }));
        }""",
        list(make.noise_jpeg(2, side=60)),
    )
    expect(home.get_by_role("alert")).to_contain_text("Теку надіслати не можна")
    answered(home)
    expect(home.locator(".card")).to_have_count(1)


def test_a_log_in_in_another_tab_leaves_this_one_able_to_send(home, service):
    send(home, photo("first.jpg"))
    answered(home)
    user = "User.objects.create_user('ann', password='correct horse battery')"
    service.manage("shell", "-c", f"from django.contrib.auth.models import User; {user}")
    other = home.context.new_page()
    other.goto(service.url + "/login/")
    other.get_by_label("Ім'я").fill("ann")
    other.get_by_label("Пароль").fill("correct horse battery")
    other.get_by_role("button", name="Увійти").click()
    expect(other).not_to_have_url(re.compile("login"))
    send(home, photo("second.jpg", make.noise_jpeg(2, side=60)))
    answered(home, 2)


def test_a_photo_whose_answer_was_lost_on_the_way_is_not_kept_twice(home):
    send(home, photo("first.jpg"))  # with whose answer the visitor's cookie comes
    answered(home)
    kept = lose_answers(home, "**/api/v1/predictions")
    send(home, photo("second.jpg", make.noise_jpeg(2, side=100)))
    expect(home.locator("#banner")).to_be_visible()
    home.unroute("**/api/v1/predictions")
    connected_again(home)
    answered(home, 2)
    home.reload()
    assert kept == [202]
    names = home.locator("[data-field=name]").all_inner_texts()
    assert sorted(names) == ["first.jpg", "second.jpg"]


def test_a_photo_whose_first_try_is_still_under_way_can_be_tried_again(home):
    told = {"title": "Under way", "code": "IDEMPOTENCY_IN_FLIGHT"}
    home.route("**/api/v1/predictions", lambda route: route.fulfill(status=409, json=told))
    send(home, photo())
    try_again(home)
    answered(home)


def test_a_dropped_file_is_taken_anywhere_on_the_page(home):
    transfer = home.evaluate_handle(
        """bytes => {
            const transfer = new DataTransfer();
            const type = "image/jpeg";
            transfer.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", { type }));
            return transfer;
        }""",
        list(make.noise_jpeg(2, side=60)),
    )
    home.dispatch_event("footer", "dragenter", {"dataTransfer": transfer})
    expect(home.locator("body")).to_have_class(re.compile("dragging"))
    home.dispatch_event("footer", "drop", {"dataTransfer": transfer})
    expect(home.locator("body")).not_to_have_class(re.compile("dragging"))
    answered(home)
