"""What a backup does with what it cannot read, and without room.

tests/live/test_backup.py restores one.
"""

import errno
import re
import shutil
import tarfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from classifier import temporary
from classifier.models import Image
from classifier.storage import DurableFileSystemStorage
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def images() -> list[Image]:
    return [make.image(content=make.noise_jpeg(seed)) for seed in (1, 2)]


def failing(monkeypatch, name: str, fault) -> None:
    """Where the storage opens this name."""
    whole = DurableFileSystemStorage._open

    def opened(self, asked, mode="rb"):
        return fault(whole(self, asked, mode)) if asked == name else whole(self, asked, mode)

    monkeypatch.setattr(DurableFileSystemStorage, "_open", opened)


def test_one_that_cannot_be_opened_is_named_and_the_others_are_saved(images, tmp_path, monkeypatch):
    def refuse(_file):
        raise PermissionError(errno.EACCES, "Permission denied")

    failing(monkeypatch, images[0].original.name, refuse)
    with pytest.raises(CommandError, match=f"1 files could not be read.*{images[0].original.name}"):
        call_command("backup", tmp_path / "kadr.tar", "--pictures-only")
    with tarfile.open(tmp_path / "kadr.tar") as archive:
        names = set(archive.getnames())
    assert f"images/{images[1].original.name}" in names
    assert f"images/{images[0].original.name}" not in names


def test_one_that_breaks_off_is_named_and_nothing_half_is_left(images, tmp_path, monkeypatch):
    class Broken:
        def __init__(self, file):
            self.size = file.size
            file.close()

        def read(self, *_size):
            raise OSError(errno.EIO, "Input/output error")

        def __enter__(self):
            return self

        def __exit__(self, *_error):
            pass

    failing(monkeypatch, images[0].original.name, Broken)
    with pytest.raises(CommandError, match=f"{images[0].original.name}: Input/output error"):
        call_command("backup", tmp_path / "kadr.tar", "--pictures-only")
    assert list(tmp_path.glob("kadr*")) == []


SQLITE = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has pg_dump")


def left(tmp_path) -> list[str]:
    """Of the backup, and of what it needs meanwhile."""
    return [path.name for path in tmp_path.glob("kadr*")] + [
        path.name for path in temporary._place().iterdir()
    ]


@SQLITE
def test_without_room_for_the_database_nothing_is_begun_and_the_bytes_are_named(
    tmp_path, settings, images
):
    settings.FREE_BYTES = shutil.disk_usage(settings.DATA).free
    size = Path(connection.settings_dict["NAME"]).stat().st_size
    with pytest.raises(CommandError) as refused:
        call_command("backup", tmp_path / "kadr.tar")
    needed = int(re.search(r"needs ([\d,]+) bytes", str(refused.value))[1].replace(",", ""))
    assert needed >= size > 0 and str(settings.TEMPORARY) in str(refused.value)
    assert left(tmp_path) == []
    call_command("backup", tmp_path / "kadr.tar", "--pictures-only")


@SQLITE
def test_a_database_that_cannot_be_copied_is_told_in_one_line(tmp_path, monkeypatch):
    damaged = tmp_path / "damaged.sqlite3"
    damaged.write_bytes(b"no database " * 1000)
    monkeypatch.setitem(connection.settings_dict, "NAME", str(damaged))
    with pytest.raises(CommandError, match="could not be copied: file is not a database"):
        call_command("backup", tmp_path / "kadr.tar")
    assert left(tmp_path) == []
