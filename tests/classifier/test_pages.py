"""The pages without JavaScript, in both languages, and who may see what."""

import re
import uuid

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from classifier import history
from classifier.models import Owner, Prediction
from tests import make

pytestmark = pytest.mark.django_db
LANGUAGES = ["uk", "en"]


def post(client: Client, *files, language: str = "uk"):
    return client.post(
        "/", {"image": list(files)}, headers={"Accept-Language": language}, follow=True
    )


def is_ukrainian(text: str) -> bool:
    return any("а" <= letter <= "я" for letter in text.lower())


def main_of(response) -> str:
    """<main>, without scripts and the templates that they fill."""
    (main,) = re.findall(r"<main.*?</main>", response.content.decode(), re.DOTALL)
    return re.sub(r"<(script|template).*?</\1>", " ", main, flags=re.DOTALL)


def main_text(response) -> str:
    """What stands in <main>, without its tags and scripts."""
    return re.sub(r"<[^>]+>", " ", main_of(response))


@pytest.mark.parametrize(
    ("asked", "given"),
    [("uk", "uk"), ("en-GB,en;q=0.9", "en"), ("de", "uk"), ("", "uk"), ("de,en;q=0.5", "en")],
)
def test_the_page_is_ukrainian_unless_the_browser_asks_for_english(client, asked, given):
    page = client.get("/", headers={"Accept-Language": asked}).content.decode()
    assert f'<html lang="{given}">' in page
    assert is_ukrainian(re.search("<h1>(.*?)</h1>", page)[1]) == (given == "uk")


def test_the_language_can_be_switched_without_javascript(client):
    response = client.post(reverse("set_language"), {"language": "en", "next": "/"}, follow=True)
    assert '<html lang="en">' in response.content.decode()


def test_the_page_names_the_classes_of_the_model(client):
    page = client.get("/", headers={"Accept-Language": "uk"}).content.decode()
    for name in ("літак", "собака", "вантажівка"):
        assert f'<span class="chip">{name}</span>' in page


def test_the_form_is_a_native_one_that_takes_several_jpegs(client):
    page = client.get("/").content.decode()
    (field,) = re.findall(r'<input id="files"[^>]*>', page)
    assert 'type="file"' in field and "multiple" in field and 'accept="image/jpeg' in field
    assert 'enctype="multipart/form-data"' in page


def test_a_posted_picture_leads_to_a_page_that_refreshes_itself_until_it_is_answered(client):
    response = post(client, make.upload())
    (row,) = Prediction.objects.all()
    url = f"/results/?id={row.pk}"
    assert response.redirect_chain == [(url, 302)]
    assert 'http-equiv="refresh"' in response.content.decode()
    make.answer(row)
    page = client.get(url, headers={"Accept-Language": "en"}).content.decode()
    assert 'http-equiv="refresh"' not in page
    assert "dog" in page and "70.0%" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_pictures_are_posted_at_once_and_each_tells_its_own_fate(client, language):
    response = post(
        client,
        make.upload(name="good.jpg"),
        make.upload(b"<svg/>", name="bad.jpg"),
        make.upload(b"", name="nothing.jpg"),
        language=language,
    )
    text = main_text(response)
    assert Prediction.objects.count() == 1
    assert "good.jpg" in text
    alert = re.search(r'role="alert">(.*?)</ul>', response.content.decode(), re.DOTALL)[1]
    assert "bad.jpg" in alert and "nothing.jpg" in alert and "good.jpg" not in alert
    assert is_ukrainian(alert) == (language == "uk")


def test_refusals_stay_on_the_page_until_the_others_are_answered(client):
    response = post(client, make.upload(name="good.jpg"), make.upload(b"<svg/>", name="bad.jpg"))
    (url, _status) = response.redirect_chain[-1]
    assert "bad.jpg" in main_text(client.get(url))
    make.answer(Prediction.objects.get())
    assert "bad.jpg" in main_text(client.get(url))
    assert "bad.jpg" not in main_text(client.get(url))


@pytest.mark.parametrize("language", LANGUAGES)
def test_posting_nothing_says_so(client, language):
    text = main_text(post(client, language=language))
    assert ("No picture was sent" in text) == (language == "en")
    assert ("Зображення не надіслано" in text) == (language == "uk")


@pytest.mark.parametrize("language", LANGUAGES)
def test_more_pictures_than_the_limit_are_refused_as_a_page(client, language):
    files = [make.upload() for _ in range(settings.MAX_IMAGES + 1)]
    response = post(client, *files, language=language)
    assert response.status_code == 413
    assert str(settings.MAX_IMAGES) in main_text(response)
    assert is_ukrainian(main_text(response)) == (language == "uk")
    assert not Prediction.objects.exists()


