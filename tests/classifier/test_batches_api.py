"""Batches: parts, archives and lines in; counts, items and results out; cancel in the middle."""

import csv
import io
import json
import tarfile
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from classifier.models import (
    Batch,
    Image,
    Prediction,
    Status,
)
from classifier.models.batch import ABANDONED_AFTER
from jobs import tasks
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/v1/batches"


def parts(n: int, **extra: bytes) -> list[SimpleUploadedFile]:
    files = {f"{i}.jpg": make.noise_jpeg(i, side=24) for i in range(n)} | extra
    return [SimpleUploadedFile(name, content) for name, content in files.items()]


def send(client: APIClient, files=None, **fields):
    return client.post(URL, {"image": parts(3) if files is None else files, **fields})


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def send_archive(client: APIClient, content: bytes):
    return client.post(URL, {"archive": SimpleUploadedFile("photos.zip", content)})


def answer_all(limit: int = 1000) -> None:
    rows = Prediction.objects.claim(limit, worker="w")
    if rows:
        results = {row.pk: make.RESULT for row in rows}
        Prediction.objects.publish(rows[0].fence, make.model_version(), results)


def lines(client: APIClient, batch: str) -> list[dict]:
    body = client.get(f"{URL}/{batch}/results").getvalue().decode()
    return [json.loads(line) for line in body.splitlines()]


def adds_up(body: dict) -> bool:
    counts = dict(body["counts"])
    return counts.pop("total") == sum(counts.values())


def test_a_batch_of_parts_is_accepted_and_waits(api):
    response = send(api)
    body = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"{URL}/{body['id']}"
    assert (body["status"], body["outcome"]) == ("queued", None)
    assert body["counts"]["total"] == body["counts"]["queued"] == 3
    assert body["queued_at"] and body["running_at"] is None


def test_items_keep_their_order_and_their_names(api):
    batch = send(api).json()["id"]
    items = api.get(f"{URL}/{batch}/items").json()["results"]
    assert [item["custom_id"] for item in items] == ["0.jpg", "1.jpg", "2.jpg"]
    assert {item["source"] for item in items} == {"batch"}
    assert {item["batch"] for item in items} == {batch}


def test_items_can_be_named_beside_their_files(api):
    body = send(api, custom_id=["a/1.jpg", "b/1.jpg", "c"]).json()
    assert [line["custom_id"] for line in lines(api, body["id"])] == ["a/1.jpg", "b/1.jpg", "c"]


def test_names_for_other_than_all_files_are_refused(api):
    response = send(api, custom_id=["a", "b"])
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")
    assert not Batch.objects.exists()


