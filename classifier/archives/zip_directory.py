"""A ZIP's table of contents. PKWARE APPNOTE 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3.

zipfile would make an object of every record before anyone can count them; here they are a stream.
"""

import io
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from classifier.problems import Problem

END, END_MARK = struct.Struct("<4s4H2LH"), b"PK\x05\x06"
END_64, END_64_MARK = struct.Struct("<4sQ2H2L4Q"), b"PK\x06\x06"
LOCATOR, LOCATOR_MARK = struct.Struct("<4sLQL"), b"PK\x06\x07"
RECORD, RECORD_MARK = struct.Struct("<4s4H4x3L5H2L"), b"PK\x01\x02"
LONGEST_COMMENT = 65_535
EXTRA_LOOKED_AT = 1024  # bytes; the field that matters comes first
ZIP64_FIELD, IN_ZIP64 = 1, 0xFFFFFFFF
ENCRYPTED, UTF8 = 1 << 0, 1 << 11


class Directory(NamedTuple):
    """Where it lies in the file, and how far the file was shifted by what stands before it."""

    start: int
    end: int
    shift: int


@dataclass(frozen=True)
class Record:
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int  # bytes, as declared, here and below
    unpacked: int
    mode: int  # of Unix; 0 where the archive was made elsewhere
    offset: int  # of the local header

    @property
    def name(self) -> str:
        """Without the flag it should be CP437. It is UTF-8 from Unix, and CP866 from Windows in
        our readers' language."""
        try:
            return self.raw_name.decode()
        except UnicodeDecodeError:
            return self.raw_name.decode(
                *(("utf-8", "replace") if self.flags & UTF8 else ("cp866",))
            )

    @property
    def is_folder(self) -> bool:
        return self.raw_name.endswith((b"/", b"\\")) or stat.S_ISDIR(self.mode)


def find(file: BinaryIO) -> Directory:
    """Raises Problem where there is none, or where it is spread over several files."""
    size = file.seek(0, io.SEEK_END)
    tail_at = max(0, size - END.size - LONGEST_COMMENT)
    file.seek(tail_at)
    tail = file.read(END.size + LONGEST_COMMENT)
    at = tail.rfind(END_MARK, 0, max(0, len(tail) - END.size + len(END_MARK)))
    if at < 0:
        raise Problem("ARCHIVE_UNREADABLE")
    _mark, disk, first_disk, here, total, length, offset, _comment = END.unpack_from(tail, at)
    return _find_64(file, tail_at + at) or _checked(
        disk or first_disk or here != total, tail_at + at, length, offset
    )


def _find_64(file: BinaryIO, end: int) -> Directory | None:
    """The same from the records that stand before `end` in a large archive."""
    at = end - LOCATOR.size - END_64.size
    if at < 0:
        return None
    file.seek(at)
    both = file.read(LOCATOR.size + END_64.size)
    mark, _disk, _offset, disks = LOCATOR.unpack_from(both, END_64.size)
    if mark != LOCATOR_MARK:
        return None
    mark, _size, _by, _needs, disk, first_disk, here, total, length, offset = END_64.unpack_from(
        both
    )
    if mark != END_64_MARK:
        raise Problem("ARCHIVE_UNREADABLE")
    return _checked(disks > 1 or disk or first_disk or here != total, at, length, offset)


def _checked(divided: bool | int, end: int, length: int, offset: int) -> Directory:
    if divided:
        raise Problem("ARCHIVE_MULTI_DISK")
    start = end - length
    if start < 0 or start < offset:
        raise Problem("ARCHIVE_UNREADABLE")
    return Directory(start, end, shift=start - offset)


def records(file: BinaryIO, directory: Directory) -> Iterator[Record]:
    """Read anew at each call; the caller may move the file's position in between."""
    at = directory.start
    while at < directory.end:
        file.seek(at)
        raw = file.read(RECORD.size)
        if len(raw) < RECORD.size or not raw.startswith(RECORD_MARK):
            raise Problem("ARCHIVE_UNREADABLE")
        _m, _by, _needs, flags, method, *sizes, name, extra, comment, _d, _i, outer, offset = (
            RECORD.unpack(raw)
        )
        at += RECORD.size + name + extra + comment
        if at > directory.end:
            raise Problem("ARCHIVE_UNREADABLE")
        raw_name = file.read(name)
        crc, packed, unpacked = sizes
        unpacked, packed, offset = _with_64([unpacked, packed, offset], file.read(extra))
        yield Record(raw_name, flags, method, crc, packed, unpacked, outer >> 16, offset)


def _with_64(values: list[int], extra: bytes) -> list[int]:
    """`values` with those that did not fit into 32 bits taken from the extra field."""
    field = _field(extra, ZIP64_FIELD) if IN_ZIP64 in values else b""
    wide = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
    try:
        return [next(wide) if value == IN_ZIP64 else value for value in values]
    except StopIteration:
        raise Problem("ARCHIVE_UNREADABLE") from None


def _field(extra: bytes, wanted: int) -> bytes:
    at, most = 0, min(len(extra), EXTRA_LOOKED_AT) - 4
    while at <= most:
        kind, size = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == wanted:
            return extra[at : at + size]
        at += size
    return b""
