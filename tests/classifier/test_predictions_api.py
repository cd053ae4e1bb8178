"""The API: send a picture, read its prediction, delete it; who may, and every refusal."""

import threading
import time
import uuid
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from classifier.api.predictions import preferred_wait
from classifier.models import Image, Owner, Prediction
from tests import make

pytestmark = pytest.mark.django_db
URL = "/api/v1/predictions"


def send(client: APIClient, content: bytes | None = None, **headers):
    return client.post(URL, {"image": make.upload(content)}, headers=headers)


def own(client: APIClient) -> Owner:
    """The owner that a visitor's client is after its first upload."""
    return Owner(visitor=uuid.UUID(client.session["visitor"]))


def test_a_picture_is_accepted_and_waits(api):
    response = send(api)
    body = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"{URL}/{body['id']}"
    assert response["Retry-After"] == "1"
    assert (body["status"], body["attempt"]) == ("queued", 0)
    assert body["result"] is body["error"] is body["model"] is body["finished_at"] is None


def test_the_object_describes_the_image(api):
    data = make.jpeg(60, 40)
    image = send(api, data).json()["image"]
    assert (image["width"], image["height"], image["bytes"]) == (60, 40, len(data))
    assert image["name"] == "photo.jpg"
    assert image["url"] == f"/images/{image['id']}.jpg"


def test_the_picture_as_sent_is_kept(api):
    data = make.jpeg(600, 400)
    send(api, data)
    assert Image.objects.get().original.read() == data


def test_the_bell_is_rung_once_the_row_is_committed(
    api, bell_rings, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        send(api)
        assert bell_rings == []
    assert bell_rings == [True]


def test_a_finished_prediction_shows_its_result(api):
    pk = send(api).json()["id"]
    make.answer(Prediction.objects.get(pk=pk))
    response = api.get(f"{URL}/{pk}", headers={"Accept-Language": "uk"})
    body = response.json()
    assert body["status"] == "succeeded"
    assert body["result"]["label"] == "dog"
    assert body["result"]["label_localized"] == "собака"
    assert body["result"]["confidence"] == 0.7
    assert [t["label"] for t in body["result"]["top"]] == ["dog", "cat", "ship"]
    assert body["model"] == {"name": "tiny", "digest": "d" * 64, "preprocessing": "test-1"}
    assert "Retry-After" not in response


def test_a_failed_prediction_shows_a_problem_with_a_sentence(api):
    pk = send(api).json()["id"]
    for _ in range(settings.MAX_ATTEMPTS):
        (row,) = Prediction.objects.claim(1, worker="w")
        Prediction.objects.give_back(row.fence, row.pk, "PREVIEW_UNREADABLE")
    error = api.get(f"{URL}/{pk}", headers={"Accept-Language": "en"}).json()["error"]
    assert error["code"] == "PREVIEW_UNREADABLE"
    assert error["title"] and error["detail"]


def test_prefer_wait_past_its_time_gives_the_unfinished_object(api):
    response = send(api, Prefer="wait=0")
    assert response.status_code == 202
    assert response["Preference-Applied"] == "wait=0"


@pytest.mark.django_db(transaction=True)
def test_prefer_wait_gives_the_result_when_a_worker_answers_in_time(api, bell_rings):
    version = make.model_version()

    def work() -> None:
        while not (rows := Prediction.objects.claim(1, worker="w")):
            time.sleep(0.01)
        Prediction.objects.publish(rows[0].fence, version, {rows[0].pk: make.RESULT})
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    response = send(api, Prefer="respond-async, wait=10")
    worker.join()
    assert response.status_code == 200
    assert response["Preference-Applied"] == "wait=10"
    assert response.json()["result"]["label"] == "dog"


def test_waiting_ends_in_time_and_looks_less_and_less_often(api, monkeypatch):
    clock, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock[0] += seconds

    told = SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep)
    monkeypatch.setattr("classifier.api.predictions.time", told)
    response = send(api, Prefer="wait=10")
    assert response.status_code == 202 and response.json()["model"] is None
    assert response["Preference-Applied"] == "wait=10" and response["Retry-After"]
    assert pauses == sorted(pauses) and (pauses[0], pauses[-1]) == (0.002, 0.2)
    assert 10 <= sum(pauses) < 10.2 and len(pauses) < 130


def test_what_is_deleted_while_somebody_waits_is_not_found(api, monkeypatch):
    def erase(_seconds: float) -> None:
        Prediction.objects.all().delete()

    monkeypatch.setattr("classifier.api.predictions.time.sleep", erase)
    assert send(api, Prefer="wait=5").status_code == 404


