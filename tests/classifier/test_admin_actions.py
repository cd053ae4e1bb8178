"""What staff does to rows of a list at once, and how a deletion is undone."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from classifier.admin import actions
from classifier.models import (
    Correction,
    Image,
    Prediction,
    Status,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]
PREDICTIONS = "admin:classifier_prediction_changelist"
IMAGES = "admin:classifier_image_changelist"
UNDO = "admin:classifier_image_undo"


def act(client: Client, action: str, *rows, at: str = PREDICTIONS) -> str:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    headers = {"Accept-Language": "en"}
    return client.post(reverse(at), data, follow=True, headers=headers).content.decode()


def status(row: Prediction) -> str:
    return Prediction.objects.get(pk=row.pk).status


def failed() -> Prediction:
    row = make.prediction(attempt=2)
    (claimed,) = Prediction.objects.filter(pk=row.pk).claim(1, worker="w")
    Prediction.objects.give_back(claimed.fence, row.pk, "INFERENCE_FAILED")
    return row


def test_what_failed_is_queued_again_and_nothing_else(admin_client, bell_rings):
    broken, done, canceled = failed(), make.answered(), make.prediction()
    Prediction.objects.filter(pk=canceled.pk).cancel()
    page = act(admin_client, "retry_failed", broken, done, canceled)
    assert "Queued again: 1" in page
    assert [status(row) for row in (broken, done, canceled)] == ["queued", "succeeded", "canceled"]
    assert bell_rings


def test_what_is_queued_is_canceled_and_nothing_else(admin_client):
    waiting, done = make.prediction(), make.answered()
    running = make.prediction()
    Prediction.objects.filter(pk=running.pk).claim(1, worker="w")
    assert "Canceled: 1" in act(admin_client, "cancel_queued", waiting, done, running)
    assert [status(row) for row in (waiting, done, running)] == ["canceled", "succeeded", "running"]


def test_answers_are_asked_again_of_the_model_that_serves(admin_client):
    done, waiting = make.answered(), make.prediction()
    assert "To be asked again: 1" in act(admin_client, "run_again", done, waiting)
    row = Correction.objects.get()
    assert (row.prediction, row.recall.user.username) == (done, "admin")


def test_pictures_are_deleted_and_undo_brings_them_back(admin_client):
    rows = [make.answered(), make.prediction()]
    page = act(admin_client, "trash", *rows)
    assert "Deleted: 2" in page
    assert not Image.objects.present().exists()
    form = re.search(rf'<form action="{reverse(UNDO)}" method="post">.*?</form>', page)
    assert form and "csrfmiddlewaretoken" in form[0]
    page = admin_client.post(reverse(UNDO), follow=True, headers={"Accept-Language": "en"})
    assert "2 pictures are back." in page.content.decode()
    assert Image.objects.present().count() == 2
    assert [status(row) for row in rows] == ["succeeded", "queued"]


def test_undo_brings_back_the_last_deletion_once(admin_client):
    act(admin_client, "trash", make.answered())
    admin_client.post(reverse(UNDO))
    act(admin_client, "trash", make.answered())
    act(admin_client, "trash", other := make.answered())
    admin_client.post(reverse(UNDO))
    assert list(Image.objects.present().order_by("pk"))[-1] == other.image
    page = admin_client.post(reverse(UNDO), follow=True, headers={"Accept-Language": "en"})
    assert "0 pictures are back." in page.content.decode()


def test_looking_at_the_address_of_undo_changes_nothing(admin_client):
    act(admin_client, "trash", make.answered())
    admin_client.get(reverse(UNDO))
    assert not Image.objects.present().exists()


def test_without_a_trash_nothing_is_deleted_by_it(admin_client, settings):
    settings.TRASH_HOURS = 0
    page = act(admin_client, "trash", make.answered())
    assert "could not be undone" in page and Image.objects.present().exists()


@pytest.mark.parametrize("at", [PREDICTIONS, IMAGES])
def test_pictures_are_set_aside_and_released_from_both_lists(admin_client, at):
    row = make.answered()
    chosen = row if at == PREDICTIONS else row.image
    assert "Set aside: 1" in act(admin_client, "quarantine", chosen, at=at)
    assert Image.objects.get().quarantined_at
    assert "Set aside: 0" in act(admin_client, "quarantine", chosen, at=at)
    assert "Released: 1" in act(admin_client, "release", chosen, at=at)
    assert Image.objects.get().quarantined_at is None


def test_who_did_it_stands_in_the_log(admin_client):
    row = make.answered()
    act(admin_client, "quarantine", row)
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("admin", str(row.pk))
    assert entry.get_change_message() == "Set aside"


@pytest.mark.parametrize("action", ["trash", "quarantine", "release", "run_again"])
def test_more_than_a_request_can_change_is_refused_whole(admin_client, monkeypatch, action):
    monkeypatch.setattr(actions, "MOST", 1)
    page = act(admin_client, action, make.answered(), make.answered())
    assert "Choose at most 1 at once. Nothing was changed." in page
    assert Image.objects.present().filter(quarantined_at=None).count() == 2
    assert not Correction.objects.exists()


ACTIONS = ["retry_failed", "cancel_queued", "run_again", "trash", "quarantine", "release"]


@pytest.mark.parametrize("action", ACTIONS)
def test_staff_without_the_permission_is_offered_none_and_can_do_none(client, action):
    client.force_login(make.user("staff", is_staff=True))
    rows = [failed(), make.prediction(), make.answered()]
    page = act(client, action, *rows)
    assert f'value="{action}"' not in page
    assert [status(row) for row in rows] == [Status.FAILED, Status.QUEUED, Status.SUCCEEDED]
    assert Image.objects.present().filter(quarantined_at=None).count() == 3
    assert not Correction.objects.exists()


def test_undo_is_for_those_who_may_delete(client):
    client.force_login(make.user("staff", is_staff=True))
    assert client.post(reverse(UNDO)).status_code == 403


def test_the_lists_are_filtered_by_what_is_set_aside_and_corrected(admin_client):
    row, other = make.answered(), make.answered()
    row.image.quarantine()
    query = {"image__quarantined_at__isempty": "0"}
    page = admin_client.get(reverse(PREDICTIONS), query).content.decode()
    assert str(row.image_id) in page and str(other.image_id) not in page
    assert admin_client.get(reverse(IMAGES), {"quarantined_at__isempty": "0"}).status_code == 200
    assert admin_client.get(reverse(PREDICTIONS), {"corrected_at__isempty": "1"}).status_code == 200


DELETE = {"action": "delete_selected", "post": "yes"}


def test_more_pictures_than_a_request_can_delete_are_refused_before_they_are_gathered(
    admin_client, monkeypatch, django_capture_on_commit_callbacks
):
    rows = [make.answered() for _ in range(3)]
    monkeypatch.setattr(actions, "MOST", 2)
    page = act(admin_client, "delete_selected", *(row.image for row in rows), at=IMAGES)
    assert "Choose at most 2 at once" in page and "purge --help" in page
    data = {**DELETE, "_selected_action": [str(row.image_id) for row in rows]}
    admin_client.post(reverse(IMAGES), data)
    assert Image.objects.count() == 3
    data["_selected_action"].pop()
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(reverse(IMAGES), data)
    assert Image.objects.count() == 1


def test_more_deliveries_than_a_request_can_change_are_not_sent_again(admin_client, monkeypatch):
    monkeypatch.setattr(actions, "MOST", 1)
    user = User.objects.get(username="admin")
    endpoint = WebhookEndpoint.objects.create(user=user, url="https://example.org/hook")
    rows = [WebhookDelivery.objects.create(endpoint=endpoint, event="test") for _ in range(2)]
    WebhookDelivery.objects.update(status="failed", last_error="TIMEOUT")
    at = "admin:classifier_webhookdelivery_changelist"
    assert "Nothing was changed" in act(admin_client, "replay", *rows, at=at)
    assert {row.status for row in WebhookDelivery.objects.all()} == {"failed"}
    assert "To be sent again: 1" in act(admin_client, "replay", rows[0], at=at)


@pytest.mark.parametrize("at", [PREDICTIONS, IMAGES])
def test_no_list_offers_to_count_all_rows_by_each_filter(admin_client, at):
    assert "_facets" not in admin_client.get(reverse(at)).content.decode()
