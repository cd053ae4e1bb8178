"""Makes archives as people make them, and as attackers do."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from typing import NamedTuple

from classifier.archives import Entry, entries

COMPRESSIONS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def read(archive: bytes) -> list[Entry]:
    return list(entries(io.BytesIO(archive)))


def contents(archive: bytes) -> dict[str, bytes]:
    found = read(archive)
    assert [entry.problem for entry in found] == [None] * len(found)
    return {entry.name: entry.data for entry in found}


def codes(archive: bytes) -> dict[str, str]:
    """The code of each entry; empty where it is taken."""
    return {entry.name: entry.problem.code if entry.problem else "" for entry in read(archive)}


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def zip_of_mode(name: str, data: bytes, mode: int) -> bytes:
    """One file with a Unix mode."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, mode << 16
        archive.writestr(info, data)
    return out.getvalue()


def tar_of(files: dict[str, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **fields) -> bytes:
    """One tar header with its data, whatever is said of its size."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE)


def ended(*members: bytes) -> bytes:
    return b"".join(members) + bytes(2 * tarfile.BLOCKSIZE)


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


class Part(NamedTuple):
    """One record of a ZIP's table of contents, written by hand, and what it says."""

    name: bytes
    crc: int
    packed: int
    unpacked: int
    offset: int = 0
    flags: int = 0
    method: int = 8

    def local(self, extra: int = 0) -> bytes:
        fields = (20, self.flags, self.method, 0, 0, self.crc, self.packed, self.unpacked)
        return struct.pack("<4s5H3L2H", b"PK\3\4", *fields, len(self.name), extra) + self.name

    def central(self) -> bytes:
        fields = (20, 20, self.flags, self.method, 0, 0, self.crc, self.packed, self.unpacked)
        rest = (len(self.name), 0, 0, 0, 0, 0, self.offset)
        return struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields, *rest) + self.name


def end_of_zip(directory: int, offset: int, count: int = 1, disk: int = 0) -> bytes:
    shown = min(count, 65_535)
    return struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, shown, shown, directory, offset, 0)


def zip_by_hand(body: bytes, parts: list[Part]) -> bytes:
    table = b"".join(part.central() for part in parts)
    return body + table + end_of_zip(len(table), len(body), len(parts))


def one_file_zip(data: bytes, **said) -> bytes:
    """An honest record of `data`, but for what is `said` otherwise."""
    packed = deflate(data)
    part = Part(b"a.jpg", zlib.crc32(data), len(packed), len(data))._replace(**said)
    return zip_by_hand(part.local() + packed, [part])


def quoted_overlap_bomb(files: int, kernel: bytes) -> bytes:
    """Fifield's: each file quotes the next one's header in a stored block, and all end in one
    kernel."""
    packed, content = deflate(kernel), kernel
    parts = [Part(b"%d" % files, zlib.crc32(content), len(packed), len(content))]
    body = parts[0].local() + packed
    for number in range(files - 1, 0, -1):
        header = parts[0].local()
        content = header + content
        quote = struct.pack("<B2H", 0, len(header), len(header) ^ 0xFFFF)
        size = len(quote) + len(body)
        parts.insert(0, Part(b"%d" % number, zlib.crc32(content), size, len(content)))
        body = parts[0].local() + quote + body
    return zip_by_hand(body, _placed(parts, quote=5))


def extra_field_bomb(files: int, kernel: bytes) -> bytes:
    """The same with the headers hidden in each other's extra fields."""
    packed = deflate(kernel)
    names = [b"%03d" % number for number in range(files)]
    parts = [Part(name, zlib.crc32(kernel), len(packed), len(kernel)) for name in names]
    size = len(parts[0].local())
    headers = [part.local(size * (files - 1 - i)) for i, part in enumerate(parts)]
    return zip_by_hand(b"".join(headers) + packed, _placed(parts, quote=0))


def _placed(parts: list[Part], quote: int) -> list[Part]:
    at, placed = 0, []
    for part in parts:
        placed.append(part._replace(offset=at))
        at += len(part.local()) + quote
    return placed