def test_waiting_asks_for_the_status_alone_until_it_is_final(api, monkeypatch):
    version, turns = make.model_version(), iter(range(3))

    def answer_at_the_third(_seconds: float) -> None:
        if next(turns) == 2:
            make.answer(Prediction.objects.get())

    monkeypatch.setattr("classifier.api.predictions.time.sleep", answer_at_the_third)
    with CaptureQueriesContext(connection) as queries:
        body = send(api, Prefer="wait=5").json()
    assert body["status"] == "succeeded" and body["model"]["name"] == version.name
    polls = [q for q in queries if q["sql"].startswith('SELECT "classifier_prediction"."status"')]
    assert len(polls) == 3
    assert len([q for q in queries if "JOIN" in q["sql"] and "modelversion" in q["sql"]]) == 1


def test_a_picture_that_is_deleted_while_somebody_waits_for_it_is_gone(api, monkeypatch):
    monkeypatch.setattr(
        "classifier.api.predictions.time.sleep", lambda _: Prediction.objects.all().delete()
    )
    assert send(api, Prefer="wait=5").status_code == 404


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ('wait="5"', 5),
        ("Wait = 5", 5),
        ("respond-async, wait=5", 5),
        ("wait=999", 30),
        ("wait=-1", None),
        ("wait=soon", None),
        ("await=5", None),
        ("", None),
    ],
)
def test_prefer_wait_is_read_as_the_rfc_has_it_and_capped(header, seconds):
    assert preferred_wait(header) == seconds


REFUSALS = {
    "empty": (b"", 422, "IMAGE_EMPTY"),
    "not a JPEG": (b"<svg/>" * 9, 415, "UNSUPPORTED_MEDIA_TYPE"),
    "truncated": (make.noise_jpeg(side=200)[:9000], 422, "IMAGE_UNDECODABLE"),
}


@pytest.mark.parametrize("language", ["uk", "en"])
@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_a_problem_with_a_stable_code(api, case, language):
    content, status, code = REFUSALS[case]
    response = send(api, content, **{"Accept-Language": language})
    check_problem(response, status, code, language)
    assert not Prediction.objects.exists() and not Image.objects.exists()


@pytest.mark.parametrize("language", ["uk", "en"])
def test_a_file_over_the_byte_cap_is_refused(api, settings, language):
    settings.MAX_IMAGE_BYTES = 100 * 1024
    response = send(api, b"\xff\xd8\xff" + b"0" * 300 * 1024, **{"Accept-Language": language})
    check_problem(response, 413, "IMAGE_TOO_LARGE", language)


@pytest.mark.parametrize("language", ["uk", "en"])
def test_a_picture_over_the_pixel_cap_is_refused(api, settings, language):
    settings.MAX_IMAGE_PIXELS = 1_000_000
    response = send(api, make.jpeg(1001, 1000), **{"Accept-Language": language})
    check_problem(response, 422, "PIXEL_LIMIT", language)
    assert " 1 " in response.json()["detail"]


@pytest.mark.parametrize("language", ["uk", "en"])
def test_more_files_than_the_limit_are_refused(api, language):
    files = {f"image{i}": make.upload() for i in range(settings.MAX_IMAGES + 1)}
    response = api.post(URL, files, headers={"Accept-Language": language})
    check_problem(response, 413, "TOO_MANY_IMAGES", language)


@pytest.mark.parametrize("language", ["uk", "en"])
def test_no_file_at_all_is_refused(api, language):
    response = api.post(URL, {}, headers={"Accept-Language": language})
    check_problem(response, 400, "IMAGE_MISSING", language)


def test_two_files_in_one_request_are_refused(api):
    response = api.post(URL, {"image": [make.upload(), make.upload()]})
    check_problem(response, 400, "INVALID_REQUEST", "uk")


def check_problem(response, status: int, code: str, language: str) -> None:
    body = response.json()
    assert response.status_code == body["status"] == status
    assert response["Content-Type"] == "application/problem+json"
    assert body["code"] == code
    assert body["instance"] == URL
    sentence = body["title"] + body["detail"]
    is_ukrainian = any("а" <= letter <= "я" for letter in sentence.lower())
    assert is_ukrainian == (language == "uk"), sentence


def test_a_body_that_is_no_form_is_refused_as_a_problem(api):
    response = api.post(URL, b"\xff\xd8\xff", content_type="image/jpeg")
    assert response.status_code == 415
    assert response.json()["code"] == "CONTENT_TYPE_UNSUPPORTED"


