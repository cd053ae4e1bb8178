"""What goes by age and by owner: files and rows together, whoever is killed meanwhile."""

import io
import os
import subprocess
import sys
import textwrap
import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from classifier import orphans, retention
from classifier.models import ApiToken, Batch, Export, Image, Prediction
from classifier.storage import DurableFileSystemStorage
from jobs import tasks
from tests import make

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=40)


@pytest.fixture(autouse=True)
def at_once(request, monkeypatch):
    """What waits for the commit is done; the tests that kill really commit."""
    if "transactional_db" not in request.fixturenames:
        monkeypatch.setattr("django.db.transaction.on_commit", lambda act, **_kwargs: act())


def age(*models, by=LONG_AGO) -> None:
    for model in models:
        model.objects.update(created_at=timezone.now() - by)


def files(media) -> list[str]:
    return sorted(path.name for path in media.rglob("*") if path.is_file())


def purge(*words: str) -> str:
    out = io.StringIO()
    call_command("purge", *words, stdout=out)
    return out.getvalue()


def everything(owner) -> None:
    """A picture with its answer, a tombstone, a batch with a refused item, an export."""
    make.answered(owner)
    make.answered(owner).image.erase()
    batch = Batch.objects.create(**owner.fields())
    failed = {"status": "failed", "error_code": "IMAGE_EMPTY", "finished_at": timezone.now()}
    Prediction.objects.create(batch=batch, position=0, **failed, **owner.fields())
    batch.seal()
    name = default_storage.save("exports/" + "a" * 32 + ".csv", ContentFile(b"x"))
    Export.objects.create(format="csv", status="ready", file=name, **owner.fields())


KINDS = (Image, Prediction, Batch, Export)


def counts() -> list[int]:
    return [kind.objects.count() for kind in KINDS]


def test_what_is_older_goes_with_files_and_rows_and_what_is_newer_stays(alice, media):
    everything(alice)
    age(*KINDS)
    kept = make.answered(alice)
    text = purge("--older-than", "30d")
    assert counts() == [1, 1, 0, 0]
    assert files(media) == [kept.image.original.name.split("/")[1]]
    assert text.startswith("Removed: pictures 1, bytes 6") and "answers 3, batches 1" in text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/batches", lambda: {"data": {"image": make.upload(b"no JPEG")}}),
        ("/api/v1/exports", lambda: {"data": {"format": "csv"}, "format": "json"}),
    ],
)
def test_who_repeats_a_request_whose_work_was_purged_begins_anew(alice, alice_api, path, body):
    def ask():
        return alice_api.post(path, **body(), headers={"Idempotency-Key": "k"})

    first = ask()
    assert ask()["Idempotency-Replayed"] == "true"
    purge("--user", "alice", "--dry-run")
    assert ask()["Idempotency-Replayed"] == "true"
    purge("--user", "alice")
    assert alice_api.get(first["Location"]).status_code == 404
    again = ask()
    assert again.status_code == 202 and "Idempotency-Replayed" not in again
    assert alice_api.get(again["Location"]).status_code == 200


def test_a_dry_run_tells_the_same_and_removes_nothing(alice, media):
    everything(alice)
    age(*KINDS)
    before = counts(), files(media)
    told = purge("--older-than", "30d", "--dry-run")
    assert (counts(), files(media)) == before
    assert told.split(": ", 1)[0] == "Would be removed"
    assert told.split(": ", 1)[1] == purge("--older-than", "30d").split(": ", 1)[1]


def test_a_picture_that_was_asked_about_lately_stays_with_all_its_answers(alice):
    row = make.answered(alice)
    age(Image, Prediction)
    Prediction.objects.ask(row.image)
    purge("--older-than", "30d")
    assert (Image.objects.count(), Prediction.objects.count()) == (1, 2)


def test_a_picture_that_is_asked_about_while_another_goes_stays(alice, monkeypatch):
    first, second = make.answered(alice), make.answered(alice)
    age(Image, Prediction)
    delete = DurableFileSystemStorage.delete

    def ask_meanwhile(self: DurableFileSystemStorage, name: str) -> None:
        delete(self, name)
        if name == first.image.original.name:
            Prediction.objects.ask(second.image)

    monkeypatch.setattr(DurableFileSystemStorage, "delete", ask_meanwhile)
    text = purge("--older-than", "30d")
    assert Image.objects.get() == second.image and "pictures 1," in text
    assert Prediction.objects.filter(image=second.image, deleted_at=None).count() == 2
    assert second.image.read_preview()


def test_what_is_not_finished_stays_however_old_it_is(alice):
    make.prediction(alice)
    age(Image, Prediction)
    purge("--older-than", "30d")
    assert Prediction.objects.get().status == "queued"


