"""What the sweep mends: rows of lost workers, and bells that nobody heard."""

from datetime import timedelta

import pytest
from celery import current_app
from django.db.models.functions import Now

from classifier import bell, recalls
from classifier.models import Prediction, Status
from jobs import tasks
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
def test_the_sweep_rings_for_a_row_whose_bell_was_lost(bell_rings):
    make.prediction()
    tasks.sweep()
    assert bell_rings == [True]


@pytest.mark.django_db
def test_the_sweep_is_silent_when_nothing_waits(bell_rings):
    make.answered()
    tasks.sweep()
    assert bell_rings == []


@pytest.mark.django_db
def test_recalls_are_gone_on_with_by_one_thread_at_a_time(monkeypatch):
    inside = []

    def settle() -> None:
        inside.append(1)
        tasks.recall()  # as the schedule does while the first is still at it

    monkeypatch.setattr(tasks.recalls, "settle", settle)
    tasks.recall()
    tasks.recall()
    assert len(inside) == 2


@pytest.mark.django_db
def test_the_sweep_rings_for_an_answer_that_is_to_be_checked_again(bell_rings):
    recalls.again(Prediction.objects.filter(pk=make.answered().pk))
    tasks.sweep()
    assert bell_rings == [True]
