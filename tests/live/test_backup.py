"""A backup taken while the service is writing, restored into an empty place: everything is there,
and what was not finished is finished."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import psycopg
import pytest

from classifier.storage import DurableFileSystemStorage
from tests import make, models
from tests.live.service import Service, wait_for
from tests.postgresql import pg, postgresql
from tests.upgrades.databases import PostgreSQL
from tests.upgrades.dump import python

IMAGES = "SELECT sha256, original, preview FROM classifier_image"


def unpack(archive: Path, folder: Path) -> None:
    """As docs/operations.md says."""
    folder.mkdir(mode=0o700)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)


def check_pictures(rows: list[tuple[str, str, str]], folder: Path) -> None:
    images = DurableFileSystemStorage(folder / "images")
    for sha256, original, preview in rows:
        assert hashlib.sha256(images.open(original).read()).hexdigest() == sha256
        assert images.open(preview).read().startswith(b"\xff\xd8\xff")


@pytest.mark.slow
def test_a_backup_of_the_running_service_is_restored_and_goes_on(service, tmp_path):
    status, done = service.upload(make.noise_jpeg(1, side=500), Prefer="wait=30")
    assert status == 200
    ids: list[str] = []
    enough, stop = threading.Event(), threading.Event()

    def send() -> None:
        for number in range(400):
            ids.append(service.upload(make.noise_jpeg(number, side=60))[1]["id"])
            if len(ids) == 10:
                enough.set()
            if stop.is_set():
                return

    own = models.variant(service.data / "models", "own")
    unfinished = own.with_name(".next.partial")
    shutil.copytree(own, unfinished)
    archive = tmp_path / "kadr.tar"
    os.kill(service.pid("worker"), signal.SIGSTOP)  # so that something waits in the snapshot
    uploads = threading.Thread(target=send)
    try:
        uploads.start()
        assert enough.wait(60)
        acknowledged = list(ids)
        told = service.manage("backup", str(archive))
    finally:
        stop.set()
        uploads.join()
        os.kill(service.pid("worker"), signal.SIGCONT)
        shutil.rmtree(own)
        shutil.rmtree(unfinished)
    assert "files beside the database" in told
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600

    folder = tmp_path / "restored"
    unpack(archive, folder)
    restored = Service(folder)
    assert restored.unfinished() >= 10
    assert [each.name for each in (folder / "models").iterdir()] == ["own"]
    assert "! own" not in restored.manage("models")
    check_pictures(restored.rows(IMAGES), folder)
    try:
        restored.start()
        restored.token = service.token  # the tokens are there too
        wait_for(lambda: restored.unfinished() == 0, 120, restored.describe)
        assert restored.prediction(done["id"])["result"] == done["result"]
        for pk in acknowledged:
            assert restored.prediction(pk)["status"] == "succeeded"
    finally:
        restored.stop()


WRITE = """
import sys, uuid
import django
django.setup()
from classifier.models import Owner
from tests import make
visitor = Owner(visitor=uuid.UUID(int=7))
for number in range(100000):
    row = make.prediction(visitor) if number % 3 else make.answered(visitor)
    print(row.pk, flush=True)
"""
FINISH = """
from datetime import timedelta

import django
django.setup()
from django.db.models.functions import Now

from classifier.models import Prediction
from tests import make
# As half a minute does.
Prediction.objects.filter(status="running").update(lease_until=Now() - timedelta(seconds=1))
Prediction.objects.free_lost()
waiting = list(Prediction.objects.unfinished())
for row in waiting:
    assert row.image.read_preview()
    make.answer(row)
print(len(waiting), Prediction.objects.unfinished().count(), Prediction.objects.count())
"""


@pytest.mark.slow
def test_a_dump_of_postgresql_and_the_pictures_are_restored_together(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    with postgresql() as server:
        before = PostgreSQL(old, server, "before")
        before.migrate()
        settings = {"DJANGO_SETTINGS_MODULE": "classifier_site.settings", **before.environment}
        command = [sys.executable, "-c", WRITE]
        writer = subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True
        )
        try:
            acknowledged = [writer.stdout.readline().strip() for _ in range(30)]
            pg("pg_dump", before.url, "--format=custom", f"--file={tmp_path}/kadr.pgdump")
            more = writer.stdout.readline()
            refused = subprocess.run(
                [sys.executable, "manage.py", "backup", str(tmp_path / "kadr.tar")],
                env={**os.environ, **settings},
                capture_output=True,
                text=True,
            )
            assert refused.returncode == 1 and "pg_dump" in refused.stderr
            words = ("backup", "--pictures-only", str(tmp_path / "kadr.tar"))
            python("manage.py", *words, **before.environment)
        finally:
            writer.kill()
            writer.wait()
            writer.stdout.close()
        assert more, "nothing was being written"

        unpack(tmp_path / "kadr.tar", new)
        after = PostgreSQL(new, server, "after")
        dump = str(tmp_path / "kadr.pgdump")
        pg("pg_restore", dump, "--no-owner", "--exit-on-error", f"--dbname={after.url}")
        check_pictures(after.rows(IMAGES), new)
        with psycopg.connect(after.url) as database:
            rows = dict(database.execute("SELECT id::text, status FROM classifier_prediction"))
        assert set(acknowledged) <= set(rows)
        assert all(rows[pk] == "succeeded" for pk in acknowledged[::3])
        out = python("-c", FINISH, **after.environment)
        finished, unfinished, total = map(int, out.splitlines()[-1].split())
        assert finished >= 20 and unfinished == 0 and total == len(rows)


def test_a_backup_overwrites_nothing_and_leaves_nothing_half(tmp_path):
    (tmp_path / "data").mkdir()
    environment = {"KADR_DATA": str(tmp_path / "data"), "DATABASE_URL": ""}
    python("manage.py", "migrate", "--no-input", **environment)
    there = tmp_path / "there.tar"
    there.write_text("mine")
    for target, said in ((there, "is there already"), (tmp_path / "no" / "x.tar", "cannot")):
        process = subprocess.run(
            [sys.executable, "manage.py", "backup", str(target)],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        assert process.returncode == 1 and said in process.stderr
    assert there.read_text() == "mine"
    good = tmp_path / "good.tar"
    python("manage.py", "backup", str(good), **environment)
    with tarfile.open(good) as archive:
        assert archive.getnames()[0] == "kadr.sqlite3"
    assert [path.name for path in tmp_path.glob("*.partial")] == []
