"""Exports: asked for, written by the jobs process, fetched by their owner alone."""

import csv
import io
import itertools
import json
import zipfile
from types import SimpleNamespace

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from classifier import exports
from classifier.models import Export, Prediction
from classifier.models.export import KEPT, MAX_ATTEMPTS
from classifier.storage import DurableFileSystemStorage
from jobs import tasks
from tests import make

pytestmark = pytest.mark.django_db
URL = "/api/v1/exports"


@pytest.fixture(autouse=True)
def rows(alice, bob) -> list[Prediction]:
    """Two of alice's, one of them answered, and one of bob's."""
    make.answered(bob)
    return [make.answered(alice), make.prediction(alice)]


def ask(client: APIClient, **fields):
    return client.post(URL, {"format": "csv", **fields}, format="json")


def fetch(client: APIClient, pk: str) -> bytes:
    return client.get(f"{URL}/{pk}/file").getvalue()


def exported(client: APIClient, **fields) -> bytes:
    pk = ask(client, **fields).json()["id"]
    assert exports.write_waiting() == 1
    return fetch(client, pk)


def test_an_export_waits_is_written_and_can_be_fetched(alice_api, rows):
    response = ask(alice_api)
    body = response.json()
    assert response.status_code == 202 and response["Location"] == f"{URL}/{body['id']}"
    assert (body["status"], body["url"]) == ("queued", None)
    assert alice_api.get(f"{URL}/{body['id']}/file").status_code == 404
    tasks.write_exports()
    body = alice_api.get(f"{URL}/{body['id']}").json()
    assert (body["status"], body["rows"]) == ("ready", 2)
    text = alice_api.get(body["url"])
    assert "attachment" in text["Content-Disposition"]
    table = list(csv.DictReader(io.StringIO(text.getvalue().decode())))
    assert [row["id"] for row in table] == [str(row.pk) for row in rows]
    assert len(text.getvalue()) or body["byte_size"]


def test_json_lines_hold_what_results_of_a_batch_hold(alice_api, rows):
    lines = exported(alice_api, format="jsonl").decode().splitlines()
    first, second = map(json.loads, lines)
    assert (first["id"], first["result"]["label"]) == (str(rows[0].pk), "dog")
    assert (second["status"], second["result"]) == ("queued", None)


def test_a_zip_holds_the_pictures_by_label_and_a_table(alice_api, rows):
    archive = zipfile.ZipFile(io.BytesIO(exported(alice_api, format="zip")))
    assert archive.testzip() is None
    names = archive.namelist()
    assert names[0] == f"dog/{rows[0].pk.hex}-photo.jpg" and names[1].startswith("queued/")
    assert archive.read(names[0]) == make.jpeg()
    assert str(rows[1].pk) in archive.read("results.csv").decode()


def test_a_filter_selects_as_it_does_in_the_list(alice_api, rows):
    lines = exported(alice_api, format="jsonl", filter={"label": "dog"}).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [str(rows[0].pk)]


