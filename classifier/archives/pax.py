"""Tar headers that describe the next header: GNU's long names and pax records, in bounded time."""

import tarfile
from collections.abc import Iterator

from classifier.archives.unpacking import Damaged

PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
# A global header and a long link name are passed over: neither says anything about a picture.
TYPES = (*PAX, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
MOST_BYTES = 64 * 1024
MOST_RECORDS = 100
MOST_DIGITS = 20  # of a number in decimal, as long as 64 bits can make it


def parsed(kind: bytes, body: bytes) -> dict[str, str]:
    """What is said of the next file: its `path`, its `size`, and whether it is `sparse`."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        name = _text(body.split(b"\0", 1)[0])
        return {"path": name} if name else {}
    return dict(_known(body)) if kind in PAX else {}


def _known(body: bytes) -> Iterator[tuple[str, str]]:
    for key, value in _records(body):
        if key == b"path":
            yield "path", _text(value)
        elif key == b"size":
            yield "size", _text(value[: MOST_DIGITS + 1])
        elif key.startswith(b"GNU.sparse."):
            yield "sparse", ""


def _records(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of "length key=value" lines; POSIX.1-2017, pax Extended Header."""
    at = 0
    for _ in range(MOST_RECORDS):
        if at >= len(body):
            return
        length, space, _more = body[at : at + MOST_DIGITS].partition(b" ")
        end = at + int(length) if space and length.isdigit() else 0
        line = body[at + len(length) + 1 : end]
        if not at < end <= len(body) or not line.endswith(b"\n"):
            raise Damaged
        key, _equals, value = line[:-1].partition(b"=")
        yield key, value
        at = end
    if at < len(body):
        raise Damaged


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
