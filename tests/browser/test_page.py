"""The page as a person meets it: Chromium, the running service, the real model."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, expect

from tests import make
from tests.browser.uploading import ANSWERED, SOON, answered, cat, photo, send


@pytest.mark.parametrize(
    "confidence, shown", [(0.99951, r">\s99,9\s%"), (1.0, r"100,0\s%"), (0.9994, r"99,9\s%")]
)
def test_what_is_not_quite_sure_is_never_rounded_up_to_certainty(home, confidence, shown):
    def as_sure(route):
        response = route.fetch()
        told = response.json()
        for row in told["results"]:
            if row["result"]:
                row["result"]["confidence"] = row["result"]["top"][0]["confidence"] = confidence
        route.fulfill(response=response, json=told)

    home.route("**/api/v1/predictions?*", as_sure)
    send(home, photo("cat.jpg", cat()))
    answered(home)
    card = home.locator(".card").first
    expect(card.locator("h3").first).to_have_text(re.compile(rf"^\s*кіт\s+{shown}\s*$"))
    expect(card.locator(".bars .share").first).to_have_text(re.compile(rf"^{shown}$"))


def test_a_photo_is_shown_at_once_and_then_answered_without_a_reload(home, complaints):
    home.evaluate("document.body.dataset.mark = 'same page'")
    held = []
    home.route("**/api/v1/predictions", lambda route: held.append(route))
    send(home, photo("dog.jpg", cat()))
    card = home.locator(".card").first
    expect(card.locator("img")).to_have_attribute("src", re.compile("^blob:"))
    while not held:
        home.wait_for_timeout(10)
    held.pop().continue_()
    answered(home)
    expect(card.locator("h3").first).to_contain_text(re.compile(r"кіт\s+(>\s)?99,\d\s%"))
    expect(card.locator(".bars li")).to_have_count(3)
    expect(home.locator("#announcer")).to_contain_text("dog.jpg: ")
    assert home.evaluate("document.body.dataset.mark") == "same page"
    assert complaints == []


def test_the_answer_is_in_the_history_after_a_reload_once(home):
    send(home, photo("first.jpg"))
    answered(home)
    label = home.locator(ANSWERED).locator("[data-field=label]").inner_text()
    home.reload()
    expect(home.locator(".card")).to_have_count(1)
    expect(home.locator("[data-field=label]").first).to_have_text(label, ignore_case=True)


def test_many_photos_of_a_new_visitor_all_end_up_in_one_history(home):
    send(home, *[photo(f"{n}.jpg", make.noise_jpeg(n, side=100)) for n in range(7)])
    answered(home, 7)
    home.reload()
    expect(home.locator(".card")).to_have_count(7)
    names = home.locator("[data-field=name]").all_inner_texts()
    assert sorted(names) == [f"{n}.jpg" for n in range(7)]


def test_an_answer_that_was_canceled_meanwhile_says_so_without_a_reload(home):
    def canceled(route):
        response = route.fetch()
        told = response.json()
        for row in told["results"]:
            row.update(status="canceled", result=None, error=None)
        route.fulfill(response=response, json=told)

    home.route("**/api/v1/predictions?*", canceled)
    send(home, photo())
    card = home.locator(".card").first
    expect(card.locator("[data-field=state]")).to_have_text("Скасовано, відповіді не було.")
    expect(home.locator("#announcer")).to_contain_text("photo.jpg: Скасовано")


def test_all_that_is_pending_is_polled_for_in_one_request(home):
    polls = []
    home.on("request", lambda r: polls.append(r.url) if "?page_size" in r.url else None)
    send(home, *[photo(f"{n}.jpg") for n in range(4)])
    answered(home, 4)
    count = len(polls)
    home.wait_for_timeout(1500)
    assert 1 <= count == len(polls), "polling goes on after all is answered"


def test_nobody_is_asked_while_the_tab_is_hidden(home):
    asked = []
    home.on("request", lambda r: asked.append(r.url) if "?page_size" in r.url else None)
    home.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})"
    )
    send(home, photo())
    expect(home.locator(".card[data-id]")).to_have_count(1)
    home.wait_for_timeout(1000)
    assert asked == []
    home.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    answered(home)


def test_a_lost_connection_is_told_and_polling_goes_on(home):
    home.route("**/api/v1/predictions?*", lambda route: route.abort())
    send(home, photo())
    expect(home.locator("#banner")).to_have_text("Немає зв'язку. Пробуємо знову.")
    home.unroute("**/api/v1/predictions?*")
    answered(home)
    expect(home.locator("#banner")).to_be_hidden()


def test_older_pictures_are_loaded_in_place(home, page, service):
    send(home, *[photo(f"{n}.jpg", make.noise_jpeg(n, side=40)) for n in range(26)])
    answered(home, 26)
    home.reload()
    expect(home.locator(".card")).to_have_count(24)
    home.get_by_role("link", name="Показати ще").click()
    expect(home.locator(".card")).to_have_count(26)
    expect(home.locator("#more")).to_have_count(0)
    assert home.url.rstrip("/") == service.url


def test_what_could_not_be_loaded_can_be_asked_for_again_by_whoever_stays(home):
    send(home, *[photo(f"{n}.jpg", make.noise_jpeg(n, side=40)) for n in range(25)])
    answered(home, 25)
    home.reload()
    older = home.get_by_role("link", name="Показати ще")
    home.route("**/?before=*", lambda route: route.abort())
    home.route("**/api/v1/predictions", lambda route: route.abort())
    send(home, photo("unsent.jpg"))
    expect(home.locator("#banner")).to_be_visible()
    home.once("dialog", lambda asked: asked.dismiss())  # by whom the page is not left
    older.click()
    expect(older).not_to_have_attribute("aria-busy", "true")
    home.unroute("**/?before=*")
    older.click()
    expect(home.locator(".card")).to_have_count(26)


def test_of_very_many_that_wait_the_newest_are_asked_for_too(home):
    """A photo that is sent while a batch waits is answered first."""
    home.route("**/api/v1/predictions?*", lambda route: route.fulfill(status=503))
    send(home, photo())
    expect(home.locator(".card[data-id]")).to_have_count(1)
    newest = home.locator(".card[data-id]").get_attribute("data-id")
    ids = home.evaluate(
        """() => [...Array(120)].map(() => {
            const older = document.querySelector(".card[data-id]").cloneNode(true);
            older.dataset.id = crypto.randomUUID();
            document.querySelector("#cards").append(older);
            return older.dataset.id;
        })"""
    )
    with home.expect_request("**/api/v1/predictions?*") as polled:
        home.evaluate("dispatchEvent(new Event('online'))")
    asked = parse_qs(urlsplit(polled.value.url).query)["id"][0].split(",")
    assert len(asked) == 100
    assert asked[0] == newest and asked[-1] == ids[-1]


def test_the_longest_name_of_a_class_is_read_to_its_end(home):
    """A class is called as its folder is."""
    send(home, photo())
    answered(home)
    home.locator(".picture").first.click()
    home.wait_for_url("**/predictions/*/")  # and until it is loaded
    for width in (1280, 320):
        home.set_viewport_size({"width": width, "height": 640})
        fits = home.evaluate(
            """() => {
                const heading = document.querySelector("h1");
                heading.firstElementChild.textContent = "American_Staffordshire_terrier";
                const room = heading.closest(".card").getBoundingClientRect();
                const text = document.createRange();
                text.selectNodeContents(heading);
                return text.getBoundingClientRect().right <= room.right;
            }"""
        )
        assert fits, f"it is cut off at {width} pixels"


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_frame_is_reached_and_opened_by_keyboard(home, key):
    with home.expect_file_chooser() as chooser:
        while home.evaluate("document.activeElement.id") != "files":
            home.keyboard.press("Tab")
        home.keyboard.press(key)
    assert chooser.value.is_multiple()


def test_the_language_is_switched_and_stays(home):
    home.get_by_role("button", name=re.compile("EN")).click()
    expect(home.locator("h1")).to_have_text("What is in the picture?")
    home.goto(home.url + "model/")
    expect(home.locator("h1")).to_have_text("The model")


def test_without_javascript_the_form_posts_and_the_page_refreshes_until_the_answer(
    browser, service
):
    context = browser.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    page.goto(service.url)
    page.set_input_files("#files", [photo("plain.jpg"), photo("bad.jpg", b"no")])
    page.get_by_role("button", name="Classify").click()
    expect(page.get_by_role("alert")).to_contain_text("bad.jpg: Not a JPEG")
    expect(page.locator(ANSWERED)).to_have_count(1, timeout=SOON)
    expect(page.locator(".bars li")).to_have_count(3)
    context.close()


@pytest.mark.parametrize("path", ["/", "/model/", "/login/", "/nothing/"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_accessibility_fault_that_axe_knows(browser, service, path, scheme):
    context = browser.new_context(color_scheme=scheme, locale="uk-UA", bypass_csp=True)
    page = context.new_page()
    page.goto(service.url + path)
    if path == "/":
        send(page, photo(), photo("bad.jpg", b"no"))
        answered(page)
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()
    context.close()


@pytest.mark.parametrize("path", ["/", "/model/", "/login/"])
def test_nothing_scrolls_sideways_on_a_narrow_phone(browser, service, path):
    context: BrowserContext = browser.new_context(viewport={"width": 320, "height": 640})
    page = context.new_page()
    page.goto(service.url + path)
    if path == "/":
        send(page, photo("a-very-long-name-" * 9 + ".jpg"))
        answered(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()


def test_the_policy_forbids_nothing_that_the_pages_need(page, service, complaints):
    for path in ("/", "/model/", "/login/", "/api/", "/admin/login/"):
        page.goto(service.url + path, wait_until="networkidle")
    assert complaints == []
