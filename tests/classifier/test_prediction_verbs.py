"""What can be asked of a prediction: top_k, metadata, model, cancel, retry, attempts, polling."""

import json

import pytest
from rest_framework.test import APIClient

from classifier import installed_models
from classifier.models import Attempt, Prediction, Status
from tests import make, models

pytestmark = pytest.mark.django_db
URL = "/api/v1/predictions"


def send(client: APIClient, **fields):
    return client.post(URL, {"image": make.upload(), **fields})


def sent(client: APIClient, **fields) -> Prediction:
    return Prediction.objects.get(pk=send(client, **fields).json()["id"])


def test_as_many_labels_are_listed_as_were_asked_for(api):
    for k in (1, 2, 3):
        row = make.answer(sent(api, top_k=k))
        assert len(api.get(f"{URL}/{row.pk}").json()["result"]["top"]) == k


@pytest.mark.parametrize("k", ["0", "101", "three", "-1", "1.5", "1" * 400])
def test_a_top_k_that_makes_no_sense_is_refused_and_nothing_is_kept(api, k):
    response = send(api, top_k=k)
    assert (response.status_code, response.json()["code"]) == (422, "TOP_K_INVALID")
    assert not Prediction.objects.exists()


def test_metadata_is_given_back_as_it_was(api):
    given = {"job": 7, "nested": {"кадр": [1, None, True]}}
    body = send(api, metadata=json.dumps(given)).json()
    assert body["metadata"] == given


@pytest.mark.parametrize(
    "metadata", ["[1]", "7", "{", '{"a": NaN}', json.dumps({"a": "x" * 5000}), '{"a": "\\u0000"}']
)
def test_metadata_that_cannot_be_kept_is_refused(api, metadata):
    response = send(api, metadata=metadata)
    assert (response.status_code, response.json()["code"]) == (422, "METADATA_INVALID")


def test_the_model_can_be_named_by_alias_or_id(api):
    for name in ("stable", models.NAME):
        assert send(api, model=name).status_code == 202


def test_a_model_of_one_s_own_is_named_by_its_folder_or_id_and_not_by_its_network(
    api, settings, tmp_path
):
    folder = models.variant(models.places(tmp_path, settings), "photos", id="photos-7")
    network = installed_models.read(folder).manifest.architecture
    settings.MODEL_FOLDER = folder
    for name in ("photos", "photos-7"):
        assert send(api, model=name).status_code == 202
    for other in (network, "cifar10_improved"):
        assert send(api, model=other).json()["code"] == "MODEL_UNKNOWN"
    (listed,) = api.get("/api/v1/meta").json()["models"]
    assert (listed["name"], listed["id"]) == ("photos", "photos-7")


def test_a_model_that_is_not_there_is_refused(api):
    response = send(api, model="gpt")
    assert (response.status_code, response.json()["code"]) == (422, "MODEL_UNKNOWN")


def test_a_picture_sent_before_can_be_asked_about_again(api):
    first = send(api).json()
    response = api.post(URL, {"image_id": first["image"]["id"], "top_k": 1}, format="json")
    assert response.status_code == 202
    assert response.json()["image"] == first["image"]
    assert response.json()["id"] != first["id"]


@pytest.mark.parametrize(
    "kind",
    ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"],
)
def test_the_type_of_a_json_body_may_name_its_characters(api, kind):
    image = send(api).json()["image"]["id"]
    response = api.generic("POST", URL, json.dumps({"image_id": image}), content_type=kind)
    assert (response.status_code, response.json()["image"]["id"]) == (202, image)


def test_a_body_without_anything_is_told_that_a_picture_is_missing(api):
    response = api.generic("POST", URL, b"", content_type="")
    assert (response.status_code, response.json()["code"]) == (400, "IMAGE_MISSING")


def test_a_picture_of_somebody_else_is_not_there(api):
    other = make.prediction()
    response = api.post(URL, {"image_id": str(other.image_id)}, format="json")
    assert (response.status_code, response.json()["code"]) == (422, "IMAGE_NOT_FOUND")


