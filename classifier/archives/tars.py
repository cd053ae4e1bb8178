"""Tar, from the first byte to the last. POSIX.1-2017, pax interchange format; GNU tar manual, 15.

tarfile itself reads pax headers, long names and sparse maps of any size into memory and keeps every
member; only its parser of a single header is used.
"""

import io
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from classifier.archives import pax
from classifier.archives.entry import (
    IS_LINK,
    NOT_ORDINARY,
    TAR,
    TAR_AT,
    Entry,
    is_junk,
    judged,
    refused,
)
from classifier.archives.limits import Meter
from classifier.archives.unpacking import Damaged, decompressed
from classifier.problems import Problem

BLOCK = tarfile.BLOCKSIZE
LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)
WITHOUT_DATA = (*LINKS, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
OTHER_VOLUME = b"M"
SPARSE_GOES_ON, SPARSE_BLOCK_GOES_ON = 482, 504  # where GNU's old format says so
IS_SPARSE = gettext_lazy("It is stored with gaps. Make the archive anew without sparse files.")


class Member(NamedTuple):
    name: str
    size: int  # bytes that follow the header, without padding
    kind: bytes
    sparse: bool


class Stream:
    """Exact reads from pieces of any size, all of them counted."""

    def __init__(self, pieces: Iterator[bytes], meter: Meter) -> None:
        self._pieces, self._meter = pieces, meter
        self._piece, self._at = b"", 0

    def read(self, size: int) -> bytes:
        out = io.BytesIO()
        while (lacking := size - out.tell()) > 0:
            out.write(self._some(lacking) or self._cut_short())
        return out.getvalue()

    def skip(self, size: int) -> None:
        while size > 0:
            size -= len(self._some(size) or self._cut_short())

    def drain(self) -> None:
        """To the end, where a checksum may wait."""
        while self._some(BLOCK * BLOCK):
            pass

    def _some(self, most: int) -> bytes:
        """At most so many bytes; none at the end only."""
        if self._at == len(self._piece):
            self._piece, self._at = next(self._pieces, b""), 0
            self._meter.add_bytes(len(self._piece))
        some = self._piece[self._at : self._at + most]
        self._at += len(some)
        return some

    def _cut_short(self) -> bytes:
        raise Damaged


def is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError:
        return block.startswith(TAR, TAR_AT)
    return True


def entries(file: BinaryIO, meter: Meter) -> Iterator[Entry]:
    """Raises Problem when the stream breaks or goes over a limit."""
    stream = Stream(decompressed(file), meter)
    try:
        for member in _members(stream, meter):
            if member.kind == tarfile.DIRTYPE or is_junk(member.name):
                stream.skip(_padded(member.size))
            else:
                meter.add_file()
                yield _entry(stream, member)
        stream.drain()
    except (Damaged, tarfile.HeaderError) as error:
        raise Problem("ARCHIVE_UNREADABLE") from error


def _entry(stream: Stream, member: Member) -> Entry:
    refusal = _refusal(member)
    wanted = 0 if refusal else min(member.size, settings.MAX_IMAGE_BYTES + 1)
    data = stream.read(wanted)
    stream.skip(_padded(member.size) - wanted)
    return refused(member.name, refusal) if refusal else judged(member.name, data)


def _refusal(member: Member) -> Promise | None:
    if member.kind in LINKS:
        return IS_LINK
    if member.sparse:
        return IS_SPARSE
    return None if member.kind in tarfile.REGULAR_TYPES else NOT_ORDINARY


def _members(stream: Stream, meter: Meter) -> Iterator[Member]:
    """Each with its data next in the stream, to be read or skipped by the caller."""
    said: dict[str, str] = {}  # by headers that describe the next one
    while header := _header(stream, meter):
        size = _size(said.get("size", header.size))
        if header.type == OTHER_VOLUME:
            raise Problem("ARCHIVE_MULTI_DISK")
        if header.type in pax.TYPES:
            said |= _description(stream, header.type, _size(header.size))
            continue
        yield Member(
            name=said.get("path", header.name),
            size=0 if header.type in WITHOUT_DATA else size,
            kind=header.type,
            sparse=header.type == tarfile.GNUTYPE_SPARSE or "sparse" in said,
        )
        said = {}


def _header(stream: Stream, meter: Meter) -> tarfile.TarInfo | None:
    """The next one; None at the block of zeros that ends the archive."""
    block = stream.read(BLOCK)
    if not any(block):
        return None
    meter.add_record()
    header = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    goes_on = header.type == tarfile.GNUTYPE_SPARSE and block[SPARSE_GOES_ON]
    while goes_on:
        meter.add_record()
        goes_on = stream.read(BLOCK)[SPARSE_BLOCK_GOES_ON]
    return header


def _description(stream: Stream, kind: bytes, size: int) -> dict[str, str]:
    """What a header of this kind says; nothing where it is longer than any honest one."""
    wanted = size if size <= pax.MOST_BYTES else 0
    body = stream.read(wanted)
    stream.skip(_padded(size) - wanted)
    return pax.parsed(kind, body)


def _size(said: str | int) -> int:
    try:
        size = int(said)
    except ValueError:
        raise Damaged from None
    if size < 0:
        raise Damaged
    return size


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
