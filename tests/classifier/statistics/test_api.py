"""GET /stats/accuracy: the same figures for programs, for staff alone."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from classifier.models import ApiToken, Prediction
from tests import audits, make

pytestmark = pytest.mark.django_db
URL = "/api/v1/stats/accuracy"


@pytest.fixture
def staff_api(db) -> APIClient:
    token = ApiToken.objects.issue(make.user("staff", is_staff=True), "tests")
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def told(client: APIClient, **query) -> dict:
    response = client.get(URL, query)
    assert response.status_code == 200, response.content
    return response.json()


def test_it_is_refused_to_visitors_and_to_users_who_are_no_staff(api, alice_api):
    assert (api.get(URL).status_code, api.get(URL).json()["code"]) == (401, "LOGIN_REQUIRED")
    refused = alice_api.get(URL)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


def test_a_token_that_may_not_read_is_refused():
    user = make.user("staff", is_staff=True)
    token = ApiToken.objects.issue(user, "writes", scopes=["write"])
    client = APIClient(headers={"Authorization": f"Bearer {token}"})
    assert client.get(URL).json()["code"] == "TOKEN_SCOPE"


def test_staff_in_a_browser_may_look(api):
    api.force_login(make.user("staff", is_staff=True))
    assert told(api)["audit"]["state"] == "nothing_drawn"


def test_without_an_audit_there_is_no_estimate_and_the_state_says_why(staff_api):
    body = told(staff_api)
    assert body["accuracy"] is None and body["audit"]["state"] == "nothing_drawn"
    audits.audited()
    body = told(staff_api)
    assert body["accuracy"] is None and body["audit"]["state"] == "nothing_reviewed"
    assert body["audit"] == {
        "state": "nothing_reviewed",
        "drawn": 1,
        "reviewed": 0,
        "stands_for": 2,
        "complete": True,
    }


def test_it_tells_all_that_the_audit_says(staff_api):
    for _ in range(8):
        audits.audited("dog", "dog", confidence=0.9)
    audits.audited("dog", "cat", confidence=0.6)
    audits.audited("ship", "", confidence=0.5)
    body = told(staff_api)
    assert body["accuracy"] == {
        "value": 0.8,
        "interval_95": [0.4902, 0.9433],
        "n": 10,
        "effective_n": 10.0,
    }
    assert body["accuracy_of_the_classes"]["value"] == pytest.approx(8 / 9, abs=1e-4)
    assert body["none_of_the_classes"]["value"] == 0.1
    (model,) = body["models"]
    assert model["digest"] == make.model_version().digest and model["accuracy"]["n"] == 10
    classes = {row["label"]: row for row in body["classes"]}
    assert classes["dog"]["precision"]["value"] == pytest.approx(8 / 9, abs=1e-4)
    assert classes["dog"]["recall"]["value"] == 1.0
    assert classes["cat"]["recall"]["value"] == 0.0 and classes["cat"]["precision"] is None
    assert body["confusion"]["labels"] == ["cat", "dog", "ship", ""]
    assert body["confusion"]["counts"] == [[0, 1, 0, 0], [0, 8, 0, 0], [0] * 4, [0, 0, 1, 0]]
    bins = {b["confidence"]: b for b in body["calibration"]["bins"]}
    assert bins[0.9]["accuracy"]["value"] == 1.0 and bins[0.9]["share"] == 0.8
    assert body["calibration"]["error"] == pytest.approx(0.8 * 0.1 + 0.1 * 0.6 + 0.1 * 0.5)
    assert len(body["over_time"]) == 30 and body["over_time"][-1]["accuracy"]["n"] == 10
    assert body["agreement"] is None


def test_what_was_drawn_with_another_share_weighs_more(staff_api):
    audits.audited("dog", "dog", share=0.5)
    audits.audited("dog", "cat", share=0.1)
    body = told(staff_api)
    assert body["accuracy"]["value"] == pytest.approx(2 / 12, abs=1e-4)
    assert body["audit"]["stands_for"] == 12


def test_answers_fall_on_their_days_and_versions(staff_api):
    now = timezone.now()
    audits.audited("dog", "dog")
    old = audits.audited("dog", "cat", at=now - timedelta(days=3))
    other = make.model_version(digest="e" * 64)
    Prediction.objects.filter(pk=old.pk).update(model=other)
    body = told(staff_api, days=7)
    days = [row["accuracy"] and row["accuracy"]["value"] for row in body["over_time"]]
    assert days == [None, None, None, 0.0, None, None, 1.0]
    assert {m["digest"]: m["accuracy"]["value"] for m in body["models"]} == {
        "d" * 64: 1.0,
        "e" * 64: 0.0,
    }
    assert told(staff_api, model="eee")["accuracy"]["value"] == 0.0
    assert told(staff_api, model="eee")["model"] == "e" * 64


def test_what_is_older_than_the_period_does_not_count(staff_api):
    audits.audited("dog", "cat", at=timezone.now() - timedelta(days=8))
    assert told(staff_api, days=7)["audit"]["drawn"] == 0
    assert told(staff_api, days=30)["audit"]["drawn"] == 1


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"days": "31"}, 400, "INVALID_REQUEST"),
        ({"days": ""}, 400, "INVALID_REQUEST"),
        ({"model": "nobody's"}, 422, "MODEL_UNKNOWN"),
        ({"model": ""}, 422, "MODEL_UNKNOWN"),
    ],
)
def test_what_there_is_not_is_refused(staff_api, query, status, code):
    response = staff_api.get(URL, query)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_an_answer_that_the_service_drew_itself_counts(staff_api, settings):
    """Published, drawn and reviewed by the real parts: nothing is written into tables by hand."""
    settings.AUDIT_SHARE = 1.0
    row = make.answered()
    audits.say(row, "dog")
    body = told(staff_api)
    assert body["accuracy"]["value"] == 1.0 and body["audit"]["stands_for"] == 1


def test_reviews_chosen_for_being_unsure_do_not_count(staff_api, settings):
    settings.AUDIT_SHARE = 0.0
    audits.say(make.answered(), "cat")
    assert told(staff_api)["audit"]["state"] == "nothing_drawn"
