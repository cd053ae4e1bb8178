"""What is deleted can be brought back for a while, and is seen by nobody meanwhile."""

import json
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from classifier import exports, retention
from classifier.models import ApiToken, Export, Image, Owner, Prediction
from classifier.models.prediction_queue import PredictionQuerySet
from classifier.storage import DurableFileSystemStorage
from jobs import tasks
from tests import make

pytestmark = pytest.mark.django_db
URL = "/api/v1/predictions"


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def row(alice) -> Prediction:
    return make.answered(alice)


@pytest.fixture
def trashed(alice_api, row) -> Prediction:
    assert alice_api.delete(f"{URL}/{row.pk}").status_code == 204
    row.refresh_from_db()
    return row


def wait_in_trash(hours: float) -> None:
    Image.objects.update(trashed_at=timezone.now() - timedelta(hours=hours))


def files(media) -> list[str]:
    return sorted(path.name for path in media.rglob("*") if path.is_file())


def restore(client: APIClient, row: Prediction):
    return client.post(f"{URL}/{row.pk}/restore")


def test_a_deleted_picture_keeps_its_files_and_answers_for_a_while(trashed, media):
    assert trashed.label == "dog" and trashed.image
    assert len(files(media)) == 1


def test_it_looks_like_a_tombstone_that_says_how_long_it_can_be_brought_back(alice_api, trashed):
    body = alice_api.get(f"{URL}/{trashed.pk}").json()
    assert body["image"] is body["result"] is body["metadata"] is None
    assert body["deleted_at"] < body["restorable_until"]


@pytest.mark.parametrize("who", ["owner", "staff", "superuser"])
def test_nobody_sees_it_on_any_page_in_any_list_or_file(client, alice, trashed, who):
    user = alice.user if who == "owner" else make.user(who, is_staff=True)
    user.is_superuser = who == "superuser"
    user.save()
    client.force_login(user)
    pk, image = trashed.pk, trashed.image_id
    assert client.get(f"/images/{image}.jpg").status_code == 404
    assert client.get(f"/predictions/{pk}/").status_code == 404
    for path in ("/", f"/results/?id={pk}", URL, f"{URL}?id={pk}", "/admin/classifier/prediction/"):
        page = client.get(path, follow=True).content.decode()
        assert str(image) not in page and f'"{pk}"' not in page, path


def test_it_is_in_no_export_and_no_result_of_its_batch(alice_api, alice):
    batch = alice_api.post("/api/v1/batches", {"image": [make.upload()]}).json()["id"]
    make.answer(row := Prediction.objects.get())
    alice_api.delete(f"{URL}/{row.pk}")
    export = Export.objects.create(format="csv", owner=alice.user)
    exports.write_waiting()
    export.refresh_from_db()
    assert b"dog" not in export.file.read() and export.rows == 0
    for kind in ("application/jsonl", "text/csv"):
        url = f"/api/v1/batches/{batch}/results"
        answer = b"".join(alice_api.get(url, headers={"Accept": kind}).streaming_content)
        assert str(row.pk).encode() in answer and b"dog" not in answer
    items = alice_api.get(f"/api/v1/batches/{batch}/items").json()["results"]
    assert [item["image"] for item in items] == [None]


def test_it_cannot_be_asked_about_anew_or_tried_again(alice_api, trashed):
    again = alice_api.post(URL, {"image_id": str(trashed.image_id)}, format="json")
    assert again.json()["code"] == "IMAGE_NOT_FOUND"
    assert alice_api.post(f"{URL}/{trashed.pk}/retry").status_code == 409


def test_a_repeated_request_no_longer_gives_out_its_answer(alice_api):
    def ask():
        return alice_api.post(URL, {"image": make.upload()}, headers={"Idempotency-Key": "once"})

    first = ask().json()
    alice_api.delete(f"{URL}/{first['id']}")
    answer = ask()
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert Prediction.objects.count() == 1
    restore(alice_api, Prediction.objects.get())
    assert ask().json()["id"] == first["id"]


def test_its_owner_brings_it_back_as_it_was(alice_api, row):
    before = alice_api.get(f"{URL}/{row.pk}").json()
    alice_api.delete(f"{URL}/{row.pk}")
    answer = restore(alice_api, row)
    assert answer.status_code == 200
    assert answer.json() == alice_api.get(f"{URL}/{row.pk}").json() == before
    assert alice_api.get(before["image"]["url"]).status_code == 200


def test_all_answers_about_a_picture_go_and_come_back_together(alice_api, row):
    again = alice_api.post(URL, {"image_id": str(row.image_id)}, format="json").json()["id"]
    alice_api.delete(f"{URL}/{row.pk}")
    assert alice_api.get(URL).json()["results"] == []
    restore(alice_api, Prediction.objects.get(pk=again))
    assert len(alice_api.get(URL).json()["results"]) == 2


