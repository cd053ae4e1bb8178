"""A process that takes tasks waits longer for the broker than one that only sends them."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

from tests.postgresql import postgresql

LEVELS = """
app.log.setup(loglevel="INFO")
import logging
levels = {name: logging.getLogger(name).getEffectiveLevel() for name in ("", "worker", "celery")}
root = logging.getLogger()
print(json.dumps([levels, [handler.formatter._fmt for handler in root.handlers]]))
"""
TOLD = "print(json.dumps(app.connection_for_read().transport_options))"

# Two tasks one after another, as Celery runs them in a worker: which connections they have.
TASKS = """
from celery.app.trace import build_tracer
from celery.fixups.django import DjangoWorkerFixup
from django.db import connection

used = []

@app.task(name="task")
def task():
    connection.ensure_connection()
    used.append(connection.connection)
    connection.errors_occurred = FAILED

fixup = DjangoWorkerFixup(app).install()  # signals hold it weakly
run = build_tracer(task.name, app.tasks[task.name], app=app)
run("1", (), {})
closed = connection.connection is None
run("2", (), {})
print(json.dumps([closed, used[0] is used[1]]))
"""


def told(code: str, **environment: str) -> Any:
    """What a fresh process prints at its end."""
    program = "import json, django; django.setup()\nfrom classifier_site.celery import app\n"
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program + code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "classifier_site.settings", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(out.stdout.splitlines()[-1])


def transport_options(code: str = "") -> dict[str, object]:
    """As the connection of a fresh process gets them, after `code`."""
    options: dict[str, object] = told(f"{code}\n{TOLD}")
    return options


@pytest.mark.parametrize(("level", "number"), [("WARNING", 30), ("debug", 10)])
def test_workers_and_jobs_log_by_the_site_s_settings(level, number):
    """Celery would set a level of its own."""
    levels, _formats = told(LEVELS, KADR_LOG_LEVEL=level)
    assert set(levels.values()) == {number}


@pytest.mark.parametrize(("level", "number"), [("INFO", 30), ("DEBUG", 10)])
def test_the_beat_is_silent_about_what_is_due_unless_all_is_to_be_told(level, number):
    code = LEVELS.replace('("", "worker", "celery")', '("celery.beat",)')
    assert told(code, KADR_LOG_LEVEL=level)[0] == {"celery.beat": number}


def test_workers_and_jobs_log_in_the_web_process_s_format():
    _levels, formats = told(LEVELS)
    assert formats == [settings.LOGGING["formatters"]["line"]["format"]]


def test_a_process_that_only_sends_is_held_for_a_second():
    assert transport_options() == settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"] == 1


def test_a_process_that_takes_tasks_notices_a_dead_connection_by_itself():
    options = transport_options("app.Worker(hostname='worker@test')")
    assert options == settings.WORKER_BROKER_TRANSPORT_OPTIONS
    assert options["health_check_interval"] == 5


def test_a_task_keeps_the_connection_to_sqlite_for_the_next_one(tmp_path):
    code = TASKS.replace("FAILED", "False")
    closed, kept = told(code, KADR_DATA=str(tmp_path), DATABASE_URL="")
    assert not closed and kept


def test_a_task_whose_database_failed_leaves_no_connection_to_the_next_one(tmp_path):
    code = TASKS.replace("FAILED", "True")
    closed, kept = told(code, KADR_DATA=str(tmp_path), DATABASE_URL="")
    assert closed and not kept


def test_a_task_gives_its_connection_to_postgresql_back_to_the_pool(tmp_path):
    code = TASKS.replace("FAILED", "False")
    with postgresql() as url:
        closed, _kept = told(code, KADR_DATA=str(tmp_path), DATABASE_URL=url)
    assert closed