def test_the_limit_itself_is_accepted(client):
    post(client, *[make.upload() for _ in range(settings.MAX_IMAGES)])
    assert Prediction.objects.count() == settings.MAX_IMAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_that_is_not_there_says_so(client, language):
    response = client.get("/nothing/", headers={"Accept-Language": language})
    assert response.status_code == 404
    assert is_ukrainian(main_text(response)) == (language == "uk")


def test_a_form_that_is_out_of_date_says_what_to_do():
    response = Client(enforce_csrf_checks=True).post("/", {"image": make.upload()})
    assert response.status_code == 403
    assert "Оновіть" in main_text(response)


def test_an_upload_over_the_cap_is_refused_by_name(client, settings):
    settings.MAX_IMAGE_BYTES = 1000
    text = main_text(post(client, make.upload(make.noise_jpeg(side=90), name="huge.jpg")))
    assert "huge.jpg" in text


def test_a_name_cannot_bring_markup_into_the_page(client):
    post(client, make.upload(name="<b onload=x>&quot;.jpg"))
    page = client.get("/").content.decode()
    assert "<b onload" not in page and "&lt;b onload" in page


# History


def rows_of(client: Client, n: int) -> list[Prediction]:
    post(client, *[make.upload(name=f"{i}.jpg") for i in range(n)])
    return list(Prediction.objects.order_by("-created_at", "-pk"))


def shown(response) -> list[str]:
    return re.findall(r'data-id="([^"]+)"', response.content.decode())


def test_the_history_is_there_tomorrow_newest_first(client):
    rows = rows_of(client, 3)
    assert shown(client.get("/")) == [str(row.pk) for row in rows]


def test_the_history_is_read_page_by_page_without_gaps_or_repeats(client):
    rows = rows_of(client, 50)
    url, seen, pages = "/", [], 0
    while url:
        page = client.get(url)
        seen += shown(page)
        more = re.search(r'id="more"[^>]*href="([^"]+)"', page.content.decode())
        url, pages = ("/" + more[1] if more else ""), pages + 1
    assert pages == 3
    assert seen == [str(row.pk) for row in rows]


def test_pictures_of_the_same_moment_are_neither_lost_nor_repeated(client):
    rows = rows_of(client, 30)
    Prediction.objects.update(created_at=rows[0].created_at)
    owner = Owner(visitor=rows[0].visitor)
    first, cursor = history.page(owner)
    second, end = history.page(owner, cursor)
    assert len({row.pk for row in first + second}) == 30 and end == ""


@pytest.mark.parametrize(
    "cursor", ["nonsense", "_", "2026-01-01_7", "2026-01-01T00:00:00_" + "0" * 32]
)
def test_a_cursor_that_makes_no_sense_gives_the_first_page(client, cursor):
    rows_of(client, 1)
    assert len(shown(client.get("/", {"before": cursor}))) == 1


def test_the_history_costs_no_query_a_picture(client, django_assert_max_num_queries):
    for row in rows_of(client, 20):
        make.answer(row)
    # the session, the rows, which model serves, what waits
    with django_assert_max_num_queries(4):
        client.get("/")


# Who may see what


@pytest.fixture
def people(alice, bob):
    """Clients by who they are; alice owns the row that `hers` asks for."""
    staff = make.user("staff", is_staff=True)
    clients = {"nobody": Client(), "another visitor": Client()}
    post(clients["another visitor"], make.upload())
    for name, user in {"owner": alice.user, "another user": bob.user, "staff": staff}.items():
        clients[name] = Client()
        clients[name].force_login(user)
    return clients


@pytest.fixture
def hers(alice) -> Prediction:
    return make.answered(alice)


@pytest.mark.parametrize("path", ["/predictions/{p.pk}/", "/images/{p.image_id}.jpg"])
@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("owner", 200),
        ("staff", 200),
        ("nobody", 404),
        ("another user", 404),
        ("another visitor", 404),
    ],
)
def test_results_and_images_are_for_their_owner_and_staff(people, hers, who, path, status):
    assert people[who].get(path.format(p=hers)).status_code == status


@pytest.mark.parametrize(("who", "offered"), [("owner", True), ("staff", False)])
def test_only_its_owner_is_offered_to_delete_a_picture(people, hers, who, offered):
    """Staff may look at it, and delete it in the admin."""
    page = people[who].get(f"/predictions/{hers.pk}/").content.decode()
    (article,) = re.findall(r"<article.*?</article>", page, re.DOTALL)
    assert ('data-action="delete"' in article) == offered


