"""The gate's pages in the admin."""

import pytest
from django.urls import reverse

from classifier import installed_models
from classifier.models import ModelActivation, Trial
from classifier.promotion import serving, trials
from tests import make, models
from tests.classifier.test_promotion import (
    in_english as in_english,
)
from tests.classifier.test_promotion import (
    judged as judged,
)
from tests.classifier.test_promotion import (
    other as other,
)
from tests.classifier.test_promotion import (
    places as places,
)
from tests.classifier.test_promotion import (
    refused as refused,
)
from tests.classifier.test_promotion import (
    serves as serves,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]


def admin_url(name: str, *args) -> str:
    return reverse(f"admin:classifier_{name}", args=args)


def page(client, url: str, **query) -> str:
    return client.get(url, query, headers={"Accept-Language": "en"}).content.decode()


def test_a_trial_is_begun_in_the_admin(admin_client, other):
    data = {"candidate": other, "kind": "gate", "sample": "100"}
    answer = admin_client.post(admin_url("trial_add"), data)
    trial = Trial.objects.get()
    assert answer["Location"] == admin_url("trial_change", trial.pk)
    assert (trial.user.username, trial.sample) == ("admin", 100)
    assert "queued" in page(admin_client, answer["Location"])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"candidate": models.NAME, "kind": "gate"}, "is the model that serves"),
        ({"candidate": "same", "kind": "shadow"}, "above 0"),
        ({"candidate": "same", "kind": "shadow", "share": "7"}, "at most 1"),
        ({"candidate": "gpt", "kind": "gate"}, "not one of the available choices"),
    ],
)
def test_what_is_wrong_with_it_is_told_in_the_form(admin_client, other, data, told):
    answer = admin_client.post(admin_url("trial_add"), data, headers={"Accept-Language": "en"})
    assert answer.status_code == 200 and told in answer.content.decode()
    assert not Trial.objects.exists()


def test_its_page_shows_the_figures_and_the_pictures_that_change(admin_client, other):
    row = make.answered()
    trial = trials.begin_gate(other)
    trials.prepare(trial)
    fields = {"active_confidence": 0.7, "confidence": 0.9}
    trial.answers.get().write(active_label="dog", label="cat", **fields)
    shown = page(admin_client, admin_url("trial_change", refused(trial).pk))
    assert "Only 0 reviewed pictures; 50 are needed." in shown
    assert f"/images/{row.image_id}.jpg" in shown and "dog → cat" in shown
    url = admin_url("trial_change", trial.pk)
    assert f"/images/{row.image_id}" in page(admin_client, url, active_label="dog", label="cat")
    assert f"/images/{row.image_id}" not in page(admin_client, url, active_label="ship")


def test_it_is_promoted_there(admin_client, other):
    trial = judged(trials.begin_gate(other))
    assert "Promote" in page(admin_client, admin_url("trial_change", trial.pk))
    admin_client.post(admin_url("trial_promote", trial.pk), {"reason": "better"})
    assert ModelActivation.objects.get().user.username == "admin"
    assert "This version serves." in page(admin_client, admin_url("trial_change", trial.pk))


def test_past_a_limit_the_admin_wants_a_reason(admin_client, other):
    trial = refused(trials.begin_gate(other))
    url = admin_url("trial_promote", trial.pk)
    admin_client.post(url, {"reason": " "})
    assert not ModelActivation.objects.exists()
    admin_client.post(url, {"reason": "we know"})
    assert ModelActivation.objects.get().forced


def test_going_back_is_one_click(admin_client, other):
    serving.activate(installed_models.find(other))
    shown = page(admin_client, admin_url("modelactivation_changelist"))
    assert f"Go back to {models.NAME}" in shown
    admin_client.post(admin_url("back"))
    assert serves() == models.NAME


def test_a_trial_is_canceled_there(admin_client, other):
    trial = trials.begin_gate(other)
    admin_client.post(admin_url("trial_cancel", trial.pk))
    assert Trial.objects.get().status == "canceled"


@pytest.mark.parametrize("url", ["back", "trial_promote", "trial_cancel", "trial_add"])
def test_staff_without_the_permission_looks_and_changes_nothing(client, other, url):
    trial = judged(trials.begin_gate(other))
    client.force_login(make.user("staff", is_staff=True))
    assert client.get(admin_url("trial_change", trial.pk)).status_code == 200
    assert "Promote" not in page(client, admin_url("trial_change", trial.pk))
    args = [] if url in ("back", "trial_add") else [trial.pk]
    data = {"candidate": other, "kind": "gate"}
    assert client.post(admin_url(url, *args), data).status_code == 403
    assert not ModelActivation.objects.exists()


def test_an_address_that_is_no_trial_is_not_found(admin_client):
    assert admin_client.get(admin_url("trial_change", "nothing")).status_code == 404


@pytest.mark.parametrize("name", ["trial", "recall", "correction", "modelactivation"])
def test_every_list_opens(admin_client, other, name):
    trials.begin_gate(other)
    serving.activate(installed_models.find(other))
    assert admin_client.get(admin_url(f"{name}_changelist")).status_code == 200
