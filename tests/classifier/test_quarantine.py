"""A picture set aside by staff: nobody classifies it, its owner is told so, and it comes back."""

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from classifier import exports
from classifier.dataset.selection import Wanted
from classifier.models import Export, Prediction, ReviewTask, Status, Stream
from classifier.review.page import open_tasks
from tests import audits, make
from tests.worker.test_micro_batches import Served
from worker import micro_batches

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]
URL = "/api/v1/predictions"


@pytest.fixture
def row(alice) -> Prediction:
    return make.answered(alice)


@pytest.fixture
def withheld(row) -> Prediction:
    assert row.image.quarantine()
    return row


def test_its_owner_sees_that_it_is_withheld_and_no_answer(alice_api, withheld):
    body = alice_api.get(f"{URL}/{withheld.pk}").json()
    assert body["result"] is None
    assert (body["status"], body["error"]["code"]) == ("succeeded", "IMAGE_WITHHELD")


@pytest.mark.parametrize("path", ["/", "/predictions/{pk}/", "/results/?id={pk}"])
def test_no_page_of_its_owner_shows_picture_or_answer(client, alice, withheld, path):
    client.force_login(alice.user)
    headers = {"Accept-Language": "en"}
    page = client.get(path.format(pk=withheld.pk), headers=headers).content.decode()
    assert "The picture is withheld" in page
    cards = page.split('id="cards"')[1]  # the classes that the model knows stand above them
    assert "dog" not in cards and "70.0" not in cards
    assert f'src="/images/{withheld.image_id}' not in page
    assert not re.search(r"#wrong[^>]*(?<! hidden)>", page), "there is no answer to be wrong"


def test_its_picture_is_shown_to_staff_and_to_nobody_else(client, alice, withheld):
    url = f"/images/{withheld.image_id}.jpg"
    client.force_login(alice.user)
    assert client.get(url).status_code == 404
    client.force_login(make.user("staff", is_staff=True))
    assert client.get(url).status_code == 200


def test_what_waits_is_stopped_and_no_worker_gets_it(alice):
    row = make.prediction(alice)
    row.image.quarantine()
    assert Prediction.objects.claim(10, worker="w") == []
    row.refresh_from_db()
    assert row.status == Status.CANCELED


def test_what_a_worker_holds_cannot_be_published_any_more(alice):
    row = make.prediction(alice)
    (claimed,) = Prediction.objects.claim(1, worker="w")
    row.image.quarantine()
    results = {row.pk: make.RESULT}
    assert Prediction.objects.publish(claimed.fence, make.model_version(), results) == 0


def test_a_row_queued_at_the_same_moment_is_not_read_by_the_worker(withheld):
    late = Prediction.objects.ask(withheld.image)  # by a request that had looked before
    model = Served(make.model_version())
    micro_batches.run(model)
    late.refresh_from_db()
    assert (late.status, model.runtime.batches) == (Status.CANCELED, [])


def test_it_cannot_be_asked_about_anew_or_tried_again(alice_api, alice):
    row = make.prediction(alice)
    row.image.quarantine()
    again = alice_api.post(URL, {"image_id": str(row.image_id)}, format="json")
    assert (again.status_code, again.json()["code"]) == (403, "IMAGE_WITHHELD")
    assert alice_api.post(f"{URL}/{row.pk}/retry").status_code == 409


def test_as_an_item_of_a_batch_it_fails_alone(alice_api, withheld):
    lines = f'{{"image_id": "{withheld.image_id}", "custom_id": "a"}}\n'.encode()
    answer = alice_api.post("/api/v1/batches", lines, content_type="application/jsonl")
    items = alice_api.get(answer.json()["items_url"]).json()["results"]
    assert [item["error"]["code"] for item in items] == ["IMAGE_WITHHELD"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "zip"])
def test_no_file_holds_it(alice, withheld, kind):
    export = Export.objects.create(format=kind, owner=alice.user)
    exports.write_waiting()
    export.refresh_from_db()
    content = export.file.read()
    assert b"dog" not in content and b".jpg" not in content
    assert kind == "zip" or b"IMAGE_WITHHELD" in content


def test_no_data_set_holds_it(row):
    audits.say(row, "dog")
    assert Wanted().reviews().count() == 1
    row.image.quarantine()
    assert not Wanted().reviews().exists()
    row.image.release()
    assert Wanted().reviews().count() == 1


def test_no_task_waits_for_it(row):
    ReviewTask.objects.create(prediction=row, stream=Stream.AUDIT, inclusion_probability=1)
    assert open_tasks() == {Stream.AUDIT: 1}
    row.image.quarantine()
    assert open_tasks() == {}


def test_released_it_is_as_it_was(alice_api, row):
    before = alice_api.get(f"{URL}/{row.pk}").json()
    row.image.quarantine()
    assert row.image.release()
    assert alice_api.get(f"{URL}/{row.pk}").json() == before


def test_released_what_was_stopped_is_queued_again_and_nothing_else(alice):
    row = make.prediction(alice)
    earlier = Prediction.objects.ask(row.image)
    Prediction.objects.filter(pk=earlier.pk).cancel()
    # SQLite's clock tells milliseconds, and this takes less.
    Prediction.objects.filter(pk=earlier.pk).update(finished_at=Now() - timedelta(seconds=1))
    row.image.quarantine()
    row.image.release()
    statuses = [Prediction.objects.get(pk=each.pk).status for each in (row, earlier)]
    assert statuses == [Status.QUEUED, Status.CANCELED]


def test_what_was_stopped_is_known_by_the_clock_that_stopped_it(alice, monkeypatch):
    """The database's: this process's may be ahead of it."""
    row = make.prediction(alice)
    ahead = timezone.now() + timedelta(minutes=1)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    row.image.quarantine()
    monkeypatch.undo()
    row.image.release()
    assert Prediction.objects.get(pk=row.pk).status == Status.QUEUED


def test_setting_it_aside_twice_and_releasing_it_twice_changes_nothing_more(row):
    assert row.image.quarantine() and not row.image.quarantine()
    assert row.image.release() and not row.image.release()


def test_its_owner_may_delete_it_all_the_same(alice_api, withheld):
    assert alice_api.delete(f"{URL}/{withheld.pk}").status_code == 204
    assert alice_api.get(URL).json()["results"] == []
