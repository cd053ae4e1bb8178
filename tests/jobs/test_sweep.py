"""What the sweep mends: rows of lost workers, and bells that nobody heard."""

import pytest
from celery import current_app
from django.db.models.functions import Now

from classifier.models import Prediction, Status
from jobs import tasks
from tests import make


def test_the_schedule_names_tasks_that_exist_and_go_to_the_jobs_process():
    for entry in current_app.conf.beat_schedule.values():
        assert entry["task"] in current_app.tasks
        route = current_app.amqp.router.route({}, entry["task"])
        assert route["queue"].name == "jobs"


@pytest.mark.django_db
def test_the_sweep_frees_the_rows_of_a_lost_worker_and_rings(bell_rings):
    row = make.prediction()
    Prediction.objects.claim(1, worker="gone")
    Prediction.objects.filter(pk=row.pk).update(lease_until=Now())
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