def test_each_item_tells_its_own_fate(api):
    files = parts(1, **{"bad.jpg": b"<svg/>", "empty.jpg": b"", "last.jpg": make.jpeg()})
    body = send(api, files).json()
    assert body["counts"] == {
        "total": 4,
        "queued": 2,
        "running": 0,
        "succeeded": 0,
        "failed": 2,
        "canceled": 0,
        "expired": 0,
    }
    answer_all()
    told = {line["custom_id"]: line for line in lines(api, body["id"])}
    assert told["bad.jpg"]["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"
    assert told["empty.jpg"]["error"]["code"] == "IMAGE_EMPTY"
    assert told["last.jpg"]["result"]["label"] == "dog"
    assert list(told) == ["0.jpg", "bad.jpg", "empty.jpg", "last.jpg"]


def test_two_items_of_one_name_refuse_the_batch_with_both_positions(api, media):
    files = [*parts(2), SimpleUploadedFile("0.jpg", make.jpeg())]
    response = send(api, files)
    body = response.json()
    assert (response.status_code, body["code"]) == (422, "DUPLICATE_CUSTOM_ID")
    assert (body["custom_id"], body["positions"]) == ("0.jpg", [0, 2])
    assert not Batch.objects.exists() and not Prediction.objects.exists()
    assert not Image.objects.exists()
    assert [p for p in media.rglob("*") if p.is_file()] == []


def test_a_batch_without_pictures_is_refused(api):
    response = api.post(URL, {"top_k": "2"})
    assert (response.status_code, response.json()["code"]) == (422, "BATCH_EMPTY")
    assert not Batch.objects.exists()


def test_more_parts_than_the_limit_are_refused(api, settings):
    settings.MAX_BATCH_PARTS = 3
    assert send(api, parts(3)).status_code == 202
    response = send(api, parts(4))
    assert (response.status_code, response.json()["code"]) == (413, "BATCH_TOO_LARGE")


def test_more_bytes_than_the_limit_are_refused(api, settings):
    settings.MAX_BATCH_BYTES = 10_000
    response = send(api, parts(0, **{"a.jpg": b"x" * 20_000}))
    assert (response.status_code, response.json()["code"]) == (413, "BATCH_TOO_LARGE")


def test_a_part_that_is_too_large_is_refused_alone(api, settings):
    settings.MAX_IMAGE_BYTES = 5000
    body = send(api, parts(1, **{"huge.jpg": b"\xff\xd8\xff" + b"0" * 6000})).json()
    assert body["counts"]["failed"] == 1 and body["counts"]["queued"] == 1
    assert lines(api, body["id"])[1]["error"]["code"] == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_unpacked_entry_by_entry(api, compression):
    files = {f"dir/{i}.jpg": make.noise_jpeg(i, side=24) for i in range(4)}
    body = send_archive(api, zipped({**files, "notes.txt": b"hello"}, compression)).json()
    assert body["counts"]["queued"] == 4 and body["counts"]["failed"] == 1
    told = lines(api, body["id"])
    assert told[0]["custom_id"] == "dir/0.jpg"
    assert told[4]["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


def test_a_tar_is_unpacked_too(api):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for i in range(3):
            content = make.noise_jpeg(i, side=24)
            info = tarfile.TarInfo(f"{i}.jpg")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    assert send_archive(api, out.getvalue()).json()["counts"]["queued"] == 3


def test_what_a_large_batch_brought_before_it_was_refused_goes_with_the_next_sweep(
    api, media, monkeypatch, bell_rings
):
    """One whose last item has the name of its first: to erase all between would take minutes."""
    monkeypatch.setattr("classifier.models.batch.FORGOTTEN_AT_ONCE", 2)
    monkeypatch.setattr("classifier.intake.CHUNK", 2)
    response = send(api, [*parts(5), *parts(1)])
    assert (response.status_code, response.json()["code"]) == (422, "DUPLICATE_CUSTOM_ID")
    assert Image.objects.count() == 4
    assert Prediction.objects.claim(9, worker="w") == []
    tasks.sweep()
    assert not Batch.objects.exists() and not Image.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_a_broken_archive_is_refused_and_leaves_nothing(api):
    response = send_archive(api, b"PK\x03\x04 and then nothing")
    assert (response.status_code, response.json()["code"]) == (422, "ARCHIVE_UNREADABLE")
    assert not Batch.objects.exists()


def test_results_are_csv_on_demand_and_no_name_is_a_formula(api):
    files = parts(1, **{"=1+1.jpg": make.jpeg(), "@SUM(1).jpg": b"no"})
    batch = send(api, files).json()["id"]
    answer_all()
    response = api.get(f"{URL}/{batch}/results", headers={"Accept": "text/csv"})
    assert response["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert [row["custom_id"][:2] for row in rows] == ["0.", "'=", "'@"]
    assert [row["label"] for row in rows] == ["dog", "dog", ""]
    assert rows[2]["error"] == "UNSUPPORTED_MEDIA_TYPE"


def test_a_link_can_ask_for_csv_by_its_address(api):
    batch = send(api).json()["id"]
    response = api.get(f"{URL}/{batch}/results?format=csv")
    assert response["Content-Type"].startswith("text/csv")
    response = api.get(f"{URL}/{batch}/results?format=")
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")


def test_a_format_that_is_not_offered_is_refused(api):
    batch = send(api).json()["id"]
    response = api.get(f"{URL}/{batch}/results", headers={"Accept": "image/png"})
    assert (response.status_code, response.json()["code"]) == (406, "NOT_ACCEPTABLE")


def test_results_of_many_items_are_streamed_page_by_page(api, monkeypatch):
    monkeypatch.setattr("classifier.api.results.PAGE", 2)
    batch = send(api, parts(5)).json()["id"]
    assert [line["custom_id"] for line in lines(api, batch)] == [f"{i}.jpg" for i in range(5)]


def test_a_deleted_item_says_so_and_the_counts_still_add_up(api):
    batch = send(api).json()["id"]
    answer_all()
    item = api.get(f"{URL}/{batch}/items").json()["results"][1]
    api.delete(f"/api/v1/predictions/{item['id']}")
    told = lines(api, batch)
    assert [line["deleted"] for line in told] == [False, True, False]
    assert told[1]["result"] is None
    assert adds_up(api.get(f"{URL}/{batch}").json())


def test_interactive_pictures_go_before_those_of_a_batch(api):
    send(api)
    single = api.post("/api/v1/predictions", {"image": make.upload()}).json()["id"]
    (first,) = Prediction.objects.claim(1, worker="w")
    assert str(first.pk) == single


def test_top_k_and_metadata_hold_for_the_batch(api):
    body = send(api, top_k="1", metadata='{"job": 7}').json()
    assert body["metadata"] == {"job": 7}
    answer_all()
    assert {len(line["result"]["top"]) for line in lines(api, body["id"])} == {1}


def test_an_archive_and_parts_are_not_mixed(api):
    fields = {"archive": SimpleUploadedFile("a.zip", zipped({"a": b""})), "image": parts(1)}
    response = api.post(URL, fields)
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")


def test_the_list_holds_ones_own_newest_first(api, alice_api):
    mine = [send(api).json()["id"] for _ in range(2)]
    send(alice_api)
    assert [batch["id"] for batch in api.get(URL).json()["results"]] == mine[::-1]


def test_a_stranger_finds_none_of_it(api, alice_api):
    batch = send(api).json()["id"]
    for path in ("", "/items", "/results"):
        assert alice_api.get(f"{URL}/{batch}{path}").status_code == 404
    assert alice_api.post(f"{URL}/{batch}/cancel").status_code == 404
    assert Prediction.objects.filter(status=Status.QUEUED).count() == 3


def test_a_batch_whose_request_died_is_forgotten_by_the_sweep(api, media, bell_rings):
    batch = Batch.objects.get(pk=send(api).json()["id"])
    long_ago = batch.touched_at - ABANDONED_AFTER * 2
    Batch.objects.filter(pk=batch.pk).update(sealed_at=None, touched_at=long_ago)
    tasks.sweep()
    assert not Batch.objects.exists() and not Prediction.objects.exists()
    assert [p for p in media.rglob("*") if p.is_file()] == []


def test_a_batch_that_a_crash_left_unsettled_is_settled_by_the_sweep(api, bell_rings):
    batch = send(api).json()["id"]
    answer_all()
    Batch.objects.update(finished_at=None)
    tasks.sweep()
    assert Batch.objects.get(pk=batch).finished_at
