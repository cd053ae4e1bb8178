"""The row that is the job: claims, fences, leases, attempts and the states between them.

All of it runs on SQLite here and on PostgreSQL through tests/test_postgresql.py.
"""

import sqlite3
import uuid
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from classifier.models import Batch, Prediction, Result, Status, claiming, publishing
from classifier.models.prediction_queue import BATCH
from classifier.models.status import FINAL, TRANSITIONS
from tests import make

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(days=1)


def claim(limit: int = 10) -> list[Prediction]:
    """The rows that a worker was given, in that order, as they now are."""
    claimed = Prediction.objects.claim(limit, worker="w")
    return [Prediction.objects.get(pk=row.pk, fence=row.fence) for row in claimed]


def publish(row: Prediction, result: Result = make.RESULT) -> int:
    return Prediction.objects.publish(row.fence, make.model_version(), {row.pk: result})


def let_lease_run_out(row: Prediction) -> None:
    Prediction.objects.filter(pk=row.pk).update(lease_until=Now() - LONG_AGO)


def test_a_new_prediction_waits_and_belongs_to_the_owner_of_its_image(alice):
    row = make.prediction(alice)
    assert (row.status, row.attempt, row.owner) == (Status.QUEUED, 0, alice.user)


def test_a_claim_raises_the_attempt_and_sets_lease_fence_and_worker():
    make.prediction()
    (row,) = claim()
    assert (row.status, row.attempt, row.worker) == (Status.RUNNING, 1, "w")
    assert row.fence and row.started_at
    left = row.lease_until - timezone.now()
    assert timedelta(0) < left <= timedelta(seconds=settings.LEASE_SECONDS + 1)


def test_what_is_claimed_cannot_be_claimed_again():
    make.prediction()
    assert len(claim()) == 1
    assert claim() == []


def test_nothing_waiting_is_nothing_claimed():
    assert claim() == []


def test_a_claim_takes_no_more_than_its_limit_and_the_oldest_first():
    rows = [make.prediction() for _ in range(5)]
    assert [row.pk for row in claim(3)] == [row.pk for row in rows[:3]]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 9])
def test_a_claim_of_any_length_takes_every_row_of_it_and_no_other(n):
    rows = [make.prediction() for _ in range(n)]
    late = make.prediction()
    claimed = Prediction.objects.claim(n, worker="host:7")
    assert [row.pk for row in claimed] == [row.pk for row in rows]
    held = {(row.attempt, row.fence, row.worker) for row in Prediction.objects.exclude(pk=late.pk)}
    assert held == {(1, claimed[0].fence, "host:7")}
    late.refresh_from_db()
    assert (late.status, late.attempt, late.fence) == ("queued", 0, None)


def test_only_what_waits_is_taken():
    canceled, running, waiting = (make.prediction() for _ in range(3))
    Prediction.objects.filter(pk=canceled.pk).cancel()
    (held,) = Prediction.objects.filter(pk=running.pk).claim(1, worker="first")
    ids = [canceled.pk, running.pk, waiting.pk]
    assert claiming.take(ids, uuid.uuid4(), "second", using="default") == 1
    told = dict(Prediction.objects.values_list("pk", "status"))
    assert told == {canceled.pk: "canceled", running.pk: "running", waiting.pk: "running"}
    running.refresh_from_db()
    assert (running.fence, running.worker) == (held.fence, "first")


def test_a_lease_lasts_as_long_as_the_setting_says(settings):
    for settings.LEASE_SECONDS in (30, 3000):
        row = make.prediction()
        Prediction.objects.claim(1, worker="w")
        row.refresh_from_db()
        assert (row.lease_until - row.started_at).total_seconds() == settings.LEASE_SECONDS


def test_interactive_goes_before_batch():
    batch = make.prediction(priority=BATCH)
    interactive = make.prediction()
    assert [row.pk for row in claim(1)] == [interactive.pk]
    assert [row.pk for row in claim(1)] == [batch.pk]


def test_two_claims_have_different_fences():
    make.prediction()
    make.prediction()
    assert claim(1)[0].fence != claim(1)[0].fence


def test_a_published_result_is_kept_whole():
    row = make.answered()
    assert (row.status, row.label, row.confidence) == (Status.SUCCEEDED, "dog", 0.7)
    assert row.probabilities == [0.2, 0.7, 0.1]
    assert row.model.digest == "d" * 64
    assert row.finished_at and row.fence is None and row.lease_until is None


def test_the_top_is_ranked_and_named_in_both_languages():
    row = make.answered()
    from django.utils import translation

    with translation.override("uk"):
        assert [t["label_localized"] for t in row.top(2)] == ["собака", "кіт"]
    with translation.override("en"):
        assert [t["label"] for t in row.top()] == ["dog", "cat", "ship"]


def test_a_result_is_published_once():
    make.prediction()
    (row,) = claim()
    assert publish(row) == 1
    assert publish(row, Result("cat", 0.9, [0.9, 0.1, 0.0])) == 0
    row.refresh_from_db()
    assert row.label == "dog"


def test_a_result_under_another_fence_is_dropped():
    make.prediction()
    (row,) = claim()
    row.fence = uuid.uuid4()
    assert publish(row) == 0
    row.refresh_from_db()
    assert row.status == Status.RUNNING


def test_a_worker_that_lost_its_lease_cannot_overwrite_its_successor():
    make.prediction()
    (slow,) = claim()
    let_lease_run_out(slow)
    Prediction.objects.free_lost()
    (fast,) = claim()
    assert publish(slow, Result("cat", 0.9, [0.9, 0.1, 0.0])) == 0
    assert publish(fast) == 1
    fast.refresh_from_db()
    assert (fast.label, fast.attempt) == ("dog", 2)


