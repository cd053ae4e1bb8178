"""The pages from which Kadr is run, as staff use them: Chromium in front of Django."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from classifier.models import Image, Prediction, Trial, Worker, WorkQueue
from classifier.promotion import figures, trials
from tests import make, models
from tests.browser.impatience import impatient

pytestmark = [pytest.mark.django_db(transaction=True)]
SYSTEM = "/admin/classifier/workqueue/"
SPEED = {"p50_ms": 10.0, "p95_ms": 12.0, "per_second": 100.0}


@pytest.fixture(autouse=True)
def prepared(monkeypatch, bell_rings):
    # Playwright's own event loop runs in this thread; the queries here wait for nobody.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture
def browser_context_args(browser_context_args):
    return {**browser_context_args, "locale": "en-US", "viewport": {"width": 1280, "height": 900}}


@pytest.fixture
def chief(context: BrowserContext, live_server, transactional_db) -> Page:
    client = Client()
    client.force_login(make.user("chief", is_staff=True, is_superuser=True))
    name = django_settings.SESSION_COOKIE_NAME
    cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
    context.add_cookies([cookie])
    return context.new_page()


@pytest.fixture
def trial(tmp_path, settings, transactional_db) -> Trial:
    """One past a limit, with two pictures on which the models disagree."""
    models.same(models.places(tmp_path / "models", settings))
    for seed in (1, 2):
        make.answer(Prediction.objects.ask(make.image(content=make.noise_jpeg(seed))))
    begun = trials.begin_gate("same")
    trials.prepare(begun)
    for row in begun.answers.all():
        row.write(active_label="dog", active_confidence=0.7, label="cat", confidence=0.9)
    report = figures.report(figures.pairs_of(begun))
    past = [{"name": "REVIEWED", "value": 0, "limit": 50}]
    report |= {"speed": {"active": SPEED, "candidate": SPEED}, "past": past}
    Trial.objects.filter(pk=begun.pk).update(
        status="refused", report=report, finished_at=begun.created_at
    )
    return begun


def queue_row(page: Page, name: str):
    return page.locator(f"#queue-{name}")


def without_faults(page: Page, part: str = "#live") -> None:
    found = Axe().run(page, context=part)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("answer", ["none", "another page"])
def test_what_could_not_be_fetched_anew_says_since_when_it_is_old(chief, live_server, answer):
    """Without the service, and once the session has ended, when the page to log in answers."""
    chief.clock.install()
    chief.goto(live_server.url + SYSTEM)
    if answer == "none":
        chief.route("**" + SYSTEM, lambda route: route.abort())
    else:
        chief.route("**" + SYSTEM, lambda route: route.fulfill(body="<h1>Log in</h1>"))
    expect(chief.locator("#stale")).to_be_hidden()
    chief.clock.run_for(6000)
    expect(chief.locator("#stale")).to_contain_text("Not updated since")
    chief.unroute("**" + SYSTEM)
    chief.clock.run_for(6000)
    expect(chief.locator("#stale")).to_be_hidden()


def test_what_hangs_says_since_when_the_page_is_old(chief, live_server):
    chief.goto(live_server.url + SYSTEM)
    impatient(chief)
    chief.route("**" + SYSTEM, lambda _route: None)
    expect(chief.locator("#stale")).to_contain_text("Not updated since", timeout=15_000)


def test_what_the_focus_holds_back_for_long_says_so_and_goes_on_without_it(chief, live_server):
    chief.clock.install()
    chief.goto(live_server.url + SYSTEM)
    stale, state = chief.locator("#stale"), queue_row(chief, "batch").locator(".state")
    button = queue_row(chief, "batch").get_by_role("button", name="Pause")
    button.focus()
    WorkQueue.objects.change("batch", "draining")
    chief.clock.run_for(6_000)  # the clock goes on by itself too
    expect(stale).to_be_hidden()
    chief.clock.run_for(15_000)
    expect(stale).to_contain_text("Updates wait while a button or a link below has the focus.")
    expect(state).to_have_text("open")
    button.blur()
    chief.clock.run_for(6000)
    expect(state).to_have_text("draining")
    expect(stale).to_be_hidden()


def test_who_comes_back_to_the_page_sees_at_once_how_things_are(chief, live_server):
    chief.clock.install()
    chief.goto(live_server.url + SYSTEM)
    state = queue_row(chief, "batch").locator(".state")
    chief.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})"
    )
    WorkQueue.objects.change("batch", "draining")
    chief.clock.run_for(20_000)
    expect(state).to_have_text("open")
    chief.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(state).to_have_text("draining")


def test_paused_updates_wait_until_they_are_resumed_and_the_tab_remembers(chief, live_server):
    chief.clock.install()
    chief.goto(live_server.url + SYSTEM)
    state, told = (
        queue_row(chief, "batch").locator(".state"),
        chief.locator("#updates [role=status]"),
    )
    expect(told).to_have_text("This page updates itself.")
    chief.get_by_role("button", name="Pause updates").click()
    expect(told).to_contain_text("Updates are paused.")
    WorkQueue.objects.change("batch", "draining")
    chief.clock.run_for(20_000)
    expect(state).to_have_text("open")
    chief.reload()
    expect(state).to_have_text("draining")
    WorkQueue.objects.change("batch", "open")
    chief.clock.run_for(20_000)
    expect(state).to_have_text("draining")
    expect(told).to_contain_text("Updates are paused.")
    chief.get_by_role("button", name="Resume updates").click()
    expect(state).to_have_text("open")
    expect(told).to_have_text("This page updates itself.")
    WorkQueue.objects.change("batch", "paused")
    chief.clock.run_for(6000)
    expect(state).to_have_text("paused")


def test_what_was_on_its_way_when_updates_were_paused_is_not_shown(chief, live_server):
    held = []
    chief.clock.install()
    chief.goto(live_server.url + SYSTEM)
    chief.route("**" + SYSTEM, lambda route: held.append(route))
    WorkQueue.objects.change("batch", "draining")
    chief.clock.run_for(6000)
    while not held:
        chief.wait_for_timeout(10)
    chief.get_by_role("button", name="Pause updates").click()
    with chief.expect_response("**" + SYSTEM) as answered:
        held.pop().continue_()
    answered.value.finished()
    chief.wait_for_timeout(200)
    expect(queue_row(chief, "batch").locator(".state")).to_have_text("open")


def test_a_page_on_which_nothing_changes_any_more_has_nothing_to_pause(chief, live_server, trial):
    address = f"{live_server.url}/admin/classifier/trial/{trial.pk}/change/"
    chief.goto(address)
    expect(chief.locator("#updates")).to_be_hidden()
    Trial.objects.filter(pk=trial.pk).update(status="running", finished_at=None)
    chief.goto(address)
    expect(chief.get_by_role("button", name="Pause updates")).to_be_visible()
    Trial.objects.filter(pk=trial.pk).update(status="refused", finished_at=trial.created_at)
    expect(chief.locator("#updates")).to_be_hidden(timeout=15_000)


def test_a_wide_table_stays_where_it_was_scrolled_to(chief, live_server, transactional_db):
    Worker.objects.beat("host:1", host="host", device="CPU", model=make.model_version(), rate=12.5)
    chief.set_viewport_size({"width": 375, "height": 700})
    chief.goto(live_server.url + SYSTEM)
    chief.evaluate("document.querySelectorAll('#live .module')[1].scrollLeft = 60")
    chief.evaluate("document.getElementById('live').dataset.mark = 'old'")
    expect(chief.locator("#live[data-mark]")).to_have_count(0, timeout=15_000)
    assert chief.evaluate("document.querySelectorAll('#live .module')[1].scrollLeft") == 60


def test_a_queue_is_paused_and_opened_with_one_click_each(chief, live_server, complaints):
    make.prediction()
    chief.goto(live_server.url + SYSTEM)
    row = queue_row(chief, "interactive")
    row.get_by_role("button", name="Pause").click()
    expect(row.locator(".state")).to_have_text("paused")
    assert Prediction.objects.claim(1, worker="w") == []
    row.get_by_role("button", name="Open").click()
    expect(row.locator(".state")).to_have_text("open")
    assert len(Prediction.objects.claim(1, worker="w")) == 1
    assert complaints == []


def test_the_page_follows_what_happens_without_being_loaded_again(chief, live_server):
    chief.goto(live_server.url + SYSTEM)
    chief.evaluate("window.same = true")
    WorkQueue.objects.change("batch", "draining")
    expect(queue_row(chief, "batch").locator(".state")).to_have_text("draining", timeout=20_000)
    assert chief.evaluate("window.same")
    queue_row(chief, "batch").get_by_role("button", name="Open").click()  # with a token that counts
    expect(queue_row(chief, "batch").locator(".state")).to_have_text("open")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_system_page_has_no_fault_that_axe_finds(chief, live_server, scheme):
    Worker.objects.beat("host:1", host="host", device="CPU", model=make.model_version(), rate=12.5)
    WorkQueue.objects.change("batch", "paused")
    chief.emulate_media(color_scheme=scheme)
    chief.goto(live_server.url + SYSTEM)
    without_faults(chief)
    without_faults(chief, "#updates")
    chief.get_by_role("button", name="Pause updates").click()
    without_faults(chief, "#updates")


def test_a_trial_past_a_limit_is_promoted_for_a_reason(chief, live_server, trial, complaints):
    chief.goto(f"{live_server.url}/admin/classifier/trial/{trial.pk}/change/")
    without_faults(chief)
    expect(chief.locator(".flips img")).to_have_count(2)
    promote = chief.get_by_role("button", name="Promote past the limits")
    promote.click()
    expect(promote).to_be_visible()  # the browser wants the reason
    chief.get_by_label("Why it is to serve").fill("the night shift needs it")
    promote.click()
    back = chief.get_by_role("button", name=re.compile(f"Go back to {models.NAME}"))
    expect(back).to_be_visible()
    expect(chief.locator("#result_list")).to_contain_text("the night shift needs it")
    back.click()
    expect(chief.locator("#result_list")).to_contain_text("back from same")
    assert complaints == []


def test_the_pictures_of_one_change_are_a_click_away(chief, live_server, trial):
    chief.goto(f"{live_server.url}/admin/classifier/trial/{trial.pk}/change/")
    chief.get_by_role("cell", name="2", exact=True).get_by_role("link").click()
    expect(chief.locator("#flips h2")).to_contain_text("dog → cat")


def test_in_ukrainian_numbers_and_classes_are_as_ukrainian_has_them(chief, live_server, trial):
    language = {"name": django_settings.LANGUAGE_COOKIE_NAME, "value": "uk", "url": live_server.url}
    chief.context.add_cookies([language])
    chief.goto(f"{live_server.url}/admin/classifier/trial/{trial.pk}/change/")
    change = chief.get_by_role("row", name="собака кіт")
    expect(change.get_by_role("link")).to_have_attribute(
        "href", "?active_label=dog&label=cat#flips"
    )
    expect(chief.locator("#flips")).to_contain_text("→ кіт 90,0\u00a0%")
    expect(chief.get_by_role("row", name="мілісекунд")).to_have_count(2)
    expect(chief.get_by_role("row", name="мілісекунд").first).to_contain_text("10,0")
    change.get_by_role("link").click()
    expect(chief.locator("#flips h2")).to_contain_text("собака → кіт")
    chief.goto(live_server.url + SYSTEM)
    expect(chief.locator(".parts")).to_contain_text(re.compile(r"\d,\d ГБ з [\d\u00a0]+,\d ГБ"))
    expect(chief.locator(".parts")).to_contain_text(re.compile(r"\d,\d мс"))


def test_a_deletion_is_undone_with_one_click(chief, live_server, complaints):
    make.answered()
    chief.goto(live_server.url + "/admin/classifier/prediction/")
    chief.locator("input.action-select").check()
    chief.locator("select[name=action]").select_option("trash")
    chief.get_by_role("button", name="Go", exact=True).click()
    expect(chief.locator(".messagelist")).to_contain_text("Deleted: 1")
    assert not Image.objects.present().exists()
    chief.get_by_role("button", name="Undo").click()
    expect(chief.locator(".messagelist")).to_contain_text("1 picture is back.")
    assert Image.objects.present().exists()
    assert complaints == []


def test_on_a_narrow_screen_nothing_is_cut_off(chief, live_server, trial):
    chief.set_viewport_size({"width": 390, "height": 800})
    for path in (SYSTEM, f"/admin/classifier/trial/{trial.pk}/change/"):
        chief.goto(live_server.url + path)
        assert chief.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