@pytest.mark.parametrize("body", ["[]", '"x"', "7", "{"])
def test_a_json_body_that_is_no_object_is_refused(api, body):
    response = api.post(URL, body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")


def test_what_waits_can_be_canceled(api):
    row = sent(api)
    body = api.post(f"{URL}/{row.pk}/cancel").json()
    assert body["status"] == "canceled" and body["finished_at"]
    assert Prediction.objects.claim(10, worker="w") == []


def test_what_runs_can_be_canceled_and_its_late_result_is_dropped(api):
    row = sent(api)
    (claimed,) = Prediction.objects.claim(1, worker="w")
    assert api.post(f"{URL}/{row.pk}/cancel").json()["status"] == "canceled"
    results = {row.pk: make.RESULT}
    assert Prediction.objects.publish(claimed.fence, make.model_version(), results) == 0
    assert Attempt.objects.get().outcome == "canceled"


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_what_is_answered_can_be_neither_canceled_nor_tried_again(api, verb):
    row = make.answer(sent(api))
    response = api.post(f"{URL}/{row.pk}/{verb}")
    assert (response.status_code, response.json()["code"]) == (409, "ILLEGAL_TRANSITION")


def test_what_was_canceled_can_be_tried_again_under_the_same_id(api, bell_rings):
    row = sent(api)
    api.post(f"{URL}/{row.pk}/cancel")
    body = api.post(f"{URL}/{row.pk}/retry").json()
    assert (body["id"], body["status"], body["finished_at"]) == (str(row.pk), "queued", None)
    assert make.answer(row).status == Status.SUCCEEDED


def test_what_used_up_its_attempts_gets_one_more_and_may_fail_again(api, settings):
    settings.MAX_ATTEMPTS = 1
    row = sent(api)
    for attempt in (1, 2):
        (claimed,) = Prediction.objects.claim(1, worker="w")
        Prediction.objects.give_back(claimed.fence, row.pk, "INFERENCE_FAILED")
        body = api.get(f"{URL}/{row.pk}").json()
        assert (body["status"], body["attempt"]) == ("failed", attempt)
        assert body["error"]["code"] == "INFERENCE_FAILED"
        assert api.post(f"{URL}/{row.pk}/retry").status_code == 200


def test_what_was_deleted_cannot_be_tried_again(api):
    row = sent(api)
    api.delete(f"{URL}/{row.pk}")
    assert api.post(f"{URL}/{row.pk}/retry").status_code == 409


def test_every_attempt_tells_its_worker_and_its_end(api):
    row = sent(api)
    (claimed,) = Prediction.objects.claim(1, worker="first")
    Prediction.objects.give_back(claimed.fence, row.pk, "INFERENCE_FAILED")
    Prediction.objects.claim(1, worker="second")
    Prediction.objects.filter(pk=row.pk).update(lease_until="2026-01-01T00:00Z")
    Prediction.objects.free_lost()
    (last,) = Prediction.objects.claim(1, worker="third")
    Prediction.objects.publish(last.fence, make.model_version(), {row.pk: make.RESULT})
    attempts = api.get(f"{URL}/{row.pk}/attempts").json()
    told = [(a["number"], a["worker"], a["outcome"], a["error_code"]) for a in attempts]
    assert told == [
        (1, "first", "failed", "INFERENCE_FAILED"),
        (2, "second", "lost", ""),
        (3, "third", "succeeded", ""),
    ]
    assert all(a["started_at"] and a["ended_at"] for a in attempts)


def test_before_the_first_claim_there_is_no_attempt(api):
    assert api.get(f"{URL}/{sent(api).pk}/attempts").json() == []


def test_polling_with_an_etag_costs_nothing_until_something_changes(api):
    row = sent(api)
    tag = api.get(f"{URL}/{row.pk}")["ETag"]
    assert not tag.startswith("W/")
    again = api.get(f"{URL}/{row.pk}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    make.answer(row)
    assert api.get(f"{URL}/{row.pk}", headers={"If-None-Match": tag}).status_code == 200


def test_who_is_told_that_nothing_changed_learns_when_to_ask_again(api):
    url = f"{URL}/{send(api).json()['id']}"
    whole = api.get(url)
    told = api.get(url, headers={"If-None-Match": whole["ETag"]})
    assert told.status_code == 304
    for name in ("ETag", "Cache-Control", "Retry-After", "Vary"):
        assert told[name] == whole[name]


def test_a_state_that_is_known_or_any_at_all_may_be_demanded(api):
    url = f"{URL}/{send(api).json()['id']}"
    for known in (api.get(url)["ETag"], "*"):
        assert api.get(url, headers={"If-Match": known}).status_code == 200
    response = api.get(url, headers={"If-Match": '"another"'})
    assert (response.status_code, response.json()["code"]) == (412, "PRECONDITION_FAILED")


def test_the_list_is_filtered_by_everything_that_is_offered(api):
    rows = [make.answer(sent(api)), sent(api)]
    done, waiting = (str(row.pk) for row in rows)
    moment = Prediction.objects.get(pk=waiting).created_at.isoformat()
    for query, found in (
        ({"model": "tiny"}, [done]),
        ({"model": "dddd"}, [done]),
        ({"source": "api"}, [waiting, done]),
        ({"source": "page"}, []),
        ({"confidence_gte": "0.7"}, [done]),
        ({"confidence_lt": "0.7"}, []),
        ({"created_after": moment}, [waiting]),
        ({"created_before": moment}, [done]),
    ):
        results = api.get(URL, query).json()["results"]
        assert [row["id"] for row in results] == found, query
