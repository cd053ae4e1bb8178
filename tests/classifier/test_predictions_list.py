"""The list of predictions: one's own, by pages and filters; and what cannot be asked of it."""

import uuid

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from classifier.models import ModelVersion, Owner, Prediction, Review, Status
from classifier.models.review import Word
from tests import make

pytestmark = pytest.mark.django_db
URL = "/api/v1/predictions"


def send(client: APIClient, content: bytes | None = None, **headers):
    return client.post(URL, {"image": make.upload(content)}, headers=headers)


def own(client: APIClient) -> Owner:
    """The owner that a visitor's client is after its first upload."""
    return Owner(visitor=uuid.UUID(client.session["visitor"]))


def test_the_list_holds_only_ones_own_newest_first(api):
    ids = [send(api).json()["id"] for _ in range(3)]
    make.prediction()
    listed = [row["id"] for row in api.get(URL).json()["results"]]
    assert listed == ids[::-1]


def test_a_stranger_lists_nothing(api):
    make.prediction()
    assert api.get(URL).json()["results"] == []


def test_the_list_is_read_page_by_page_without_gaps_or_repeats(api):
    ids = {send(api).json()["id"] for _ in range(7)}
    page, read = api.get(URL, {"page_size": 3}).json(), []
    while True:
        read += [row["id"] for row in page["results"]]
        if not page["next"]:
            break
        page = api.get(page["next"]).json()
    assert len(read) == 7 and set(read) == ids


def test_the_list_is_filtered_by_several_ids(api):
    ids = [send(api).json()["id"] for _ in range(3)]
    wanted = ids[:2]
    listed = api.get(URL, {"id": ",".join([*wanted, str(uuid.UUID(int=7))])}).json()["results"]
    assert {row["id"] for row in listed} == set(wanted)


def test_the_list_is_filtered_by_status_and_label(api):
    done = send(api).json()["id"]
    make.answer(Prediction.objects.get(pk=done))
    waiting = send(api).json()["id"]

    def listed(**query) -> list[str]:
        return [row["id"] for row in api.get(URL, query).json()["results"]]

    assert listed(status="succeeded") == listed(label="dog") == [done]
    assert listed(status="queued") == [waiting]
    assert listed(status=["queued", "succeeded"]) == [waiting, done]
    assert listed(label="cat") == []


def test_the_list_is_filtered_by_whether_a_reviewer_has_decided(api):
    reviewer = User.objects.create_user("reviewer")
    decided, skipped, waiting = (send(api).json()["id"] for _ in range(3))
    for pk in (decided, skipped):
        make.answer(Prediction.objects.get(pk=pk))

    def listed(reviewed: str) -> list[str]:
        return [row["id"] for row in api.get(URL, {"is_reviewed": reviewed}).json()["results"]]

    words = [Word(uuid.UUID(decided), "cat"), Word(uuid.UUID(skipped), skip=True)]
    said = Review.objects.say(reviewer, words)
    assert listed("true") == [decided]
    assert listed("false") == [waiting, skipped]
    again = str(Prediction.objects.ask(Prediction.objects.get(pk=decided).image).pk)
    assert listed("true") == [again, decided]
    Review.objects.withdraw(reviewer, [said[uuid.UUID(decided)].pk])
    assert listed("true") == []


@pytest.mark.parametrize("filter_", ["is_reviewed", "off_topic"])
def test_a_filter_of_yes_or_no_takes_nothing_else(api, filter_):
    response = api.get(URL, {filter_: "maybe"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == f"#/{filter_}"


def test_an_unknown_status_in_a_filter_is_refused_with_a_pointer(api):
    response = api.get(URL, {"status": "pending"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "#/status"


def test_the_poll_of_many_is_a_handful_of_queries(api, django_assert_max_num_queries):
    ids = [send(api).json()["id"] for _ in range(10)]
    make.answer(Prediction.objects.get(pk=ids[0]))
    with django_assert_max_num_queries(2):  # the session, the rows
        api.get(URL, {"id": ",".join(ids)})


def test_two_models_that_answered_are_told_apart(api):
    pk = send(api).json()["id"]
    make.answer(Prediction.objects.get(pk=pk))
    other = make.model_version("e" * 64)
    assert ModelVersion.objects.count() == 2
    assert Prediction.objects.get(pk=pk).model != other
    assert Prediction.objects.get(pk=pk).status == Status.SUCCEEDED


def test_an_id_that_is_none_is_refused_rather_than_ignored(api):
    response = api.get(URL, {"id": "nonsense"})
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")


def test_a_filter_without_a_value_is_refused_rather_than_ignored(api):
    response = api.get(URL, {"label": ""}, headers={"Accept-Language": "en"})
    assert response.status_code == 400 and "label" in response.json()["detail"]


@pytest.mark.parametrize("size", ["0", "-1", "x", "", "1.5"])
def test_a_page_size_that_makes_no_sense_is_refused(api, size):
    send(api)
    assert api.get(URL, {"page_size": size}).status_code == 400


def test_a_page_holds_no_more_than_the_limit(api):
    send(api)
    assert api.get(URL, {"page_size": "1" * 50}).status_code == 200
