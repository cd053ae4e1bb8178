"""The tasks: what their messages may carry, and what the sweep mends."""

import pytest
from celery import current_app
from django.db.models.functions import Now

from classifier import bell
from classifier.models import Prediction, Status
from tests import make
from worker import tasks


def test_the_bell_rings_for_a_task_that_exists():
    assert bell.TASK in current_app.tasks
    assert tasks.classify.name == bell.TASK


def test_the_schedule_names_tasks_that_exist():
    for entry in current_app.conf.beat_schedule.values():
        assert entry["task"] in current_app.tasks


def test_only_json_is_accepted_and_nothing_is_kept():
    conf = current_app.conf
    assert list(conf.accept_content) == ["json"]
    assert conf.result_backend is None and conf.task_ignore_result
    assert conf.task_acks_late and conf.worker_prefetch_multiplier == 1
    assert not conf.worker_enable_remote_control


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
