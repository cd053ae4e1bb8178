"""The Celery app, configured by Django's settings."""

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "classifier_site.settings")
app = Celery("kadr")
app.config_from_object("django.conf:settings", namespace="CELERY")


@signals.setup_logging.connect
def log_as_the_site_does(**_kwargs: Any) -> None:
    """By KADR_LOG_LEVEL, in the web process's format; Celery would set up a logging of its own."""
    from logging import config

    from django.conf import settings

    config.dictConfig(settings.LOGGING)


@signals.celeryd_init.connect
def wait_longer_for_the_broker(conf: Any, **_kwargs: Any) -> None:
    """In a process that takes tasks; one that only sends them must not wait."""
    from django.conf import settings

    from classifier_site import places

    places.keep_free()
    # In place: Celery looks a name up among Django's settings first, past what is set on `conf`.
    conf.broker_transport_options.update(settings.WORKER_BROKER_TRANSPORT_OPTIONS)


@signals.task_prerun.connect
@signals.task_postrun.connect
def let_go_of_old_connections(sender: Any, **_kwargs: Any) -> None:
    """What a request does. Celery's own would close each connection twice a task, and to open
    SQLite's anew takes a tenth of a single picture's time; so it is told to leave them alone."""
    from django.db import connections

    if sender.request.is_eager:
        return
    for connection in connections.all(initialized_only=True):
        if connection.errors_occurred:  # SQLite never calls one unusable
            connection.close()
        connection.close_if_unusable_or_obsolete()
