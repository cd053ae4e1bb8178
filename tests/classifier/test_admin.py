"""The admin: staff look, machines write."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from classifier.models import Image, Prediction
from tests import make

pytestmark = pytest.mark.django_db
LISTS = [
    "prediction",
    "image",
    "modelversion",
    "worker",
    "apitoken",
    "webhookendpoint",
    "webhookdelivery",
]


@pytest.fixture
def rows(admin_client):
    return [make.answered(), make.answered()]


def list_of(model: str) -> str:
    return reverse(f"admin:classifier_{model}_changelist")


@pytest.mark.parametrize("model", LISTS)
def test_every_list_opens_and_nothing_can_be_added(admin_client, rows, model):
    assert admin_client.get(list_of(model)).status_code == 200
    assert admin_client.get(reverse(f"admin:classifier_{model}_add")).status_code == 403


@pytest.mark.parametrize("model", LISTS)
def test_visitors_are_sent_to_the_log_in_page(client, model):
    response = client.get(list_of(model))
    assert response.status_code == 302 and "login" in response["Location"]


def test_the_predictions_show_thumbnail_label_confidence_and_model(admin_client, rows):
    page = admin_client.get(list_of("prediction")).content.decode()
    assert f"/images/{rows[0].image_id}.jpg" in page
    assert "dog" in page and "70,0\xa0%" in page and "tiny" in page


def test_a_confidence_is_written_there_as_on_the_page(admin_client, rows):
    Prediction.objects.update(confidence=0.99999)
    for language, written in (("en", "&gt;\xa099.9%"), ("uk", "&gt;\xa099,9\xa0%")):
        headers = {"Accept-Language": language}
        page = admin_client.get(list_of("prediction"), headers=headers).content.decode()
        assert page.count(written) == 2 and "100" not in page.partition("field-percent")[2][:40]


@pytest.mark.parametrize("query", ["dog", "photo.jpg"])
def test_the_predictions_are_searched(admin_client, rows, query):
    page = admin_client.get(list_of("prediction"), {"q": query}).content.decode()
    assert page.count('class="field-preview"') == 2


def test_the_predictions_are_found_by_id(admin_client, rows):
    page = admin_client.get(list_of("prediction"), {"q": str(rows[0].pk)}).content.decode()
    assert page.count('class="field-preview"') == 1


def test_the_predictions_are_filtered(admin_client, rows):
    waiting = make.prediction()
    page = admin_client.get(list_of("prediction"), {"status__exact": "queued"}).content.decode()
    assert str(waiting.image_id) in page and str(rows[0].image_id) not in page


def test_a_list_costs_no_query_a_row(admin_client, rows, django_assert_max_num_queries):
    for _ in range(10):
        make.answered()
    with django_assert_max_num_queries(12):
        admin_client.get(list_of("prediction"))


def test_a_prediction_is_read_only(admin_client, rows):
    url = reverse("admin:classifier_prediction_change", args=[rows[0].pk])
    assert admin_client.get(url).status_code == 200
    assert admin_client.post(url, {"label": "cat"}).status_code == 403
    delete = reverse("admin:classifier_prediction_delete", args=[rows[0].pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    assert Prediction.objects.get(pk=rows[0].pk).label == "dog"


def test_the_original_is_linked_nowhere(admin_client, rows):
    image = rows[0].image
    url = reverse("admin:classifier_image_change", args=[image.pk])
    page = admin_client.get(url).content.decode()
    assert image.original.name not in page


def test_deleting_an_image_erases_its_predictions_and_files(
    admin_client, rows, media, django_capture_on_commit_callbacks
):
    url = reverse("admin:classifier_image_delete", args=[rows[0].image_id])
    with django_capture_on_commit_callbacks(execute=True):
        assert admin_client.post(url, {"post": "yes"}).status_code == 302
    assert [i.pk for i in Image.objects.all()] == [rows[1].image_id]
    assert len([p for p in media.rglob("*") if p.is_file()]) == 1


def test_deleting_several_images_erases_their_files(
    admin_client, rows, media, django_capture_on_commit_callbacks
):
    data = {
        "action": "delete_selected",
        "_selected_action": [str(row.image_id) for row in rows],
        "post": "yes",
    }
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(list_of("image"), data)
    assert not Image.objects.exists()
    assert not [p for p in media.rglob("*") if p.is_file()]


@pytest.fixture
def staff_client(client) -> Client:
    """Staff without any permission given to them."""
    client.force_login(make.user("staff", is_staff=True))
    return client


@pytest.mark.parametrize("model", ["prediction", "image", "batch", "modelversion", "worker"])
def test_all_staff_may_look_at_what_was_sent_and_answered(staff_client, rows, model):
    assert staff_client.get(list_of(model)).status_code == 200


def test_staff_open_a_prediction_and_change_nothing(staff_client, rows):
    url = reverse("admin:classifier_prediction_change", args=[rows[0].pk])
    assert staff_client.get(url).status_code == 200
    assert staff_client.post(url, {"label": "cat"}).status_code == 403
    image = reverse("admin:classifier_image_delete", args=[rows[0].image_id])
    assert staff_client.post(image, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", ["apitoken", "webhookendpoint", "webhookdelivery"])
def test_tokens_and_webhooks_are_for_those_who_were_given_the_permission(staff_client, model):
    assert staff_client.get(list_of(model)).status_code == 403


@pytest.fixture
def mighty_client(client) -> Client:
    """Staff with every permission there is, and yet no superuser."""
    user = make.user("mighty", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    client.force_login(user)
    return client


@pytest.mark.parametrize("model", ["user", "group"])
def test_only_superusers_touch_users_and_groups(mighty_client, admin_client, model):
    row = User.objects.first() if model == "user" else Group.objects.create(name="g")
    for place, args in (
        ("changelist", []),
        ("add", []),
        ("change", [row.pk]),
        ("delete", [row.pk]),
    ):
        url = reverse(f"admin:auth_{model}_{place}", args=args)
        assert mighty_client.get(url).status_code == 403, place
        assert mighty_client.post(url, {"post": "yes"}).status_code == 403, place
        assert admin_client.get(url).status_code == 200, place


def test_nobody_makes_himself_superuser(mighty_client):
    user = User.objects.get(username="mighty")
    url = reverse("admin:auth_user_change", args=[user.pk])
    mighty_client.post(url, {"username": "mighty", "is_superuser": "on", "is_staff": "on"})
    user.refresh_from_db()
    assert not user.is_superuser


def test_models_are_changed_by_nobody_in_the_admin(mighty_client, rows):
    version = rows[0].model
    for place in ("change", "delete"):
        url = reverse(f"admin:classifier_modelversion_{place}", args=[version.pk])
        assert mighty_client.post(url, {"name": "x", "post": "yes"}).status_code == 403


def test_the_admin_carries_the_service_s_name(admin_client):
    page = admin_client.get("/admin/", headers={"Accept-Language": "en"}).content.decode()
    assert "Кадр · Kadr" in page and "Django administration" not in page