def test_a_broken_multipart_body_is_refused_as_a_problem(api):
    response = api.post(URL, b"nonsense", content_type="multipart/form-data")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_a_method_that_is_not_offered_is_refused_as_a_problem(api):
    response = api.put(URL)
    assert response.status_code == 405
    assert response.json()["code"] == "METHOD_NOT_ALLOWED"
    assert "POST" in response["Allow"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", f"{URL}/{uuid.UUID(int=7)}", f"{URL}/7"])
def test_what_is_not_there_is_a_problem_too(api, path):
    response = api.get(path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "NOT_FOUND"


def test_delete_erases_the_rows_and_both_files(api, media, django_capture_on_commit_callbacks):
    pk = send(api, make.jpeg(600, 400)).json()["id"]
    assert len([p for p in media.rglob("*") if p.is_file()]) == 2
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(f"{URL}/{pk}?forever=true").status_code == 204
    assert not Image.objects.exists()
    assert [p for p in media.rglob("*") if p.is_file()] == []


def test_what_was_deleted_leaves_a_tombstone_that_says_when_and_nothing_else(api):
    pk = send(api).json()["id"]
    make.answer(Prediction.objects.get(pk=pk))
    api.delete(f"{URL}/{pk}?forever=true")
    body = api.get(f"{URL}/{pk}").json()
    assert body["deleted_at"] and body["status"] == "succeeded"
    assert body["image"] is body["result"] is body["metadata"] is None
    row = Prediction.objects.get(pk=pk)
    assert (row.label, row.probabilities) == ("", None)
    assert api.get(URL).json()["results"] == []
    assert api.get(f"/predictions/{pk}/").status_code == 404
    assert api.delete(f"{URL}/{pk}").status_code == 204


def test_deleting_what_a_worker_holds_drops_its_late_result(api):
    pk = send(api).json()["id"]
    (row,) = Prediction.objects.claim(1, worker="w")
    api.delete(f"{URL}/{pk}")
    assert Prediction.objects.publish(row.fence, make.model_version(), {row.pk: make.RESULT}) == 0


@pytest.mark.parametrize("method", ["get", "delete"])
def test_another_visitor_finds_nothing_there(api, method):
    row = make.prediction()
    assert getattr(api, method)(f"{URL}/{row.pk}").status_code == 404
    assert Prediction.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("method", ["get", "delete"])
def test_another_user_finds_nothing_there(alice_api, bob, method):
    row = make.prediction(bob)
    assert getattr(alice_api, method)(f"{URL}/{row.pk}").status_code == 404


def test_staff_may_open_what_is_another_s_but_list_only_their_own(alice_api, alice, bob):
    alice.user.is_staff = True
    alice.user.save()
    row = make.prediction(bob)
    assert alice_api.get(f"{URL}/{row.pk}").status_code == 200
    assert alice_api.get(URL).json()["results"] == []


def test_a_token_owns_what_it_sends_as_its_user(alice_api, alice):
    pk = send(alice_api).json()["id"]
    assert Prediction.objects.get(pk=pk).owner == alice.user


def test_a_wrong_token_is_refused_and_told_how(api):
    response = api.get(URL, headers={"Authorization": "Bearer kadr_wrong"})
    assert response.status_code == 401
    assert response.json()["code"] == "UNAUTHENTICATED"
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_the_token_of_a_user_who_was_switched_off_is_refused(alice_api, alice):
    alice.user.is_active = False
    alice.user.save()
    assert alice_api.get(URL).status_code == 401


def test_a_token_needs_no_csrf_check(alice_api):
    alice_api.handler.enforce_csrf_checks = True
    assert send(alice_api).status_code == 202


@pytest.mark.parametrize("logged_in", [False, True])
def test_a_browser_session_without_a_csrf_token_is_refused(alice, logged_in):
    client = APIClient(enforce_csrf_checks=True)
    if logged_in:
        client.login(username="alice", password="a long password")
    response = send(client)
    assert response.status_code == 403
    assert response.json()["code"] == "CSRF_FAILED"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [("format=", 400, "INVALID_REQUEST"), ("format=xml", 406, "NOT_ACCEPTABLE")],
)
@pytest.mark.parametrize("path", [URL, "/api/v1/meta", "/api/v1/schema"])
def test_a_format_that_is_empty_or_not_offered_is_refused(api, path, query, status, code):
    response = api.get(f"{path}?{query}")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"


def test_the_format_of_the_address_is_heard(api):
    assert api.get(f"{URL}?format=json").status_code == 200


def test_the_schema_describes_every_path(api):
    schema = api.get("/api/v1/schema", {"format": "json"}).json()
    assert {URL, f"{URL}/{{id}}", f"{URL}/{{id}}/cancel"} <= set(schema["paths"])
    assert schema["openapi"].startswith("3.1")
    assert "202" in schema["paths"][URL]["post"]["responses"]


def test_the_swagger_page_needs_nothing_from_elsewhere(api):
    page = api.get("/api/").content.decode()
    assert "swagger" in page.lower()
    assert "https://" not in page and "cdn" not in page
