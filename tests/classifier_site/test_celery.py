"""A process that takes tasks waits longer for the broker than one that only sends them."""

import json
import os
import subprocess
import sys

from django.conf import settings

TOLD = "import json; print(json.dumps(app.connection_for_read().transport_options))"


def transport_options(code: str = "") -> dict[str, object]:
    """As the connection of a fresh process gets them, after `code`."""
    program = f"import django; django.setup()\nfrom classifier_site.celery import app\n{code}\n"
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program + TOLD],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "classifier_site.settings"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    options: dict[str, object] = json.loads(out.stdout.splitlines()[-1])
    return options


def test_a_process_that_only_sends_is_held_for_a_second():
    assert transport_options() == settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"] == 1


def test_a_process_that_takes_tasks_notices_a_dead_connection_by_itself():
    options = transport_options("app.Worker(hostname='worker@test')")
    assert options == settings.WORKER_BROKER_TRANSPORT_OPTIONS
    assert options["health_check_interval"] == 5
