"""Every code there is, provoked over HTTP: none is dead, and none goes without its case here."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import override
from rest_framework.test import APIClient

from classifier import counters, queue_depth
from classifier.api import throttles
from classifier.models import (
    ApiToken,
    IdempotencyKey,
    Owner,
    Prediction,
    Scope,
    WebhookDelivery,
    WebhookEndpoint,
)
from classifier.problem_kinds import KINDS
from classifier.problems import Problem
from classifier_site.wsgi import WholeBody
from tests import hostile, make
from tests.archives import one_file_zip, tar_of, zip_of, zip_of_mode
from tests.worker.test_micro_batches import BLUE, FailsOn, Served, break_preview
from worker import micro_batches

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]
API = "/api/v1"
NOBODY = "00000000-0000-7000-8000-000000000000"


@dataclass
class World:
    """What a case may use: alice's client by token, a visitor's, and the settings to narrow."""

    alice: APIClient
    owner: Owner
    settings: Any
    monkeypatch: pytest.MonkeyPatch

    @property
    def user(self) -> Any:
        return self.owner.user

    def send(self, content: bytes | None = None, **fields: Any) -> Any:
        data = {"image": make.upload(content), **fields}
        return self.alice.post(f"{API}/predictions", data)

    def batch(self, *names: str, **fields: Any) -> Any:
        files = [SimpleUploadedFile(name, make.jpeg()) for name in names]
        return self.alice.post(f"{API}/batches", {"image": files, **fields})

    def archive(self, content: bytes) -> Any:
        data = {"archive": SimpleUploadedFile("pictures.zip", content)}
        return self.alice.post(f"{API}/batches", data)

    def lines(self, text: str) -> Any:
        return self.alice.post(f"{API}/batches", text, content_type="application/jsonl")

    def dispute(self, row: Prediction, label: str) -> Any:
        at = f"{API}/predictions/{row.pk}/dispute"
        return self.alice.post(at, {"label": label}, format="json")

    def endpoint(self, **fields: Any) -> str:
        made = WebhookEndpoint.objects.register(self.user, url="https://example.com/", **fields)
        return f"{API}/webhook-endpoints/{made.pk}"

    def narrow(self, **limits: int) -> "World":
        for name, value in limits.items():
            setattr(self.settings, name, value)
        return self


@pytest.fixture
def world(alice: Owner, alice_api: APIClient, settings, monkeypatch) -> World:
    return World(alice_api, alice, settings, monkeypatch)


def sent_twice(w: World, second: bytes, unfinished: bool = False) -> Any:
    headers = {"Idempotency-Key": "k"}
    w.alice.post(f"{API}/predictions", {"image": make.upload()}, headers=headers)
    if unfinished:
        IdempotencyKey.objects.update(status_code=None)
    return w.alice.post(f"{API}/predictions", {"image": make.upload(second)}, headers=headers)


def cut_off(w: World) -> Any:
    body = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n\xff\xd8'
    stream = WholeBody(io.BytesIO(body), len(body) + 500)
    form = "multipart/form-data; boundary=b"
    return w.alice.generic(
        "POST", f"{API}/predictions", body, form, **{"wsgi.input": stream, "CONTENT_LENGTH": "700"}
    )


def disk_is_gone(w: World) -> Any:
    Path(w.settings.MEDIA_ROOT).write_text("a file where the folder should be")
    w.alice.raise_request_exception = False
    return w.send()


def without_database(w: World) -> Any:
    """test_database_down.py takes a real one away."""

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    w.monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)
    return w.send()


def too_often(w: World) -> Any:
    w.settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    w.monkeypatch.setattr(counters, "_not_before", 0.0)
    w.monkeypatch.setitem(throttles.RATES, "token", 1)
    answers = [w.alice.get(f"{API}/meta") for _ in range(3)]  # a minute may end among them
    return answers[-1]


def more_than_anything_taken(w: World) -> Any:
    return w.alice.generic("POST", f"{API}/batches", b"", CONTENT_LENGTH=str(10 * 1024**3))


def in_chunks(w: World) -> Any:
    """As gunicorn hands over a body that was sent with Transfer-Encoding."""
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    return w.alice.generic("POST", f"{API}/predictions", b"", "multipart/form-data", **chunked)


def known_otherwise(w: World) -> Any:
    at = f"{API}/predictions/{make.prediction(w.owner).pk}"
    return w.alice.get(at, headers={"If-Match": '"another"'})


def no_decoder_is_free(w: World) -> Any:
    return w.narrow(MAX_DECODING=0).send(make.jpeg(1001, 1000))


def decoders_die(w: World) -> Any:
    w.narrow(DECODER_CPU_SECONDS=1, MAX_SCANS=10_000)
    return w.send(hostile.scan_bomb(3000, side=4000))


def not_deleted(w: World) -> Any:
    row = make.prediction(w.owner)
    return w.alice.post(f"{API}/predictions/{row.pk}/restore")


def too_deep(w: World) -> Any:
    w.narrow(QUEUE_LIMIT=1)
    make.prediction()
    w.monkeypatch.setattr(queue_depth, "_full", False)
    w.monkeypatch.setattr(queue_depth, "_looked_at", float("-inf"))
    return w.send()


def busy(w: World) -> Any:
    at = w.endpoint()
    delivery = w.alice.post(f"{at}/test").json()["id"]
    WebhookDelivery.objects.claim()
    return w.alice.post(f"{at}/deliveries/{delivery}/replay")


def one_export_too_many(w: World) -> Any:
    w.narrow(EXPORT_LIMIT=1)
    for _ in range(2):
        answer = w.alice.post(f"{API}/exports", {"format": "csv"}, format="json")
    return answer


def one_webhook_too_many(w: World) -> Any:
    for _ in range(10):
        w.endpoint()
    w.settings.WEBHOOK_ALLOW_PRIVATE = True
    return w.alice.post(f"{API}/webhook-endpoints", {"url": "http://127.0.0.1/"}, format="json")


def only_reading(w: World) -> Any:
    token = ApiToken.objects.issue(w.user, "reader", scopes=[Scope.READ])
    reader = APIClient(headers={"Authorization": f"Bearer {token}"})
    return reader.post(f"{API}/predictions", {"image": make.upload()})


def cancel_what_is_done(w: World) -> Any:
    return w.alice.post(f"{API}/predictions/{make.answered(w.owner).pk}/cancel")


def without_csrf_token(_w: World) -> Any:
    browser = APIClient(enforce_csrf_checks=True)
    return browser.post(f"{API}/predictions", {"image": make.upload()})


def noise(seed: int) -> bytes:
    return make.noise_jpeg(seed, side=80)


# How the service comes to answer a request with each.
REFUSED: dict[str, Callable[[World], Any]] = {
    "ARCHIVE_BOMB": lambda w: w.archive(one_file_zip(bytes(8 * 1024 * 1024))),
    "ARCHIVE_ENCRYPTED": lambda w: w.archive(one_file_zip(b"picture", flags=1)),
    "ARCHIVE_MULTI_DISK": lambda w: w.archive(b"PK\7\x08" + zip_of({"a.jpg": b"a"})),
    "ARCHIVE_TOO_LARGE": lambda w: w.narrow(MAX_ARCHIVE_BYTES=9000).archive(
        tar_of({str(seed): noise(seed) for seed in range(4)})
    ),
    "ARCHIVE_TOO_MANY": lambda w: w.narrow(MAX_ARCHIVE_ENTRIES=1).archive(
        zip_of({"a.jpg": b"a", "b.jpg": b"b"})
    ),
    "ARCHIVE_UNREADABLE": lambda w: w.archive(b"neither"),
    "BATCH_EMPTY": lambda w: w.batch(),
    "BATCH_LINE_INVALID": lambda w: w.lines("{}"),
    "BATCH_TOO_LARGE": lambda w: w.narrow(MAX_BATCH_PARTS=1).batch("a.jpg", "b.jpg"),
    "BODY_INCOMPLETE": cut_off,
    "BODY_TOO_LARGE": more_than_anything_taken,
    "DECODERS_BUSY": no_decoder_is_free,
    "DECODE_FAILED": decoders_die,
    "NOT_RESTORABLE": not_deleted,
    "CONTENT_TYPE_UNSUPPORTED": lambda w: w.alice.post(
        f"{API}/predictions", "hello", content_type="text/plain"
    ),
    "CSRF_FAILED": without_csrf_token,
    "CURSOR_INVALID": lambda w: w.alice.get(f"{API}/predictions?cursor=nonsense"),
    "DATABASE_UNAVAILABLE": without_database,
    "DUPLICATE_CUSTOM_ID": lambda w: w.batch("a.jpg", "a.jpg"),
    "EXPORT_LIMIT": one_export_too_many,
    "HOST_UNKNOWN": lambda w: w.alice.get(f"{API}/meta", headers={"Host": "kadr.example"}),
    "IDEMPOTENCY_IN_FLIGHT": lambda w: sent_twice(w, make.jpeg(), unfinished=True),
    "IDEMPOTENCY_KEY_INVALID": lambda w: w.alice.post(
        f"{API}/predictions", {"image": make.upload()}, headers={"Idempotency-Key": "k" * 256}
    ),
    "IDEMPOTENCY_KEY_REUSED": lambda w: sent_twice(w, make.jpeg(color="blue")),
    "ILLEGAL_TRANSITION": cancel_what_is_done,
    "IMAGE_EMPTY": lambda w: w.send(b""),
    "IMAGE_MISSING": lambda w: w.alice.post(f"{API}/predictions", {"top_k": "3"}),
    "IMAGE_WITHHELD": lambda w: ask_withheld(w),
    "IMAGE_NOT_FOUND": lambda w: w.alice.post(
        f"{API}/predictions", {"image_id": NOBODY}, format="json"
    ),
    "IMAGE_TOO_LARGE": lambda w: w.narrow(MAX_IMAGE_BYTES=1000).send(noise(1)),
    "IMAGE_UNDECODABLE": lambda w: w.send(noise(1)[:-500]),
    "INTERNAL": disk_is_gone,
    "INVALID_REQUEST": lambda w: w.alice.get(f"{API}/predictions?page_size=0"),
    "JSON_EXPECTED": lambda w: w.alice.post(f"{API}/webhook-endpoints", {"url": "x"}),
    "LABEL_INVALID": lambda w: w.dispute(make.answered(w.owner), "dog"),
    "LENGTH_REQUIRED": in_chunks,
    "LOGIN_REQUIRED": lambda w: APIClient().get(f"{API}/webhook-endpoints"),
    "METADATA_INVALID": lambda w: w.send(metadata="[1]"),
    "METHOD_NOT_ALLOWED": lambda w: w.alice.put(f"{API}/predictions"),
    "MODEL_UNKNOWN": lambda w: w.send(model="another"),
    "NOT_ACCEPTABLE": lambda w: w.alice.get(f"{API}/meta", headers={"Accept": "image/png"}),
    "NOT_ANSWERED": lambda w: w.dispute(make.prediction(w.owner), "cat"),
    "NOT_FOUND": lambda w: w.alice.get(f"{API}/predictions/{NOBODY}"),
    "PIXEL_LIMIT": lambda w: w.narrow(MAX_IMAGE_PIXELS=10).send(),
    "PRECONDITION_FAILED": known_otherwise,
    "QUEUE_FULL": too_deep,
    "RATE_LIMITED": too_often,
    "SCAN_LIMIT": lambda w: w.narrow(MAX_SCANS=2).send(make.jpeg(progressive=True)),
    "STORAGE_FULL": lambda w: w.narrow(FREE_BYTES=2**60).send(),
    "TOKEN_SCOPE": only_reading,
    "TOO_MANY_IMAGES": lambda w: w.narrow(MAX_IMAGES=1).alice.post(
        f"{API}/predictions", {"image": [make.upload(), make.upload()]}
    ),
    "TOP_K_INVALID": lambda w: w.send(top_k="none"),
    "UNAUTHENTICATED": lambda w: APIClient(headers={"Authorization": "Bearer x"}).get(
        f"{API}/predictions"
    ),
    "UNSUPPORTED_MEDIA_TYPE": lambda w: w.send(b"<svg/>"),
    "WEBHOOK_BUSY": busy,
    "WEBHOOK_DISABLED": lambda w: w.alice.post(
        w.endpoint(enabled=False, disabled_reason="owner") + "/test"
    ),
    "WEBHOOK_LIMIT": one_webhook_too_many,
    "WEBHOOK_URL_REFUSED": lambda w: w.alice.post(
        f"{API}/webhook-endpoints", {"url": "https://127.0.0.1/"}, format="json"
    ),
}


def ask_withheld(w: World) -> Any:
    image = make.image(w.owner)
    image.quarantine()
    return w.alice.post(f"{API}/predictions", {"image_id": str(image.pk)}, format="json")


def item_of(w: World, archive: bytes) -> Any:
    batch = w.archive(archive).json()
    (item,) = w.alice.get(batch["items_url"]).json()["results"]
    return item


def after_work(w: World, row: Prediction, runtime: Any = None) -> Any:
    """What the API shows of `row` once a worker has used up its attempts."""
    served = Served(make.model_version())
    served.runtime = runtime or served.runtime
    micro_batches.run(served)
    return w.alice.get(f"{API}/predictions/{row.pk}").json()


def preview_is_gone(w: World) -> Any:
    row = make.prediction(w.owner)
    break_preview(row, None)
    return after_work(w, row)


def model_fails(w: World) -> Any:
    image = make.image(w.owner, make.jpeg(color=BLUE))
    return after_work(w, Prediction.objects.ask(image), FailsOn())


def workers_die(w: World) -> Any:
    row = make.prediction(w.owner)
    for _ in range(w.settings.MAX_ATTEMPTS):
        Prediction.objects.claim(1, worker="dies")
        Prediction.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        Prediction.objects.free_lost()
    return w.alice.get(f"{API}/predictions/{row.pk}").json()


# How each comes to stand in a prediction that failed.
IN_A_PREDICTION: dict[str, Callable[[World], Any]] = {
    "ARCHIVE_ENTRY_REFUSED": lambda w: item_of(w, zip_of_mode("a.jpg", b"b.jpg", 0o120777)),
    "ARCHIVE_NESTED": lambda w: item_of(w, zip_of({"inner.zip": zip_of({})})),
    "ATTEMPTS_EXHAUSTED": workers_die,
    "INFERENCE_FAILED": model_fails,
    "PREVIEW_UNREADABLE": preview_is_gone,
}
# The admin's, which has pages only.
ON_A_PAGE = {"FORBIDDEN"}


def test_every_code_has_a_case_and_every_case_a_code():
    cases = [*REFUSED, *IN_A_PREDICTION, *ON_A_PAGE]
    assert sorted(cases) == sorted(KINDS)


@pytest.mark.parametrize("code", REFUSED)
def test_a_request_is_refused_with(world: World, code: str):
    response = REFUSED[code](world)
    body = response.json()
    assert (body["code"], body["status"]) == (code, KINDS[code].status)
    assert response.status_code == KINDS[code].status
    assert response["Content-Type"] == "application/problem+json"
    assert body["title"] and body["detail"] and body["instance"].startswith(API)
    leads_to_what_to_do(body)


def test_the_methods_that_are_allowed_are_named_as_the_advice_says(world: World):
    assert REFUSED["METHOD_NOT_ALLOWED"](world)["Allow"] == "GET, POST, HEAD, OPTIONS"


@pytest.mark.parametrize("code", IN_A_PREDICTION)
def test_a_prediction_fails_with(world: World, code: str):
    shown = IN_A_PREDICTION[code](world)
    assert (shown["status"], shown["result"]) == ("failed", None)
    assert (shown["error"]["code"], shown["error"]["status"]) == (code, KINDS[code].status)
    assert shown["error"]["title"] and shown["error"]["detail"]
    leads_to_what_to_do(shown["error"])


def test_who_may_not_see_a_page_of_the_admin_is_told_on_a_page():
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(make.user("clerk", is_staff=True))
    response = client.get("/admin/auth/user/")
    assert response.status_code == KINDS["FORBIDDEN"].status
    with override("en"):
        assert Problem("FORBIDDEN").title in response.content.decode()
        leads_to_what_to_do(Problem("FORBIDDEN").as_dict())


def leads_to_what_to_do(problem: dict[str, Any]) -> None:
    """The page at `type`, in both languages, has the title and a sentence of advice."""
    for language in ("uk", "en"):
        page = Client().get(problem["type"], headers={"Accept-Language": language})
        assert page.status_code == 200
        with override(language):
            known = Problem(problem["code"])
            assert escape(known.title) in page.content.decode()
            assert known.detail and escape(known.detail) in page.content.decode()