def test_one_user_s_pictures_go_and_nobody_else_s(alice, bob, media):
    for owner in (alice, bob):
        make.answered(owner)
        make.prediction(owner)
    ApiToken.objects.issue(alice.user, "stays")
    purge("--user", "alice")
    assert set(Prediction.objects.values_list("owner", flat=True)) == {bob.user.pk}
    assert len(files(media)) == 2
    assert User.objects.filter(username="alice").exists() and ApiToken.objects.exists()


def test_age_and_user_together_narrow_it(alice, bob):
    make.answered(alice)
    make.answered(bob)
    age(Image, Prediction)
    make.answered(alice)
    purge("--user", "alice", "--older-than", "30d")
    assert Image.objects.filter(owner=alice.user).count() == 1
    assert Image.objects.filter(owner=bob.user).count() == 1


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--dry-run",),
        ("--forget-lost", "--user", "alice"),
        ("--user", "nobody"),
        ("--older-than", "30"),
        ("--older-than", "0d"),
        ("--older-than", "d"),
        ("--older-than", "-3d"),
    ],
)
def test_what_is_unclear_removes_nothing(alice, words):
    make.answered(alice)
    age(Image, Prediction)
    with pytest.raises(CommandError):
        purge(*words)
    assert Image.objects.exists()


