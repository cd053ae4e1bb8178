"""An image that kills its worker costs nobody else their answer.

A real process is killed, each time the image is read, until the attempts are used up.
"""

import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from classifier.models import Prediction, Status
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = """
    import os, signal, sys
    import django
    django.setup()
    from django.conf import settings
    name, media, poison = sys.argv[1:]
    settings.DATABASES["default"]["NAME"] = name
    settings.MEDIA_ROOT = media
    from ml import preprocess
    from classifier.models import ModelVersion
    from tests.worker.test_micro_batches import Served
    from worker import micro_batches

    read = preprocess.from_jpeg
    def from_jpeg(data, *args):
        if poison.encode() in data:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(data, *args)
    preprocess.from_jpeg = from_jpeg
    micro_batches.run(Served(ModelVersion.objects.get()))
"""


def work() -> int:
    """Run a worker until nothing waits or it dies; returns its exit status."""
    name, media = connection.settings_dict["NAME"], settings.MEDIA_ROOT
    command = [sys.executable, "-c", textwrap.dedent(WORKER), str(name), str(media), "POISON"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode in (0, -9), process.stderr
    return process.returncode


def let_leases_run_out() -> None:
    running = Prediction.objects.filter(status=Status.RUNNING)
    running.update(lease_until=Now() - timedelta(seconds=1))
    Prediction.objects.free_lost()


def test_an_image_that_kills_its_worker_fails_alone_after_its_attempts(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "classifier_site.settings")
    make.model_version()
    good = [make.prediction() for _ in range(3)]
    poison = make.prediction()
    path = settings.MEDIA_ROOT / poison.image.preview.name
    path.write_bytes(path.read_bytes() + b"POISON")
    others = [make.prediction() for _ in range(3)]

    deaths = 0
    while Prediction.objects.unfinished().exists():
        deaths += work() != 0
        let_leases_run_out()

    assert deaths == settings.MAX_ATTEMPTS
    poison.refresh_from_db()
    assert (poison.status, poison.error_code) == (Status.FAILED, "ATTEMPTS_EXHAUSTED")
    for row in good + others:
        row.refresh_from_db()
        assert row.status == Status.SUCCEEDED
        assert row.attempt <= 2
