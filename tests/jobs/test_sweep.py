"""What the sweep mends: rows of lost workers, and bells that nobody heard."""

import re
from datetime import timedelta

import pytest
from celery import current_app
from django.db import DatabaseError, connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from classifier import bell, exports, recalls
from classifier.models import Batch, Export, Image, Prediction, Status
from classifier.models.batch import ABANDONED_AFTER
from classifier.models.export import KEPT
from classifier.storage import DurableFileSystemStorage
from classifier_site.settings import BASE_DIR
from jobs import tasks
from jobs.limits import LIMITS, at_most
from launcher import commands
from tests import make


def test_the_schedule_names_tasks_that_exist_and_go_to_the_jobs_process():
    schedule = dict(current_app.conf.beat_schedule)
    del schedule["canary"]
    for entry in schedule.values():
        assert entry["task"] in current_app.tasks
        assert queue_of(entry["task"]) == "jobs"


def test_the_canary_is_a_bell_for_the_worker():
    task = current_app.conf.beat_schedule["canary"]["task"]
    assert task == bell.TASK
    assert queue_of(task) == "worker"


def queue_of(task: str) -> str:
    name: str = current_app.amqp.router.route({}, task)["queue"].name
    return name


@pytest.mark.django_db
def test_the_sweep_frees_the_rows_of_a_lost_worker_and_rings(bell_rings):
    row = make.prediction()
    Prediction.objects.claim(1, worker="gone")
    Prediction.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(seconds=1))
    tasks.sweep()
    row.refresh_from_db()
    assert row.status == Status.QUEUED
    assert bell_rings == [True]


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="it is SQLite's plans that are read")
@pytest.mark.parametrize("lost", [False, True])
def test_lost_rows_are_found_by_the_index_of_what_is_claimed(lost):
    """However many answers there are; and where there are none nothing is locked."""
    row = make.prediction()
    Prediction.objects.claim(1, worker="gone")
    moment = Now() + timedelta(minutes=-1 if lost else 1)
    Prediction.objects.filter(pk=row.pk).update(lease_until=moment)
    with CaptureQueriesContext(connection) as captured:
        assert Prediction.objects.free_lost() == lost
    asked = [q["sql"] for q in captured if q["sql"].startswith("SELECT")]
    assert len(captured) == 1 or lost
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]}")
        plan = str(cursor.fetchall())
    assert "SEARCH classifier_prediction USING INDEX prediction_claimed" in plan


@pytest.mark.django_db
def test_the_sweep_rings_for_a_row_whose_bell_was_lost(bell_rings):
    make.prediction()
    tasks.sweep()
    assert bell_rings == [True]


@pytest.mark.django_db
def test_the_sweep_is_silent_when_nothing_waits(bell_rings):
    make.answered()
    tasks.sweep()
    assert bell_rings == []


@pytest.mark.parametrize(
    ("task", "module", "work"),
    [
        ("recall", tasks.recalls, "settle"),
        ("purge", tasks.retention, "empty_trash"),
        ("tidy", tasks.orphans, "tidy"),
    ],
)
@pytest.mark.django_db
def test_what_takes_long_is_done_by_one_thread_at_a_time(monkeypatch, task, module, work):
    inside, run = [], getattr(tasks, task)

    def take_long() -> None:
        inside.append(1)
        run()  # as the schedule does while the first is still at it

    monkeypatch.setattr(module, work, take_long)
    run()
    run()
    assert len(inside) == 2


@pytest.mark.django_db(transaction=True)
def test_a_sweep_frees_lost_rows_while_another_forgets_a_large_batch(monkeypatch, bell_rings):
    batch = Batch.objects.create(touched_at=timezone.now() - 2 * ABANDONED_AFTER)
    row = make.prediction()
    Prediction.objects.claim(1, worker="gone")
    inside = []

    def take_long(self: Batch) -> None:
        inside.append(self.pk)
        Prediction.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(seconds=1))
        tasks.sweep()

    monkeypatch.setattr(Batch, "forget", take_long)
    tasks.sweep()
    assert inside == [batch.pk] and True in bell_rings
    assert Prediction.objects.get(pk=row.pk).status == Status.QUEUED


def test_all_that_may_take_long_leaves_threads_for_the_sweep():
    allowed = sum(LIMITS.values())
    assert len(LIMITS) == 6
    command = commands.jobs(None)
    assert int(command[command.index("--concurrency") + 1]) >= allowed + 2
    compose = (BASE_DIR / "docker-compose.yml").read_text()
    (threads,) = re.findall(r'"threads", "--concurrency", "(\d+)"', compose)
    assert int(threads) >= allowed + 2


def test_a_place_is_free_again_after_a_failure():
    @at_most(1)
    def fails() -> None:
        raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            fails()
    del LIMITS["fails"]


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_deleted_keeps_the_sweep_from_nothing(
    alice, media, monkeypatch, caplog
):
    """Neither that of an export nor that of a dead batch's picture."""
    batch = Batch.objects.create(touched_at=timezone.now() - 2 * ABANDONED_AFTER, **alice.fields())
    image = make.image(alice)
    Prediction.objects.ask(image, batch=batch, custom_id="1", position=0)
    stuck, _good = (Export.objects.create(format="csv", **alice.fields()) for _ in range(2))
    exports.write_waiting()
    stuck.refresh_from_db()
    Export.objects.update(created_at=timezone.now() - 2 * KEPT)
    delete = DurableFileSystemStorage.delete

    def refuse(self: DurableFileSystemStorage, name: str) -> None:
        if name in (image.original.name, stuck.file.name):
            raise PermissionError(name)
        delete(self, name)

    monkeypatch.setattr(DurableFileSystemStorage, "delete", refuse)
    waiting = make.prediction()
    tasks.sweep()
    assert list(Export.objects.all()) == [stuck] and not Batch.objects.exists()
    assert Prediction.objects.waiting().get() == waiting
    assert caplog.text.count("cannot be deleted") == 2
    monkeypatch.undo()
    tasks.sweep()
    tasks.purge()
    assert not Export.objects.exists()
    assert list(Image.objects.all()) == [waiting.image]


@pytest.mark.django_db
def test_the_sweep_rings_for_an_answer_that_is_to_be_checked_again(bell_rings):
    recalls.again(Prediction.objects.filter(pk=make.answered().pk))
    tasks.sweep()
    assert bell_rings == [True]


@pytest.mark.django_db
def test_tidying_that_fails_keeps_nothing_that_waits_from_its_bell(bell_rings, monkeypatch):
    def fail() -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(tasks.queues, "settle_drained", fail)
    make.prediction()
    with pytest.raises(DatabaseError):
        tasks.sweep()
    assert bell_rings == [True]