def test_more_than_a_page_goes_in_pages(alice, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(retention, "PAGE", 2)
    for _ in range(5):
        make.answered(alice)
    age(Image, Prediction)  # all at the same moment, to the microsecond
    purge("--older-than", "30d")
    assert counts() == [0, 0, 0, 0]


def test_the_trash_is_emptied_in_pages_and_found_by_its_index(alice, monkeypatch, media):
    monkeypatch.setattr(retention, "PAGE", 2)
    for _ in range(5):
        make.answered(alice)
    Image.objects.update(trashed_at=timezone.now() - timedelta(days=2))
    if connection.vendor == "sqlite":
        assert "image_in_trash" in Image.objects.spent().order_by("trashed_at", "pk").explain()
    assert retention.empty_trash() == 5
    assert not Image.objects.exists() and files(media) == []


def test_by_the_schedule_things_go_after_the_days_that_are_set_and_never_without(alice, settings):
    make.answered(alice)
    age(Image, Prediction)
    tasks.purge()
    assert Image.objects.exists()
    settings.KEEP_DAYS = 41
    tasks.purge()
    assert Image.objects.exists()
    settings.KEEP_DAYS = 39
    tasks.purge()
    assert not Image.objects.exists()


# Orphans


def put(name: str, hours: float) -> None:
    default_storage.save(name, ContentFile(b"x"))
    moment = time.time() - hours * 3600
    os.utime(default_storage.path(name), (moment, moment))


ORPHANS = ["ab/" + "b" * 32 + ".jpg", "ab/" + "b" * 32 + ".preview.jpg", "cd/" + "c" * 32 + ".jpg"]
ORPHANS += ["cd/" + "c" * 32 + ".jpg.partial", "exports/" + "d" * 32 + ".zip"]
ORPHANS += ["cd/" + "e" * 32 + ".pack.0123abcd.partial"]


def test_files_that_no_row_names_are_removed_once_they_are_a_day_old(alice, media):
    everything(alice)
    kept = files(media)
    for name in ORPHANS:
        put(name, hours=24.1)
    put("ef/" + "e" * 32 + ".jpg", hours=23.9)
    text = purge("--orphans", "--dry-run")
    assert f"Would be removed: files without a row {len(ORPHANS)}\n" in text
    tasks.tidy()
    assert files(media) == sorted([*kept, "e" * 32 + ".jpg"])


def test_what_kadr_has_not_named_is_left_alone(media):
    strange = ["ab/notes.txt", "zz/" + "a" * 32 + ".jpg", "README", "ab/" + "a" * 31 + ".jpg"]
    for name in strange:
        put(name, hours=99)
    purge("--orphans")
    assert len(files(media)) == len(strange)


def test_folders_are_listed_one_at_a_time_and_rows_asked_for_in_pages(
    monkeypatch, media, django_assert_num_queries
):
    monkeypatch.setattr(orphans, "PAGE", 3)
    for n in range(7):
        put(f"ab/{n:032x}.jpg", hours=25)
    with django_assert_num_queries(3):
        assert len(list(orphans.files_without_row())) == 7


def test_any_storage_of_django_s_will_do(monkeypatch):
    """As S3's does, this one knows names and no paths."""
    storage = InMemoryStorage()
    for name in ("ab/" + "a" * 32 + ".jpg", "ab/other.txt"):
        storage.save(name, ContentFile(b"x"))
    assert orphans.remove(storage) == 0
    monkeypatch.setattr(orphans, "GRACE", timedelta(0))
    assert orphans.remove(storage) == 1
    assert storage.listdir("ab") == ([], ["other.txt"])


def test_a_file_that_cannot_be_deleted_keeps_no_other_and_is_told(alice, monkeypatch, caplog):
    monkeypatch.setattr(orphans, "GRACE", timedelta(0))
    images = [make.image(alice) for _ in range(3)]
    Image.objects.all().delete()
    stuck, delete = min(image.original.name for image in images), DurableFileSystemStorage.delete
    time.sleep(0.01)  # all of them are older than now

    def refuse(self, name):
        if name == stuck:
            raise PermissionError(name)
        delete(self, name)

    monkeypatch.setattr(DurableFileSystemStorage, "delete", refuse)
    assert orphans.remove() == 2
    assert f"{stuck} cannot be deleted" in caplog.text


def test_an_empty_store_has_no_orphans(media):
    assert not media.exists()
    assert "files without a row 0" in purge("--orphans")


@pytest.mark.parametrize(("rows", "left"), [(1, 4), (4, 4)])
def test_the_nightly_tidying_takes_no_database_for_that_of_others_files(
    alice, media, monkeypatch, caplog, rows, left
):
    """Three files belong to nobody: most of four, or fewer than half of seven."""
    monkeypatch.setattr(orphans, "FEW", 2)
    monkeypatch.setattr(orphans, "GRACE", timedelta(0))
    kept = [make.answered(alice) for _ in range(rows)]
    for _ in range(3):
        image = make.image(alice)
        Image.objects.filter(pk=image.pk).delete()
    time.sleep(0.01)  # all of them are older than now
    tasks.tidy()
    assert len(files(media)) == left and Image.objects.count() == len(kept)
    assert ("Is this their database?" in caplog.text) == (rows == 1)
    purge("--orphans")
    assert len(files(media)) == rows


def test_rows_whose_files_are_gone_are_told_and_go_only_when_asked(alice, media):
    row, _whole = make.answered(alice), make.answered(alice)
    (media / row.image.original.name).unlink()
    text = purge("--orphans")
    assert f"The files of the image {row.image_id} are gone" in text
    assert "Left as they are: rows without their files 1" in text
    assert Image.objects.count() == 2
    purge("--orphans", "--forget-lost", "--dry-run")
    assert Image.objects.count() == 2
    purge("--orphans", "--forget-lost")
    assert Image.objects.count() == 1


def test_what_is_in_the_trash_is_no_orphan(alice, media):
    make.answered(alice).image.trash()
    moment = time.time() - 25 * 3600
    for path in media.rglob("*.jpg"):
        os.utime(path, (moment, moment))
    purge("--orphans", "--forget-lost")
    assert len(files(media)) == Image.objects.count() == 1


# Crashes

KILLED = """
    import os, signal, sys
    import django
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    name, media, place = sys.argv[1:]
    settings.DATABASES["default"]["NAME"] = name
    settings.MEDIA_ROOT = media
    from classifier.models import Image
    from classifier.storage import DurableFileSystemStorage

    def die(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    if place == "before the files":
        DurableFileSystemStorage.delete = die
    elif place == "between the files":
        delete = DurableFileSystemStorage.delete
        DurableFileSystemStorage.delete = lambda s, n: die() if "preview" in n else delete(s, n)
    elif place == "before the row":
        Image.delete = die
    call_command("purge", "--older-than", "30d")
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["before the files", "between the files", "before the row"])
def test_a_purge_that_is_killed_leaves_nothing_that_is_seen_and_the_next_one_finishes(
    place, transactional_db, monkeypatch, settings, media, alice_api, alice
):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "classifier_site.settings")
    row = Prediction.objects.ask(make.image(alice, make.jpeg(900, 600)))
    make.answer(row)
    age(Image, Prediction)
    assert len(files(media)) == 2
    command = [sys.executable, "-c", textwrap.dedent(KILLED)]
    command += [str(connection.settings_dict["NAME"]), str(media), place]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert killed.returncode == -9, killed.stderr

    image = Image.objects.get()
    assert alice_api.get("/api/v1/predictions").json()["results"] == []
    assert alice_api.get(f"/images/{image.pk}.jpg").status_code == 404
    body = alice_api.get(f"/api/v1/predictions/{row.pk}").json()
    assert body["deleted_at"] and body["restorable_until"] is body["image"] is None
    assert alice_api.post(f"/api/v1/predictions/{row.pk}/restore").status_code == 409

    settings.KEEP_DAYS = 30
    tasks.purge()
    assert counts() == [0, 0, 0, 0] and files(media) == []