@pytest.mark.parametrize(
    "filter_",
    [
        {"colour": "red"},
        {"status": ["pending"]},
        {"batch": "x"},
        {"created_after": 17},
        {"id": [5]},
        {"label": None},
        {"label": {"is": "dog"}},
        {"label": ["dog"]},
        {"id": []},
        {"status": []},
        "all",
        [1],
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(alice_api, filter_):
    response = ask(alice_api, filter=filter_)
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")
    assert response.json()["errors"]


@pytest.mark.parametrize("filter_", [{"id": "abc"}, {"id": 5}, {"id": ["abc"]}, {"label": ""}])
def test_what_the_list_refuses_is_refused_before_anybody_waits_for_it(alice_api, filter_):
    told = alice_api.get("/api/v1/predictions", filter_).json()
    refused = ask(alice_api, filter=filter_).json()
    assert refused["code"] == told["code"] == "INVALID_REQUEST"
    assert refused["detail"] == told["detail"]
    assert not Export.objects.exists()


def test_one_status_may_be_a_text(alice_api, rows):
    lines = exported(alice_api, format="jsonl", filter={"status": "queued"}).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [str(rows[1].pk)]


def test_several_ids_may_be_a_list(alice_api, rows):
    filter_ = {"id": [str(row.pk) for row in rows]}
    assert len(exported(alice_api, format="jsonl", filter=filter_).splitlines()) == 2


def test_numbers_and_truths_may_be_sent_as_json_has_them(alice_api, rows):
    filter_ = {"confidence_gte": 0.5, "is_reviewed": False, "status": ["succeeded", "failed"]}
    lines = exported(alice_api, format="jsonl", filter=filter_).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [str(rows[0].pk)]


def test_a_picture_whose_file_is_lost_keeps_no_other_back(alice_api, alice, rows):
    another = make.answer(Prediction.objects.ask(make.image(alice, make.jpeg(9, 9))))
    lost = rows[0].image.original
    lost.storage.delete(lost.name)
    archive = zipfile.ZipFile(io.BytesIO(exported(alice_api, format="zip")))
    held = [name for name in archive.namelist() if name.endswith(".jpg")]
    assert not any(rows[0].pk.hex in name for name in held)
    assert any(another.pk.hex in name for name in held)
    assert str(rows[0].pk) in archive.read("results.csv").decode()


def test_a_format_that_is_not_offered_is_refused(alice_api):
    assert ask(alice_api, format="xlsx").status_code == 400


def test_many_rows_are_read_page_by_page(alice_api, alice, monkeypatch):
    monkeypatch.setattr(exports, "PAGE", 2)
    for _ in range(3):
        make.prediction(alice)
    assert len(exported(alice_api, format="jsonl").splitlines()) == 5


def test_a_writer_that_died_is_replaced_until_its_attempts_are_used_up(alice_api):
    pk = ask(alice_api).json()["id"]
    for _ in range(MAX_ATTEMPTS):
        assert Export.objects.claim()
        assert Export.objects.claim() is None
        Export.objects.update(lease_until=timezone.now() - KEPT)
    assert Export.objects.claim() is None
    body = alice_api.get(f"{URL}/{pk}").json()
    assert (body["status"], body["error"]["code"]) == ("failed", "ATTEMPTS_EXHAUSTED")


def test_a_writer_that_was_overtaken_publishes_nothing(alice_api, media):
    ask(alice_api)
    slow = Export.objects.claim()
    Export.objects.update(lease_until=timezone.now() - KEPT)
    assert exports.write_waiting() == 1
    with pytest.raises(exports.Superseded):
        exports.write(slow)
    assert len(list(media.glob("exports/*"))) == 1


def test_a_writer_that_was_overtaken_at_its_last_step_takes_no_other_s_file_away(
    alice_api, monkeypatch
):
    """Both had asked for the name of their file before either was there."""
    monkeypatch.setattr(
        DurableFileSystemStorage, "get_available_name", lambda self, name, max_length=None: name
    )
    pk = ask(alice_api).json()["id"]
    slow = Export.objects.claim()
    Export.objects.update(lease_until=timezone.now() - KEPT)
    assert exports.write_waiting() == 1
    monkeypatch.setattr(exports.Writer, "hold_on", lambda self: None)  # its last was in time
    with pytest.raises(exports.Superseded):
        exports.write(slow)
    assert alice_api.get(f"{URL}/{pk}/file").status_code == 200


def test_an_export_is_held_for_as_long_as_it_is_written_and_copied(alice_api, monkeypatch):
    """However large its pictures are: each of these takes longer than the lease."""
    ask(alice_api, format="zip")
    clock, renewed = itertools.count(step=exports.LEASE.total_seconds()), []
    monkeypatch.setattr(exports, "monotonic", lambda: float(next(clock)))
    hold_on, save = Export.hold_on, DurableFileSystemStorage.save

    def note(self, rows):
        renewed.append(rows)
        return hold_on(self, rows)

    def saved(self, name, content):
        before = len(renewed)
        done = save(self, name, content)
        assert len(renewed) > before, "while it was copied"
        return done

    monkeypatch.setattr(Export, "hold_on", note)
    monkeypatch.setattr(DurableFileSystemStorage, "save", saved)
    assert exports.write_waiting() == 1
    assert {0, 1, 2} <= set(renewed), "before each picture"


def test_a_lease_is_not_renewed_for_every_row(alice_api, monkeypatch):
    ask(alice_api)
    renewed = []
    monkeypatch.setattr(Export, "hold_on", lambda _self, rows: renewed.append(rows) or True)
    exports.write_waiting()
    assert renewed == [0]


def test_with_little_room_none_is_asked_for_and_what_waits_is_written_later(
    alice_api, settings, media
):
    waiting = ask(alice_api).json()["id"]
    settings.FREE_BYTES = 2**60
    refusal = ask(alice_api)
    assert (refusal.status_code, refusal.json()["code"]) == (503, "STORAGE_FULL")
    assert Export.objects.count() == 1
    for _try in range(MAX_ATTEMPTS + 1):
        assert exports.write_waiting() == 0
    settings.FREE_BYTES = 0
    assert exports.write_waiting() == 1
    assert fetch(alice_api, waiting)


def test_one_that_would_leave_too_little_room_waits_and_uses_up_no_attempt(
    alice_api, settings, media, monkeypatch
):
    waiting = ask(alice_api).json()["id"]
    settings.FREE_BYTES = 1000
    left = itertools.cycle([5000, 5000, 1100])  # before it is begun, at its first row, at its end
    monkeypatch.setattr(
        "classifier.outages.shutil.disk_usage", lambda _path: SimpleNamespace(free=next(left))
    )
    for _try in range(MAX_ATTEMPTS + 1):
        assert exports.write_waiting() == 0
    export = Export.objects.get()
    assert (export.status, export.attempt) == ("queued", 0)
    assert not list(media.glob("exports/*"))
    settings.FREE_BYTES = 0
    assert exports.write_waiting() == 1
    assert fetch(alice_api, waiting)


def test_the_key_under_which_it_was_asked_for_goes_with_it(alice_api):
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first = alice_api.post(URL, {"format": "csv"}, format="json", **key).json()["id"]
    assert alice_api.delete(f"{URL}/{first}").status_code == 204
    again = alice_api.post(URL, {"format": "csv"}, format="json", **key)
    assert again.status_code == 202 and again.json()["id"] != first


def test_deleting_an_export_removes_its_file(alice_api, media):
    pk = ask(alice_api).json()["id"]
    exports.write_waiting()
    assert len(list(media.glob("exports/*"))) == 1
    assert alice_api.delete(f"{URL}/{pk}").status_code == 204
    assert list(media.glob("exports/*")) == []


def test_after_a_week_it_is_gone(alice_api, media, bell_rings):
    ask(alice_api)
    exports.write_waiting()
    Export.objects.update(created_at=timezone.now() - KEPT * 2)
    tasks.sweep()
    assert not Export.objects.exists() and list(media.glob("exports/*")) == []


def test_a_stranger_finds_none_of_it(alice_api, api):
    pk = ask(alice_api).json()["id"]
    exports.write_waiting()
    for path in ("", "/file"):
        assert api.get(f"{URL}/{pk}{path}").status_code == 404
    assert api.delete(f"{URL}/{pk}").status_code == 404
    assert api.get(URL).json()["results"] == []


def test_a_visitor_without_an_account_may_export_too(api):
    api.post("/api/v1/predictions", {"image": make.upload()})
    assert len(exported(api, format="jsonl").splitlines()) == 1


@pytest.fixture
def two_at_most(settings) -> None:
    settings.EXPORT_LIMIT = 2


def refused_for_the_limit(response) -> bool:
    return (response.status_code, response.json().get("code")) == (409, "EXPORT_LIMIT")


def test_each_owner_has_as_many_as_the_limit_says(alice_api, api, two_at_most):
    for client in (alice_api, api):  # a user, and a visitor
        assert [ask(client).status_code for _ in range(2)] == [202, 202]
        response = ask(client)
        assert refused_for_the_limit(response)
        assert " 2. " in response.json()["detail"]
    assert Export.objects.count() == 4


def test_what_is_written_counts_until_it_is_deleted(alice_api, two_at_most):
    first, _second = ask(alice_api).json()["id"], ask(alice_api)
    assert exports.write_waiting() == 2
    assert refused_for_the_limit(ask(alice_api))
    assert alice_api.delete(f"{URL}/{first}").status_code == 204
    assert ask(alice_api).status_code == 202


def test_what_failed_or_has_had_its_week_does_not_count(alice_api, alice, two_at_most):
    Export.objects.create(format="csv", status="failed", **alice.fields())
    assert [ask(alice_api).status_code for _ in range(2)] == [202, 202]
    Export.objects.update(created_at=timezone.now() - 2 * KEPT)
    tasks.sweep()
    assert ask(alice_api).status_code == 202


def test_data_sets_are_the_staff_s_own_business(alice_api, alice, two_at_most):
    for _ in range(3):
        Export.objects.ask_dataset(alice.user, {"images": []}, 0)
    assert ask(alice_api).status_code == 202


def test_at_the_limit_a_request_that_is_repeated_still_gets_its_answer(alice_api, two_at_most):
    headers = {"Idempotency-Key": "k"}
    first = alice_api.post(URL, {"format": "csv"}, format="json", headers=headers)
    ask(alice_api)
    again = alice_api.post(URL, {"format": "csv"}, format="json", headers=headers)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


def test_one_that_was_refused_may_be_asked_for_again_under_its_key(alice_api, two_at_most):
    first, _second = ask(alice_api).json()["id"], ask(alice_api)
    headers = {"Idempotency-Key": "k"}
    assert refused_for_the_limit(
        alice_api.post(URL, {"format": "csv"}, format="json", headers=headers)
    )
    alice_api.delete(f"{URL}/{first}")
    again = alice_api.post(URL, {"format": "csv"}, format="json", headers=headers)
    assert again.status_code == 202


def test_the_limit_can_be_read(alice_api, two_at_most):
    assert alice_api.get("/api/v1/meta").json()["limits"]["exports"] == 2
