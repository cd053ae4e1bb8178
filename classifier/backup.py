"""A backup while the service runs: the database as of one moment, then the files that it names.

A file is on disk before its row is committed, so each row of the snapshot has its file, unless it
was erased since. Files are read through Django's storage API, one at a time. Models of one's own go
along, for the one that serves may be one of them.
"""

import logging
import os
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, default_storage
from django.db import connection

from classifier import outages, packs, temporary
from classifier.models import Export, Image

logger = logging.getLogger(__name__)

DATABASE, PICTURES, SECRET, MODELS = "kadr.sqlite3", "images", "secret_key", "models"
PAGE = 500


class UnreadableError(Exception):
    """A file broke off while it was read, so that the backup cannot be whole."""


class NoRoomError(Exception):
    """The copy of the database would take the room that answers need. The message is one line."""


@dataclass
class Written:
    files: int = 0  # of pictures and exports
    unreadable: list[str] = field(default_factory=list)  # which could not be opened


def write(path: Path, with_database: bool = True) -> Written:
    """Write the backup, whole or not at all, readable by its owner alone. Only SQLite's database
    can be in it. Raises FileExistsError where there is such a file, NoRoomError, UnreadableError,
    sqlite3.Error where the database cannot be copied, OSError where the backup cannot be
    written."""
    if path.exists():
        raise FileExistsError(path)
    if with_database:
        _check_room()
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                written = _fill(archive, with_database)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return written


def _fill(archive: tarfile.TarFile, with_database: bool) -> Written:
    if with_database:
        with temporary.folder() as folder:
            snapshot = Path(folder, DATABASE)
            _copy_sqlite(snapshot)
            archive.add(snapshot, DATABASE, filter=_private)
    if (secret := settings.DATA / SECRET).exists():
        archive.add(secret, SECRET, filter=_private)
    for file in _model_files():
        archive.add(file, str(file.relative_to(settings.DATA)), filter=_private)
    written = Written()
    for name in _names():
        _add(archive, default_storage, name, written)
    return written


def _check_room() -> None:
    wanted = outages.sqlite_bytes()
    if not outages.has_room(wanted):
        raise NoRoomError(
            f"the copy of the database needs {wanted:,} bytes in {settings.TEMPORARY}, beside the "
            f"{settings.FREE_BYTES:,} that stay free (KADR_FREE_MB), and there are fewer"
        )


def _model_files() -> list[Path]:
    """Of whole models: a folder that is still being written has a hidden name."""
    files = sorted((settings.DATA / MODELS).glob("[!.]*/**/*"))
    return [file for file in files if file.is_file()]


def _copy_sqlite(to: Path) -> None:
    """SQLite's own online copy, in one step: of one moment, and no writer waits for a reader."""
    source = str(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(source, timeout=20)) as live, closing(sqlite3.connect(to)) as copy:
        live.backup(copy)
        fault = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if fault != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {fault}")


def _names() -> Iterator[str]:
    rows, last = Image.objects.order_by("pk"), None
    seen: set[str] = set()
    while page := list((rows.filter(pk__gt=last) if last else rows)[:PAGE]):
        for image in page:
            for name in {packs.file_of(str(f.name)) for f in (image.original, image.preview)}:
                if name not in seen:
                    yield name
                if name.endswith(".pack"):  # the one kind that several rows name
                    seen.add(name)
        last = page[-1].pk
    yield from Export.objects.exclude(file="").values_list("file", flat=True)


def _add(archive: tarfile.TarFile, storage: Storage, name: str, written: Written) -> None:
    try:
        file = storage.open(name, "rb")
    except FileNotFoundError:  # erased meanwhile
        return
    except OSError:
        logger.warning("%s cannot be read, and is not in the backup", name, exc_info=True)
        written.unreadable.append(name)
        return
    with file:
        entry = _private(tarfile.TarInfo(f"{PICTURES}/{name}"))
        entry.size = file.size
        archive.addfile(entry, Reading(file, name))
    written.files += 1


class Reading:
    """A file whose faults are told apart from those of what it is copied to."""

    def __init__(self, file: "File[bytes]", name: str) -> None:
        self._file, self._name = file, name

    def read(self, size: int = -1) -> bytes:
        try:
            content: bytes = self._file.read(size)
        except OSError as error:
            raise UnreadableError(f"{self._name}: {error.strerror}") from error
        return content


def _private(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode, entry.uid, entry.gid, entry.uname, entry.gname = 0o600, 0, 0, "", ""
    return entry
