"""The same request sent twice does nothing twice."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, connections
from django.utils import timezone
from rest_framework.test import APIClient

from classifier.models import Batch, IdempotencyKey, Prediction
from classifier.models.batch import ABANDONED_AFTER
from classifier.models.idempotency import KEPT, IdempotencyKeyQuerySet
from jobs.tasks import sweep
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
PREDICTIONS, BATCHES = "/api/v1/predictions", "/api/v1/batches"
NOBODY = "00000000-0000-7000-8000-000000000000"


def send(client: APIClient, key: str, content: bytes | None = None, **fields):
    body = {"image": make.upload(content), **fields}
    return client.post(PREDICTIONS, body, headers={"Idempotency-Key": key})


def send_batch(client: APIClient, key: str, n: int = 3):
    files = [SimpleUploadedFile(f"{i}.jpg", make.noise_jpeg(i, side=24)) for i in range(n)]
    return client.post(BATCHES, {"image": files}, headers={"Idempotency-Key": key})


def send_lines(client: APIClient, key: str, *names: str):
    """A batch of lines. That nobody has the picture is the fate of an item, not of the batch."""
    lines = [json.dumps({"image_id": NOBODY, "custom_id": name}) for name in names or ["a"]]
    headers = {"Idempotency-Key": key}
    return client.post(BATCHES, "\n".join(lines), content_type="application/jsonl", headers=headers)


@pytest.mark.parametrize(("post", "rows"), [(send, 1), (send_batch, 3), (send_lines, 1)])
def test_a_repeated_request_gets_the_first_answer(alice_api, post, rows):
    first, second = post(alice_api, "k"), post(alice_api, "k")
    assert first.json() == second.json()
    assert first.status_code == second.status_code == 202
    assert first["Location"] == second["Location"]
    assert second["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first
    assert Prediction.objects.count() == rows


def test_another_body_under_the_same_key_is_refused(alice_api):
    send(alice_api, "k")
    for other in (send(alice_api, "k", make.jpeg(9, 9)), send(alice_api, "k", top_k="1")):
        assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert Prediction.objects.count() == 1


def test_other_lines_under_the_same_key_are_refused(alice_api):
    send_lines(alice_api, "k", "a", "b")
    other = send_lines(alice_api, "k", "a", "c")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert Batch.objects.count() == 1


def test_a_key_belongs_to_its_sender_and_route(alice_api, api):
    send(alice_api, "k")
    send(api, "k")
    send_batch(alice_api, "k")
    assert Prediction.objects.filter(batch=None).count() == 2
    assert Batch.objects.count() == 1


def test_a_request_that_was_refused_may_be_corrected_under_its_key(alice_api):
    assert send(alice_api, "k", b"<svg/>").status_code == 415
    assert send(alice_api, "k").status_code == 202


def test_a_batch_that_was_refused_may_be_corrected_under_its_key(alice_api):
    twice = [SimpleUploadedFile("a.jpg", make.jpeg()) for _ in range(2)]
    headers = {"Idempotency-Key": "k"}
    assert alice_api.post(BATCHES, {"image": twice}, headers=headers).status_code == 422
    assert send_batch(alice_api, "k").status_code == 202


def test_while_the_first_request_runs_the_second_is_told_to_wait(alice_api):
    send(alice_api, "k")
    IdempotencyKey.objects.update(status_code=None)
    response = send(alice_api, "k")
    assert (response.status_code, response.json()["code"]) == (409, "IDEMPOTENCY_IN_FLIGHT")


@pytest.mark.parametrize(("seconds", "told"), [(12, 12), (50, 30)])
def test_it_is_told_for_how_long_lest_it_sends_a_large_body_in_vain(alice_api, seconds, told):
    send_batch(alice_api, "k")
    IdempotencyKey.objects.update(
        status_code=None, held_until=timezone.now() + timedelta(seconds=seconds)
    )
    assert told - 2 <= int(send_batch(alice_api, "k")["Retry-After"]) <= told


def test_of_a_batch_whose_request_died_it_is_told_when_it_may_be_sent_anew(alice_api):
    send_batch(alice_api, "k")
    silent = timezone.now() - timedelta(seconds=70)
    Batch.objects.update(sealed_at=None, touched_at=silent)
    IdempotencyKey.objects.update(status_code=None, held_until=timezone.now())
    response = send_batch(alice_api, "k")
    assert response.json()["code"] == "IDEMPOTENCY_IN_FLIGHT"
    left = int(response["Retry-After"])
    assert 0 < left <= ABANDONED_AFTER.total_seconds() - 70 + 6
    Batch.objects.update(touched_at=silent - timedelta(seconds=left))
    sweep()
    assert send_batch(alice_api, "k").status_code == 202


def test_what_a_request_made_before_it_died_is_not_made_again(alice_api):
    first = send(alice_api, "k").json()["id"]
    IdempotencyKey.objects.update(status_code=None, held_until=timezone.now())
    response = send(alice_api, "k")
    assert (response.status_code, response.json()["id"]) == (202, first)
    assert Prediction.objects.count() == 1


def test_a_request_that_died_before_it_made_anything_is_run_anew(alice_api, alice):
    send(alice_api, "k")
    Prediction.objects.all().delete()
    IdempotencyKey.objects.update(status_code=None, resource=None, held_until=timezone.now())
    assert send(alice_api, "k").status_code == 202
    assert Prediction.objects.count() == 1


def test_a_batch_whose_request_died_is_taken_anew_once_the_rest_of_it_is_swept_away(alice_api):
    first = send_batch(alice_api, "k").json()["id"]
    Batch.objects.update(sealed_at=None, touched_at=timezone.now() - 2 * ABANDONED_AFTER)
    IdempotencyKey.objects.update(status_code=None, held_until=timezone.now())
    assert send_batch(alice_api, "k").json()["code"] == "IDEMPOTENCY_IN_FLIGHT"
    sweep()
    again = send_batch(alice_api, "k")
    assert again.status_code == 202 and again.json()["id"] != first
    assert Batch.objects.count() == 1


def test_a_request_that_was_taken_over_leaves_its_repetition_free_where_it_is_refused(alice_api):
    """It was silent for too long, so that another had its key when its batch was forgotten."""
    send_batch(alice_api, "k")
    IdempotencyKey.objects.update(status_code=None, holder=uuid.uuid4(), held_until=timezone.now())
    Batch.objects.get().forget()
    assert send_batch(alice_api, "k").status_code == 202


@pytest.mark.parametrize("post", [send, send_batch])
def test_a_request_that_stood_still_for_so_long_that_another_took_its_place_makes_nothing(
    alice_api, media, monkeypatch, post
):
    made = IdempotencyKey.made

    def too_late(self, resource):
        IdempotencyKey.objects.update(holder=uuid.uuid4())
        made(self, resource)

    monkeypatch.setattr(IdempotencyKey, "made", too_late)
    response = post(alice_api, "k")
    assert (response.status_code, response.json()["code"]) == (409, "IDEMPOTENCY_IN_FLIGHT")
    assert not Prediction.objects.exists() and not Batch.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_what_a_request_made_as_the_last_thing_before_it_fell_silent_is_not_made_again(
    alice_api, monkeypatch
):
    """Its key had been read by its repetition just before."""
    first = send(alice_api, "k").json()["id"]
    IdempotencyKey.objects.update(status_code=None, resource=None, held_until=timezone.now())
    take_over = IdempotencyKeyQuerySet._take_over

    def made_meanwhile(self, found):
        IdempotencyKey.objects.update(resource=first)
        return take_over(self, found)

    monkeypatch.setattr(IdempotencyKeyQuerySet, "_take_over", made_meanwhile)
    response = send(alice_api, "k")
    assert (response.status_code, response.json()["id"]) == (202, first)
    assert Prediction.objects.count() == 1


def test_after_a_day_a_key_may_be_used_again(alice_api):
    send(alice_api, "k")
    IdempotencyKey.objects.update(created_at=timezone.now() - KEPT - timedelta(minutes=1))
    assert send(alice_api, "k", make.jpeg(9, 9)).status_code == 202
    assert Prediction.objects.count() == 2


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ключ"])
def test_a_key_that_makes_no_sense_is_refused(alice_api, key):
    response = alice_api.post(
        PREDICTIONS, {"image": make.upload()}, headers={"Idempotency-Key": key}
    )
    assert (response.status_code, response.json()["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")


def test_identical_requests_at_the_same_moment_make_one_batch(alice_api):
    """On real threads and connections, several times, for it is a race."""
    together = threading.Barrier(4)

    def race(key: str) -> int:
        together.wait()
        try:
            return send_batch(alice_api, key).status_code
        finally:
            connections.close_all()

    for n in range(5):
        with ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(race, [f"key {n}"] * 4))
        assert 202 in statuses and set(statuses) <= {202, 409}
        assert Batch.objects.count() == n + 1
    assert connection.vendor in ("sqlite", "postgresql")


def test_a_key_that_is_let_go_of_at_the_same_moment_is_taken(monkeypatch):
    """Of two identical requests the first was refused, between the second's try and its look."""
    create, tries = IdempotencyKey.objects.create, []

    def taken_at_first(**fields):
        tries.append(fields)
        if len(tries) == 1:
            raise IntegrityError("idempotency_key_once")
        return create(**fields)

    rows = IdempotencyKey.objects.all()
    monkeypatch.setattr(rows, "create", taken_at_first)
    key = rows.begin("user:1", "/api/v1/predictions", "k", "f")
    assert len(tries) == 2 and not key.is_done