def test_a_batch_publishes_what_it_still_holds_and_says_how_much_that_was():
    make.prediction()
    make.prediction()
    kept, lost = claim()
    Prediction.objects.filter(pk=lost.pk).delete()
    results = {kept.pk: make.RESULT, lost.pk: make.RESULT}
    assert Prediction.objects.publish(kept.fence, make.model_version(), results) == 1


def test_a_lease_that_still_runs_is_left_alone():
    make.prediction()
    claim()
    assert Prediction.objects.free_lost() == 0


def test_a_lost_row_returns_to_the_queue_with_its_attempt_counted():
    make.prediction()
    (row,) = claim()
    let_lease_run_out(row)
    assert Prediction.objects.free_lost() == 1
    row.refresh_from_db()
    assert (row.status, row.attempt, row.fence) == (Status.QUEUED, 1, None)


def test_a_row_that_loses_every_worker_fails_with_a_code():
    make.prediction()
    for _ in range(settings.MAX_ATTEMPTS):
        (row,) = claim()
        let_lease_run_out(row)
        Prediction.objects.free_lost()
    row.refresh_from_db()
    assert (row.status, row.error_code) == (Status.FAILED, "ATTEMPTS_EXHAUSTED")
    assert row.attempt == settings.MAX_ATTEMPTS and row.finished_at
    assert claim() == []


def test_a_row_given_back_fails_with_its_own_code_once_its_attempts_are_used_up():
    make.prediction()
    for attempt in range(1, settings.MAX_ATTEMPTS + 1):
        (row,) = claim()
        assert row.attempt == attempt
        Prediction.objects.give_back(row.fence, row.pk, "PREVIEW_UNREADABLE")
    row.refresh_from_db()
    assert (row.status, row.error_code) == (Status.FAILED, "PREVIEW_UNREADABLE")


def test_giving_back_under_another_fence_does_nothing():
    make.prediction()
    (row,) = claim()
    Prediction.objects.give_back(uuid.uuid4(), row.pk, "PREVIEW_UNREADABLE")
    row.refresh_from_db()
    assert row.status == Status.RUNNING


def test_a_row_that_was_tried_before_is_claimed_alone():
    """It may be what ended its last worker, and must not cost the others their attempts."""
    first, *others = [make.prediction() for _ in range(4)]
    Prediction.objects.filter(pk=first.pk).update(attempt=1)
    assert [row.pk for row in claim()] == [first.pk]
    assert [row.pk for row in claim()] == [row.pk for row in others]


def test_a_row_tried_before_does_not_join_a_batch_from_behind():
    rows = [make.prediction() for _ in range(3)]
    Prediction.objects.filter(pk=rows[1].pk).update(attempt=1)
    assert [row.pk for row in claim()] == [rows[0].pk, rows[2].pk]


@pytest.mark.parametrize("final", sorted(FINAL))
def test_a_final_state_never_changes(final):
    extra = {"error_code": "X"} if final == Status.FAILED else {}
    row = make.answered() if final == Status.SUCCEEDED else make.prediction()
    Prediction.objects.filter(pk=row.pk).update(status=final, finished_at=Now(), **extra)
    for status in Status:
        changed = Prediction.objects.filter(pk=row.pk)._move(status)
        assert changed == 0, f"{final} became {status}"


def test_every_state_has_its_transitions_and_only_known_states_follow():
    assert set(TRANSITIONS) == set(Status)
    assert frozenset().union(*TRANSITIONS.values()) <= set(Status)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "pending"},
        {"status": Status.RUNNING},
        {"fence": uuid.uuid4()},
        {"status": Status.FAILED, "finished_at": timezone.now()},
        {"status": Status.SUCCEEDED, "finished_at": timezone.now()},
        {"status": Status.CANCELED},
        {"finished_at": timezone.now()},
    ],
    ids=[
        "unknown status",
        "running without a fence",
        "a fence without running",
        "failed without a code",
        "succeeded without a result",
        "final without an end",
        "an end without being final",
    ],
)
def test_the_database_itself_refuses_a_row_that_contradicts_itself(fields):
    row = make.prediction()
    with pytest.raises(IntegrityError), transaction.atomic():
        Prediction.objects.filter(pk=row.pk).update(**fields)


@pytest.mark.django_db(transaction=True)
def test_more_rows_than_sqlite_takes_values_in_a_statement_are_canceled_and_tried_again(
    monkeypatch,
):
    monkeypatch.setattr("classifier.models.prediction_queue.PAGE", 20)
    image = make.image()
    for _ in range(70):
        Prediction.objects.ask(image)
    fewer = pytest.raises(OperationalError) if connection.vendor == "sqlite" else nullcontext()
    with at_most_values(50):
        with fewer:
            Prediction.objects.filter(pk__in=[row.pk for row in Prediction.objects.all()]).count()
        assert Prediction.objects.all().cancel() == 70
        assert Prediction.objects.all().retry() == 70
    assert Prediction.objects.waiting().count() == 70


@contextmanager
def at_most_values(number: int):
    """In a statement; PostgreSQL takes any number."""
    if connection.vendor != "sqlite":
        yield
        return
    kept = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, number)
    try:
        yield
    finally:
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, kept)


def test_published_results_tell_of_which_batches_they_are():
    batch = Batch.objects.create(owner=make.user())
    rows = [make.prediction(batch=batch, position=n, custom_id=str(n)) for n in range(3)]
    alone = make.prediction()
    assert publishing.batches(connection, [row.pk for row in (*rows, alone)]) == [batch.pk]
    assert publishing.batches(connection, [alone.pk]) == []
    assert publishing.batches(connection, []) == []
