"""The task that needs the model, and how messages are sent."""

from celery import current_app

from classifier import bell
from worker import tasks


def test_the_bell_rings_for_a_task_that_exists():
    assert bell.TASK in current_app.tasks
    assert tasks.classify.name == bell.TASK


def test_only_json_is_accepted_and_nothing_is_kept():
    conf = current_app.conf
    assert list(conf.accept_content) == ["json"]
    assert conf.result_backend is None and conf.task_ignore_result
    assert conf.task_acks_late and conf.worker_prefetch_multiplier == 1
    assert not conf.worker_enable_remote_control
