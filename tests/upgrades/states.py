"""Rows in every state that this release knows, made through its own models."""

import uuid
from datetime import UTC, datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from classifier import recalls
from classifier.models import (
    ApiToken,
    Batch,
    Correction,
    Export,
    IdempotencyKey,
    ModelActivation,
    Owner,
    Prediction,
    Review,
    ReviewLock,
    Source,
    Status,
    Trial,
    WebhookDelivery,
    WebhookEndpoint,
    Worker,
    WorkQueue,
)
from classifier.models.owner import SESSION_KEY
from classifier.models.review import Word
from classifier.models.webhook import Disabled
from tests import make

VISITOR = uuid.UUID("00000000-0000-7000-8000-000000000001")
TOKEN_PREFIX = "kadr_upgrade_"  # the upgrade test calls with these
SESSION = "upgradeupgradeupgradeupgradeup12"


def make_all() -> None:
    settings.AUDIT_SHARE = 0.0
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    alice = Owner(user=make.user("alice", is_staff=True, is_superuser=True))
    bob, visitor = Owner(user=make.user("bob")), Owner(visitor=VISITOR)
    visit(VISITOR)
    tokens(alice, bob)
    for owner in (alice, bob, visitor):
        predictions(owner)
        batches(owner)
        exports(owner)
    webhooks(alice)
    keys(alice)
    reviews(alice, bob)
    recalled_and_tried(alice)
    Worker.objects.beat(
        "host:1", host="host", device="CPU", model=make.model_version(), started_at=timezone.now()
    )


def visit(visitor: uuid.UUID) -> None:
    """A browser's session, that a test can go on with, whenever it runs."""
    session = SessionStore()
    session[SESSION_KEY] = str(visitor)
    session.set_expiry(datetime(2100, 1, 1, tzinfo=UTC))
    session._session_key = SESSION
    session.save(must_create=True)


def tokens(*owners: Owner) -> None:
    token = import_module("classifier.models.token")
    for owner in owners:
        issued = ApiToken.objects.issue(owner.user, "in use")
        # A token that the test knows, in place of the random one.
        known = token.digest(f"{TOKEN_PREFIX}{owner.user}")
        ApiToken.objects.filter(digest=token.digest(issued)).update(digest=known)
        ApiToken.objects.issue(owner.user, "over", expires_at=timezone.now() - timedelta(days=1))
        ApiToken.objects.issue(owner.user, "revoked")
        ApiToken.objects.filter(user=owner.user, name="revoked").revoke()


def predictions(owner: Owner) -> None:
    make.answered(owner)
    make.prediction(owner, metadata={"job": 7}, source=Source.PAGE)
    spent = make.prediction(owner, attempt=2)
    (claimed,) = Prediction.objects.filter(pk=spent.pk).claim(1, worker="w")
    Prediction.objects.give_back(claimed.fence, spent.pk, "INFERENCE_FAILED")
    for status in (Status.CANCELED, Status.EXPIRED):
        make.prediction(owner, status=status, finished_at=timezone.now())
    make.answered(owner).image.erase()
    running = make.prediction(owner)
    Prediction.objects.filter(pk=running.pk).claim(1, worker="w")


def batches(owner: Owner) -> None:
    done, canceled, _unsealed = (
        Batch.objects.create(metadata={"n": n}, **owner.fields()) for n in range(3)
    )
    refused = {"status": Status.FAILED, "error_code": "UNSUPPORTED_MEDIA_TYPE"}
    Prediction.objects.create(
        batch=done,
        position=0,
        custom_id="a",
        finished_at=timezone.now(),
        **refused,
        **owner.fields(),
    )
    make.answer(make.prediction(owner, batch=done, position=1, custom_id="b", source=Source.BATCH))
    make.prediction(owner, batch=canceled, position=0, custom_id="a", source=Source.BATCH)
    done.seal()
    canceled.seal()
    canceled.cancel()


def exports(owner: Owner) -> None:
    Export.objects.create(format="csv", **owner.fields())
    running = Export.objects.create(format="jsonl", **owner.fields())
    Export.objects.filter(pk=running.pk).claim()
    ended = {"finished_at": timezone.now(), **owner.fields()}
    Export.objects.create(format="zip", status="failed", error_code="ATTEMPTS_EXHAUSTED", **ended)
    ready = Export(format="csv", status="ready", rows=1, byte_size=1, **ended)
    ready.file.name = f"exports/{ready.pk.hex}.csv"
    ready.save()


def webhooks(owner: Owner) -> None:
    enabled = WebhookEndpoint.objects.register(owner.user, url="https://receiver.example/")
    other = WebhookEndpoint.objects.register(owner.user, url="https://gone.example/")
    WebhookEndpoint.objects.filter(pk=other.pk).disable(Disabled.GONE)
    for _ in range(3):
        WebhookDelivery.objects.record_test(enabled)
    pending, delivered, failed = WebhookDelivery.objects.order_by("pk")
    entry = {"at": timezone.now().isoformat(), "status": 200, "error": ""}
    assert pending.status == "pending"
    WebhookDelivery.objects.mark_delivered(delivered, entry)
    WebhookDelivery.objects.mark_failed(failed, {**entry, "status": 500, "error": "HTTP 500"})


def reviews(reviewer: Owner, owner: Owner) -> None:
    settings.AUDIT_SHARE = 1.0
    for word in ({"label": "dog"}, {"label": "cat"}, {}, {"skip": True}):
        row = make.answered(owner)
        Review.objects.say(reviewer.user, [Word(row.pk, **word)])
    Review.objects.withdraw(reviewer.user, [Review.objects.latest("pk").pk])
    Review.objects.dispute(make.answered(owner), "cat")
    ReviewLock.objects.take(reviewer.user, [make.answered(owner).image_id])


def recalled_and_tried(owner: Owner) -> None:
    """A corrected answer, a trial with its answer, a queue that is held, a picture set aside."""
    recalls.again(Prediction.objects.filter(pk=make.answered(owner).pk), user=owner.user)
    other = make.model_version("e" * 64)
    (claimed,) = Correction.objects.claim(1, other, "w")
    Correction.objects.publish(claimed.fence, other, {claimed.pk: make.Result("cat", 1, [1, 0, 0])})
    shadow = Trial.objects.create(kind="shadow", status="running", share=0.5, digest="f" * 64)
    ModelActivation.objects.create(folder="f", digest="f" * 64, name="f", trial=shadow, forced=True)
    make.answered(owner).image.quarantine()
    WorkQueue.objects.change("batch", "draining", owner.user)


def keys(owner: Owner) -> None:
    scope = f"user:{owner.user.pk}"
    done = IdempotencyKey.objects.begin(scope, "/api/v1/predictions", "done", "f" * 64)
    done.made(Prediction.objects.first().pk)
    done.finish(202, {"Location": "/api/v1/predictions/x"}, "{}")
    IdempotencyKey.objects.begin(scope, "/api/v1/predictions", "in flight", "e" * 64)