@pytest.mark.parametrize(
    ("language", "told", "moment"),
    [
        ("en", "Canceled before there was an answer.", "One moment"),
        ("uk", "Скасовано, відповіді не було.", "Хвилинку"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/predictions/{pk}/", "/results/?id={pk}"])
def test_what_was_canceled_says_so_and_asks_nobody_to_wait(
    people, alice, path, language, told, moment
):
    row = make.prediction(alice)
    waiting = people["owner"].get(f"/predictions/{row.pk}/", headers={"Accept-Language": language})
    assert moment in main_text(waiting)
    Prediction.objects.filter(pk=row.pk).cancel()
    response = people["owner"].get(path.format(pk=row.pk), headers={"Accept-Language": language})
    (state,) = re.findall(r'<p class="state"[^>]*>[^<]+', main_of(response))
    assert told in state and " hidden" not in state
    assert "Answered" not in main_text(response) and "Відповідь" not in main_text(response)
    assert moment not in main_text(response) and "http-equiv" not in response.content.decode()


def test_what_was_answered_does_not_say_that_it_was_canceled(people, hers):
    for path in ("/", f"/predictions/{hers.pk}/"):
        page = people["owner"].get(path, headers={"Accept-Language": "en"})
        assert "Canceled before" not in main_of(page)


@pytest.mark.parametrize("who", ["nobody", "another user", "another visitor"])
def test_a_list_of_ids_shows_nobody_another_s(people, hers, who):
    assert str(hers.pk) not in shown(people[who].get(f"/results/?id={hers.pk}&id=nonsense"))


@pytest.mark.parametrize("who", ["staff", "another user", "nobody"])
def test_the_history_is_one_s_own_even_for_staff(people, hers, who):
    assert shown(people[who].get("/")) == []


def test_a_visitor_s_picture_is_theirs_only(people):
    row = Prediction.objects.get()
    assert people["another visitor"].get(f"/images/{row.image_id}.jpg").status_code == 200
    assert people["nobody"].get(f"/images/{row.image_id}.jpg").status_code == 404


def test_pictures_sent_by_a_logged_in_user_are_the_user_s_on_any_device(people, alice):
    post(people["owner"], make.upload())
    elsewhere = Client()
    elsewhere.force_login(alice.user)
    assert len(shown(elsewhere.get("/"))) == 1


def test_the_way_in_and_out_works(alice, client):
    page = client.post(
        "/login/", {"username": "alice", "password": "a long password"}, follow=True
    ).content.decode()
    assert reverse("logout") in page
    assert reverse("logout") not in client.post("/logout/", follow=True).content.decode()


def test_a_wrong_password_is_told_in_words(alice, client):
    response = client.post("/login/", {"username": "alice", "password": "wrong"})
    assert "хибні" in main_text(response)


# Images


def test_an_image_can_only_be_shown(client):
    post(client, make.upload())
    row = Prediction.objects.get()
    response = client.get(f"/images/{row.image_id}.jpg")
    assert b"".join(response.streaming_content) == row.image.read_preview()
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "private" in response["Cache-Control"] and "immutable" in response["Cache-Control"]


def test_an_image_that_the_browser_has_is_not_sent_again(client):
    post(client, make.upload())
    url = f"/images/{Prediction.objects.get().image_id}.jpg"
    etag = client.get(url)["ETag"]
    response = client.get(url, headers={"If-None-Match": etag})
    assert response.status_code == 304 and response.content == b""


def test_an_image_whose_file_is_gone_is_not_there(client, media):
    post(client, make.upload())
    image = Prediction.objects.get().image
    (media / image.preview.name).unlink()
    assert client.get(f"/images/{image.pk}.jpg").status_code == 404


def test_the_original_is_served_nowhere(client, media):
    post(client, make.upload(make.jpeg(900, 900)))
    image = Prediction.objects.get().image
    assert client.get(f"/images/{image.original.name}").status_code == 404
    assert client.get(f"/images/{uuid.uuid4()}.jpg").status_code == 404


@pytest.mark.parametrize("path", ["/", "/model/"])
def test_without_a_model_the_pages_say_so(client, settings, tmp_path, path):
    settings.MODEL_FOLDER = tmp_path
    response = client.get(path)
    assert response.status_code == 200
    assert "Модель не встановлено" in main_text(response)


@pytest.mark.parametrize("path", ["/", "/model/", "/login/", "/results/", "/nothing/"])
def test_every_page_carries_the_policy_and_no_inline_script_or_style(client, path):
    response = client.get(path)
    page = response.content.decode()
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert " style=" not in page and "<style" not in page and " onclick" not in page
    scripts = re.findall(r"<script([^>]*)>", page)
    assert all("src=" in script or "application/json" in script for script in scripts)


def test_browsers_find_an_icon_where_they_look_for_one(client):
    response = client.get("/favicon.ico")
    assert response.status_code == 302
    assert response.url.endswith("kadr.svg")
