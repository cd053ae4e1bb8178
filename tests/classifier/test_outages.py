"""A full disk and a database that is away are told apart from faults of ours, and leave nothing
half-written."""

import errno
import sqlite3

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection

from classifier import outages
from classifier.models import Batch, Image, Prediction
from classifier.outages import may_be_committed, problem_of
from tests import make
from tests.archives import zip_of

pytestmark = pytest.mark.django_db


def code(error: BaseException) -> str:
    problem = problem_of(error)
    return problem.code if problem else ""


def raised_by(query: str, path: str = ":memory:", **pragmas: int) -> OperationalError:
    """What Django makes of SQLite's own refusal."""
    database = sqlite3.connect(path)
    for name, value in pragmas.items():
        database.execute(f"PRAGMA {name} = {value}")
    with pytest.raises(sqlite3.OperationalError) as caught:
        database.execute(query)
    error = OperationalError(str(caught.value))
    error.__cause__ = caught.value
    return error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_that_takes_no_more_is_full(number):
    assert code(OSError(number, "cannot write")) == "STORAGE_FULL"


def test_a_database_that_finds_no_room_is_a_full_disk():
    error = raised_by("CREATE TABLE t AS SELECT zeroblob(100000)", max_page_count=2)
    assert "full" in str(error)
    assert code(error) == "STORAGE_FULL"


def test_a_locked_database_is_away(tmp_path):
    path = str(tmp_path / "locked.sqlite3")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert code(raised_by("CREATE TABLE t (a)", path, busy_timeout=1)) == "DATABASE_UNAVAILABLE"


def test_a_server_that_hung_up_is_away():
    assert code(OperationalError("the connection is lost")) == "DATABASE_UNAVAILABLE"
    assert code(InterfaceError("connection already closed")) == "DATABASE_UNAVAILABLE"


def test_what_is_our_own_fault_is_no_outage():
    assert not code(raised_by("SELECT * FROM no_table_of_this_name"))
    assert not code(OSError(errno.ENOENT, "no such file"))
    assert not code(IntegrityError("twice"))
    assert not code(RuntimeError())


def test_only_a_server_leaves_open_whether_it_committed():
    gone = OperationalError("the connection is lost")
    assert may_be_committed(gone) == (connection.vendor != "sqlite")
    assert not may_be_committed(RuntimeError())


def files(media) -> list[str]:
    return [path.name for path in media.rglob("*") if path.is_file()]


def test_with_little_room_nothing_is_taken_in(alice_api, settings, media):
    settings.FREE_BYTES = 2**60
    answer = alice_api.post("/api/v1/predictions", {"image": make.upload()})
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_FULL")
    assert int(answer["Retry-After"]) > 0
    assert not Image.objects.exists() and not Prediction.objects.exists() and not files(media)


def test_a_batch_for_which_room_runs_out_is_refused_whole(
    alice_api, settings, media, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr("classifier.intake.CHUNK", 2)
    rooms = iter([10**12, 10**12, 0])
    usage = outages.shutil.disk_usage(media.parent)
    monkeypatch.setattr(
        "classifier.outages.shutil.disk_usage", lambda _path: usage._replace(free=next(rooms))
    )
    archive = make.upload(zip_of({f"{n}.jpg": make.noise_jpeg(n) for n in range(6)}), "a.zip")
    with django_capture_on_commit_callbacks(execute=True):
        answer = alice_api.post("/api/v1/batches", {"archive": archive})
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_FULL")
    assert not Batch.objects.exists() and not Image.objects.exists() and not files(media)


def fail_to_insert(monkeypatch, error):
    def insert(_row):
        raise error

    monkeypatch.setattr("classifier.submission.insert", insert)


def test_an_upload_that_failed_leaves_no_file(alice_api, media, monkeypatch):
    alice_api.raise_request_exception = False
    fail_to_insert(monkeypatch, IntegrityError("cannot be"))
    assert alice_api.post("/api/v1/predictions", {"image": make.upload()}).status_code == 500
    assert not files(media)


def test_an_upload_that_may_have_been_committed_keeps_its_files(alice_api, media, monkeypatch):
    """The tidying removes them where no row names them after all."""
    fail_to_insert(monkeypatch, OperationalError("the connection is lost"))
    assert alice_api.post("/api/v1/predictions", {"image": make.upload()}).status_code == 503
    assert bool(files(media)) == (connection.vendor != "sqlite")


def test_a_bell_that_breaks_after_the_commit_costs_no_picture(
    alice_api, media, monkeypatch, django_capture_on_commit_callbacks
):
    def ring():
        raise RuntimeError("of no kind that was expected")

    monkeypatch.setattr("classifier.bell.ring", ring)
    with django_capture_on_commit_callbacks(execute=True):
        answer = alice_api.post("/api/v1/predictions", {"image": make.upload()})
    assert answer.status_code == 202
    assert Image.objects.get().read_preview()