def test_what_was_waiting_waits_again_and_what_was_canceled_stays_canceled(alice_api, alice):
    waiting = make.prediction(alice)
    canceled = Prediction.objects.ask(waiting.image)
    PredictionQuerySet.cancel(Prediction.objects.filter(pk=canceled.pk))
    alice_api.delete(f"{URL}/{waiting.pk}")
    assert Prediction.objects.claim(9, worker="w") == []
    restore(alice_api, waiting)
    statuses = dict(Prediction.objects.values_list("pk", "status"))
    assert statuses == {waiting.pk: "queued", canceled.pk: "canceled"}


def test_a_worker_that_held_it_publishes_nothing(alice_api, alice):
    row = make.prediction(alice)
    (claimed,) = Prediction.objects.claim(1, worker="w")
    alice_api.delete(f"{URL}/{row.pk}")
    results = {row.pk: make.RESULT}
    assert Prediction.objects.publish(claimed.fence, make.model_version(), results) == 0


def test_strangers_and_staff_bring_back_nothing(trashed):
    for name in ("bob", "staff"):
        token = ApiToken.objects.issue(make.user(name, is_staff=name == "staff"), "t")
        other = APIClient(headers={"Authorization": f"Bearer {token}"})
        assert restore(other, trashed).status_code == 404
    assert Image.objects.present().count() == 0


def test_what_is_there_or_gone_or_past_its_time_is_not_brought_back(alice_api, row, committed):
    assert restore(alice_api, row).json()["code"] == "NOT_RESTORABLE"
    alice_api.delete(f"{URL}/{row.pk}")
    wait_in_trash(hours=24.1)
    assert restore(alice_api, row).json()["code"] == "NOT_RESTORABLE"
    with committed():
        alice_api.delete(f"{URL}/{row.pk}?forever=true")
    assert restore(alice_api, row).json()["code"] == "NOT_RESTORABLE"
    assert alice_api.get(f"{URL}/{row.pk}").json()["restorable_until"] is None


def test_after_its_time_it_is_erased_and_before_it_is_not(trashed, media, committed):
    wait_in_trash(hours=23.9)
    with committed():
        tasks.purge()
    assert Image.objects.count() == len(files(media)) == 1
    wait_in_trash(hours=24.1)
    with committed():
        tasks.purge()
    assert not Image.objects.exists() and files(media) == []
    trashed.refresh_from_db()
    assert trashed.deleted_at and (trashed.image, trashed.label) == (None, "")


@pytest.mark.parametrize(("hours", "query"), [(0, ""), (24, "?forever=true")])
def test_it_can_be_erased_at_once(alice_api, row, media, settings, committed, hours, query):
    settings.TRASH_HOURS = hours
    with committed():
        assert alice_api.delete(f"{URL}/{row.pk}{query}").status_code == 204
    assert not Image.objects.exists() and files(media) == []


def test_what_is_in_the_trash_can_still_be_erased_at_once(alice_api, trashed, media, committed):
    with committed():
        alice_api.delete(f"{URL}/{trashed.pk}?forever=true")
    assert not Image.objects.exists() and files(media) == []


def test_forever_is_true_or_false(alice_api, row):
    answer = alice_api.delete(f"{URL}/{row.pk}?forever=perhaps")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert Image.objects.present().exists()


def test_a_picture_asked_about_while_it_is_erased_is_erased_with_that(row, committed):
    with committed():
        row.image.erase()
        Prediction.objects.ask(row.image)  # by who had read it just before
    assert not Image.objects.exists()
    assert all(p.deleted_at for p in Prediction.objects.all())


def test_a_file_that_cannot_be_deleted_is_tried_again_and_holds_nobody_up(
    alice, media, monkeypatch, committed, caplog
):
    rows = [make.answered(alice) for _ in range(2)]
    stuck, delete = rows[0].image.original.name, DurableFileSystemStorage.delete

    def refuse(self, name):
        if name == stuck:
            raise PermissionError(name)
        delete(self, name)

    def at_once(image: Image) -> bool:
        """As if each had just been committed."""
        image._finish_erasing()
        return True

    Image.objects.all().condemn()
    monkeypatch.setattr(DurableFileSystemStorage, "delete", refuse)
    for page in retention.pages(Image.objects.spent()):
        for image in page:
            image.erase = partial(at_once, image)
        assert Image.objects.erase_each(page) == 1
    assert "cannot be deleted" in caplog.text
    monkeypatch.undo()
    with committed():
        assert retention.empty_trash() == 1
    assert not Image.objects.exists()


def test_the_page_offers_to_undo_only_where_there_is_a_trash(client, settings):
    for hours, told in ((24, True), (0, False)):
        settings.TRASH_HOURS = hours
        page = client.get("/").content.decode()
        texts = json.loads(page.split('id="texts" type="application/json">')[1].split("<")[0])
        assert texts["undoable"] is told


def test_the_list_costs_no_query_more_for_it(alice_api, trashed, django_assert_max_num_queries):
    for _ in range(5):
        make.answered(Owner(user=trashed.owner))
    with django_assert_max_num_queries(2):
        alice_api.get(URL)
    assert connection.vendor
