"""Whose pictures are whose: across logging in and out, for staff, and when a user is deleted."""

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from classifier import exports
from classifier.models import (
    ApiToken,
    Image,
    Owner,
    Prediction,
    WebhookDelivery,
    WebhookEndpoint,
)
from classifier.storage import DurableFileSystemStorage
from tests import make

pytestmark = pytest.mark.django_db
URL = "/api/v1/predictions"


def upload(client: Client) -> str:
    client.post("/", {"image": make.upload()})
    return str(Prediction.objects.latest("created_at").pk)


def history(client: Client) -> list[str]:
    return [row["id"] for row in client.get(URL).json()["results"]]


def test_what_a_visitor_sent_is_there_again_after_logging_in_and_out(client, alice):
    before = upload(client)
    client.force_login(alice.user)
    during = upload(client)
    assert history(client) == [during]
    client.post("/logout/")
    assert history(client) == [before]


def test_a_session_that_is_used_is_renewed_once_a_month(client):
    upload(client)
    session = client.session
    session["renewed"] = "2020-01"
    session.save()
    client.get("/")
    assert client.session["renewed"] != "2020-01"


@pytest.fixture
def staff() -> APIClient:
    user = make.user("staff", is_staff=True)
    token = ApiToken.objects.issue(user, "test")
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def test_staff_may_look_at_and_poll_for_what_is_others(staff, alice):
    row = make.prediction(alice)
    assert staff.get(f"{URL}/{row.pk}").status_code == 200
    assert [p["id"] for p in staff.get(URL, {"id": str(row.pk)}).json()["results"]] == [str(row.pk)]
    assert staff.get(URL).json()["results"] == []


@pytest.mark.parametrize(
    ("method", "path"), [("delete", ""), ("post", "/cancel"), ("post", "/retry")]
)
def test_staff_may_change_nothing_of_others_over_the_api(staff, alice, method, path):
    row = make.prediction(alice)
    assert getattr(staff, method)(f"{URL}/{row.pk}{path}").status_code == 404
    row.refresh_from_db()
    assert row.status == "queued" and row.image


def test_a_user_s_pictures_go_with_the_user_files_included(
    alice, media, admin_client, django_capture_on_commit_callbacks
):
    make.answered(alice)
    kept = make.prediction()
    page = f"/admin/auth/user/{alice.user.pk}/delete/"
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(page, {"post": "yes"})
    assert not User.objects.filter(pk=alice.user.pk).exists()
    assert list(Image.objects.all()) == [kept.image]
    assert not Prediction.objects.owned_by(Owner(user=alice.user)).exists()
    assert len([p for p in media.rglob("*") if p.is_file()]) == 1


def test_a_file_that_cannot_be_deleted_keeps_no_other_of_a_deleted_user(
    alice, media, monkeypatch, caplog, django_capture_on_commit_callbacks
):
    stuck = make.answered(alice).image.original.name
    make.answered(alice)
    delete = DurableFileSystemStorage.delete

    def refuse(self, name):
        if name == stuck:
            raise PermissionError(name)
        delete(self, name)

    monkeypatch.setattr(DurableFileSystemStorage, "delete", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        alice.user.delete()
    assert not User.objects.filter(pk=alice.user.pk).exists() and not Image.objects.exists()
    assert [str(p.relative_to(media)) for p in media.rglob("*") if p.is_file()] == [stuck]


def test_a_deleted_account_leaves_nothing_behind(
    alice, alice_api, media, django_capture_on_commit_callbacks
):
    """docs/security.md says so."""
    with_key = {"Idempotency-Key": "x"}
    alice_api.post(URL, {"image": make.upload()}, headers=with_key)
    alice_api.post("/api/v1/batches", {"image": [make.upload(), make.upload(b"no", "b.jpg")]})
    in_trash = make.answered(alice)
    in_trash.image.trash()
    make.answered(alice).image.erase()
    alice_api.post("/api/v1/exports", {"format": "csv"}, format="json")
    exports.write_waiting()
    endpoint = WebhookEndpoint.objects.create(user=alice.user, url="https://receiver.example/")
    WebhookDelivery.objects.record_test(endpoint)
    with django_capture_on_commit_callbacks(execute=True):
        alice.user.delete()
    left = {
        model.__name__: model.objects.count()
        for model in apps.get_app_config("classifier").get_models()
        if model.objects.exists()
    }
    assert left == {"ModelVersion": 1}
    assert [path for path in media.rglob("*") if path.is_file()] == []
