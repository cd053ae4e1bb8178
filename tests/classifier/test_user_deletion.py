"""Deleting an account in the admin: little goes at once, much is purged first."""

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse

from classifier import user_deletion
from classifier.models import Image, Prediction
from tests import make

pytestmark = pytest.mark.django_db
LIST = "admin:auth_user_changelist"
ENGLISH = {"headers": {"Accept-Language": "en"}}
PURGE = "python manage.py purge --user alice"


@pytest.fixture(autouse=True)
def at_most_two(monkeypatch):
    monkeypatch.setattr(user_deletion, "MOST", 2)


def delete(client, user: User) -> str:
    """By the account's own page; what is answered."""
    url = reverse("admin:auth_user_delete", args=[user.pk])
    return client.post(url, {"post": "yes"}, **ENGLISH).content.decode()


def delete_selected(client, *users: User) -> str:
    data = {
        "action": "delete_selected",
        "_selected_action": [user.pk for user in users],
        "post": "yes",
    }
    return client.post(reverse(LIST), data, **ENGLISH).content.decode()


def pictures(owner, n: int) -> None:
    for _ in range(n):
        make.answered(owner)


@pytest.mark.parametrize("way", [delete, delete_selected])
def test_an_account_with_few_pictures_goes_with_them(admin_client, alice, way, media):
    pictures(alice, 2)
    way(admin_client, alice.user)
    assert not User.objects.filter(username="alice").exists()
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("way", [delete, delete_selected])
def test_one_with_many_is_refused_with_what_to_run_first(admin_client, alice, way):
    pictures(alice, 3)
    page = way(admin_client, alice.user)
    assert "alice has 3 pictures or answers" in page and PURGE in page
    assert User.objects.filter(username="alice").exists() and Image.objects.count() == 3


def test_the_page_that_asks_says_it_too_and_offers_no_deletion(admin_client, alice):
    pictures(alice, 3)
    url = reverse("admin:auth_user_delete", args=[alice.user.pk])
    page = admin_client.get(url, **ENGLISH).content.decode()
    assert PURGE in page and 'type="submit" value="Yes' not in page


def test_several_that_have_many_together_are_refused(admin_client, alice, bob):
    pictures(alice, 2)
    pictures(bob, 1)
    page = delete_selected(admin_client, alice.user, bob.user)
    assert PURGE in page and "purge --user bob" in page
    assert Image.objects.count() == 3


def test_answers_whose_pictures_are_gone_count_as_well(
    admin_client, alice, django_capture_on_commit_callbacks
):
    pictures(alice, 3)
    with django_capture_on_commit_callbacks(execute=True):
        for image in Image.objects.all():
            image.erase()
    assert PURGE in delete(admin_client, alice.user)


def test_after_the_purge_it_goes(admin_client, alice, django_capture_on_commit_callbacks):
    pictures(alice, 3)
    with django_capture_on_commit_callbacks(execute=True):
        call_command("purge", "--user", "alice")
    Prediction.objects.filter(image=None).delete()  # in a test's transaction they go too late
    delete(admin_client, alice.user)
    assert not User.objects.filter(username="alice").exists()
