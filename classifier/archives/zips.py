"""ZIP: the table of contents is checked as a whole, then the files are read one by one."""

import io
import stat
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from classifier.archives import zip_directory
from classifier.archives.entry import IS_LINK, NOT_ORDINARY, Entry, is_junk, judged, refused
from classifier.archives.limits import Meter, check_ratio
from classifier.archives.unpacking import CHUNK, Damaged, inflate
from classifier.archives.zip_directory import ENCRYPTED, Record
from classifier.problems import Problem

LOCAL, LOCAL_MARK = struct.Struct("<4s22x2H"), b"PK\x03\x04"  # APPNOTE 6.3.10, section 4.3.7
ONE_OF_SEVERAL = b"PK\x07\x08"  # section 8.5.4
STORED, DEFLATED = 0, 8
PATCH = 1 << 5
IS_ENCRYPTED = gettext_lazy("It is encrypted. Make the archive anew without a password.")
OTHER_METHOD = gettext_lazy("Its compression is not supported. Make the archive anew as a ZIP.")


def entries(file: BinaryIO, meter: Meter) -> Iterator[Entry]:
    """Raises Problem before the first entry where the table of contents is enough to know."""
    if file.read(len(ONE_OF_SEVERAL)) == ONE_OF_SEVERAL:
        raise Problem("ARCHIVE_MULTI_DISK")
    directory = zip_directory.find(file)
    bounds = _bounds(_counted(zip_directory.records(file, directory), meter), directory)
    for record in filter(_is_wanted, zip_directory.records(file, directory)):
        yield _entry(file, record, bounds, directory.shift, meter)


def _counted(records: Iterator[Record], meter: Meter) -> Iterator[Record]:
    """Those that are wanted."""
    for record in records:
        meter.add_record()
        if _is_wanted(record):
            meter.add_file()
            yield record


def _is_wanted(record: Record) -> bool:
    return not record.is_folder and not is_junk(record.name)


def _bounds(wanted: Iterator[Record], directory: zip_directory.Directory) -> list[int]:
    """Where files begin, in order, and where the last one must end. Raises Problem where two share
    bytes, which is how a few megabytes become petabytes (D. Fifield, "A better zip bomb", 2019)."""
    ranges, encrypted = [], 0
    for record in wanted:
        ranges.append((record.offset, record.offset + LOCAL.size + record.packed))
        encrypted += record.flags & ENCRYPTED
    if ranges and encrypted == len(ranges):
        raise Problem("ARCHIVE_ENCRYPTED")
    ranges.sort()
    limit = directory.start - directory.shift
    if any(end > limit for _, end in ranges):
        raise Problem("ARCHIVE_UNREADABLE")
    if any(end > start for (_, end), (start, _) in pairwise(ranges)):
        raise Problem("ARCHIVE_BOMB")
    return [start for start, _ in ranges] + [limit]


def _entry(file: BinaryIO, record: Record, bounds: list[int], shift: int, meter: Meter) -> Entry:
    if refusal := _refusal(record):
        return refused(record.name, refusal)
    limit = shift + bounds[bisect_right(bounds, record.offset)]
    try:
        _to_data(file, shift + record.offset, record.packed, limit)
        return judged(record.name, _unpacked(file, record, meter))
    except Damaged:
        return refused(record.name, Problem("IMAGE_UNDECODABLE"))


def _refusal(record: Record) -> Promise | None:
    if stat.S_ISLNK(record.mode):
        return IS_LINK
    if stat.S_IFMT(record.mode) not in (0, stat.S_IFREG):
        return NOT_ORDINARY
    if record.flags & ENCRYPTED:
        return IS_ENCRYPTED
    usual = record.method in (STORED, DEFLATED) and not record.flags & PATCH
    return None if usual else OTHER_METHOD


def _to_data(file: BinaryIO, at: int, packed: int, limit: int) -> None:
    """Move past the local header, whose length only it knows itself."""
    file.seek(at)
    raw = file.read(LOCAL.size)
    if len(raw) < LOCAL.size or not raw.startswith(LOCAL_MARK):
        raise Damaged
    _mark, name, extra = LOCAL.unpack(raw)
    if file.seek(at + LOCAL.size + name + extra) + packed > limit:
        raise Problem("ARCHIVE_BOMB")


def _unpacked(file: BinaryIO, record: Record, meter: Meter) -> bytes:
    """The content, or its first MAX_IMAGE_BYTES + 1 bytes."""
    packed = Pieces(file, record.packed)
    out, most = io.BytesIO(), settings.MAX_IMAGE_BYTES + 1
    for piece in inflate(packed) if record.method == DEFLATED else packed:
        meter.add_bytes(len(piece))
        out.write(piece[: most - out.tell()])
        if out.tell() == most:
            break
    check_ratio(out.tell(), packed.read)
    data = out.getvalue()
    if len(data) < most and (len(data), zlib.crc32(data)) != (record.unpacked, record.crc):
        raise Damaged
    return data


class Pieces(Iterator[bytes]):
    """The compressed bytes of one file, and how many were `read`."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left, self.read = file, size, 0

    def __next__(self) -> bytes:
        piece = self._file.read(min(CHUNK, self._left))
        if not piece:
            raise StopIteration
        self._left -= len(piece)
        self.read += len(piece)
        return piece
