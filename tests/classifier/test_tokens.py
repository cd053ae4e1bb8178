"""manage.py create_token."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from classifier.models import ApiToken

pytestmark = pytest.mark.django_db


def create(user: str, name: str) -> str:
    out = io.StringIO()
    call_command("create_token", user, name, stdout=out)
    return out.getvalue().splitlines()[-1]


def test_the_last_line_is_a_token_that_works(alice):
    token = create("alice", "laptop")
    client = APIClient(headers={"Authorization": f"Bearer {token}"})
    assert client.get("/api/v1/predictions").status_code == 200


def test_only_a_hash_is_kept(alice):
    token = create("alice", "laptop")
    row = ApiToken.objects.get()
    assert token not in (row.digest, row.name)
    assert ApiToken.objects.find(token) == row


def test_a_user_may_have_several_tokens_but_not_two_of_one_name(alice):
    create("alice", "laptop")
    create("alice", "server")
    with pytest.raises(CommandError, match="laptop"):
        create("alice", "laptop")
    assert ApiToken.objects.count() == 2


def test_a_new_user_is_made_and_cannot_log_in_by_password():
    create("script", "nightly")
    user = User.objects.get(username="script")
    assert not user.has_usable_password()
    assert not user.is_staff
