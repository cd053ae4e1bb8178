"""Reads the pictures out of one uploaded ZIP or tar, one at a time, and lets no bomb go off.

Nothing is unpacked to disk, and no more than one entry is in memory. Declared sizes are not
believed: bytes are counted as they come, against the caps of the settings and against a ratio that
JPEGs, which do not compress, never reach.
"""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from classifier.problems import Problem

LOCAL_HEADER = 30  # bytes, APPNOTE.TXT 4.3.7
MAX_RATIO = 100  # of decompressed to compressed bytes
SLACK = 10 * 1024 * 1024  # decompressed bytes to which the ratio does not apply
CHUNK = 256 * 1024
JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
NESTED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf", b"Rar!", b"ustar")
# What the readers raise on damaged bytes, as found by feeding them such.
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    struct.error,
)


@dataclass(frozen=True)
class Entry:
    """A file of the archive: its bytes, or why it is refused."""

    name: str
    data: bytes | None = None
    problem: Problem | None = None


def entries(file: BinaryIO | IO[bytes]) -> Iterator[Entry]:
    """The archive's files in its order. Raises Problem for what refuses it as a whole."""
    start = file.read(6)
    size = file.seek(0, 2)
    file.seek(0)
    if start.startswith(b"PK"):
        return _zip_entries(file, Budget(size))
    return _tar_entries(file, Budget(size))


class Budget:
    """What an archive may still unpack to."""

    def __init__(self, size: int) -> None:
        self.allowed = min(settings.MAX_BATCH_BYTES, size * MAX_RATIO + SLACK)
        self.files = 0

    def file(self) -> None:
        self.files += 1
        if self.files > settings.MAX_ARCHIVE_ENTRIES:
            raise Problem("BATCH_TOO_LARGE")

    def spend(self, n: int) -> None:
        self.allowed -= n
        if self.allowed < 0:
            raise Problem("ARCHIVE_BOMB")


# ZIP


def _zip_entries(file: Any, budget: Budget) -> Iterator[Entry]:
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGE as error:
        raise Problem("ARCHIVE_UNREADABLE") from error
    with archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not _is_junk(m.filename)]
        if len(members) > settings.MAX_ARCHIVE_ENTRIES:
            raise Problem("BATCH_TOO_LARGE")
        _check_overlaps(members)
        for member in members:
            yield _zip_entry(archive, member, budget)


def _check_overlaps(members: list[zipfile.ZipInfo]) -> None:
    """Entries that share bytes make small archives huge (Fifield, A better zip bomb, 2019)."""
    end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < end:
            raise Problem("ARCHIVE_BOMB")
        end = member.header_offset + LOCAL_HEADER + member.compress_size


def _zip_entry(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> Entry:
    name = member.filename
    if member.flag_bits & 0x1:
        return _refused(name, _("It is encrypted."))
    if (member.external_attr >> 16) & 0o170000 == 0o120000:
        return _refused(name, _("It is a link."))
    if member.file_size > settings.MAX_IMAGE_BYTES:
        return Entry(name, problem=Problem("IMAGE_TOO_LARGE"))
    try:
        with archive.open(member) as opened:
            return _checked(name, _read(opened, budget))
    except DAMAGE:
        return Entry(name, problem=Problem("IMAGE_UNDECODABLE"))


# tar, plain or compressed


def _tar_entries(file: Any, budget: Budget) -> Iterator[Entry]:
    reader: Any = Counted(file, budget)
    try:
        with tarfile.open(fileobj=reader, mode="r|", errors="replace") as archive:
            for member in archive:
                if not member.isdir() and not _is_junk(member.name):
                    budget.file()
                    yield _tar_entry(archive, member)
                archive.members = []  # type: ignore[attr-defined]  # tarfile would remember every one
    except DAMAGE as error:
        if budget.allowed < 0:
            raise Problem("ARCHIVE_BOMB") from error
        raise Problem("ARCHIVE_UNREADABLE") from error


def _tar_entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    if not member.isreg() or member.issparse():
        return _refused(member.name, _("It is no ordinary file."))
    if member.size > settings.MAX_IMAGE_BYTES:
        return Entry(member.name, problem=Problem("IMAGE_TOO_LARGE"))
    opened = archive.extractfile(member)
    assert opened is not None
    return _checked(member.name, opened.read())


class Counted:
    """The tar's bytes, unpacked here, so that they can be counted before tarfile sees them."""

    def __init__(self, file: Any, budget: Budget) -> None:
        self.budget = budget
        self.file = _unpacked(file)

    def read(self, n: int) -> bytes:
        data: bytes = self.file.read(n)
        self.budget.spend(len(data))
        return data


def _unpacked(file: Any) -> Any:
    import bz2
    import gzip

    start = file.read(6)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file, mode="rb")
    if start.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if start.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(file)
    return file


# Both


def _read(opened: IO[bytes], budget: Budget) -> bytes:
    parts, size = [], 0
    while size <= settings.MAX_IMAGE_BYTES and (part := opened.read(CHUNK)):
        budget.spend(len(part))
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _checked(name: str, data: bytes) -> Entry:
    if len(data) > settings.MAX_IMAGE_BYTES:
        return Entry(name, problem=Problem("IMAGE_TOO_LARGE"))
    if data.startswith(NESTED[:-1]) or data[257:262] == NESTED[-1]:
        return Entry(name, problem=Problem("ARCHIVE_NESTED"))
    return Entry(name, data=data)


def _refused(name: str, why: str) -> Entry:
    return Entry(name, problem=Problem("ARCHIVE_ENTRY_REFUSED", why))


def _is_junk(name: str) -> bool:
    """What Finder and Explorer leave in archives."""
    base = name.rsplit("/", 1)[-1]
    return name.startswith(JUNK[0]) or base in JUNK or base.startswith("._")
