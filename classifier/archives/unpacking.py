"""Decompression in small steps, so that no input can fill the memory.

The readers of the standard library hold no bound on a gzip header, on an xz dictionary, or on what
one block of a ZIP entry may become; its decompressors, driven from here, do.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO, Protocol

from django.conf import settings

CHUNK = 16 * 1024  # bytes, of input and of output
XZ_MEMORY = 100 * 1024 * 1024  # bytes; `xz -9` takes 65 MB
RAW_DEFLATE, GZIP = -15, 31  # zlib's names for them
DAMAGE = (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError)


class Damaged(Exception):  # noqa: N818 it says what the bytes are
    """What was to be decompressed is cut short or not what it claims to be."""


class Decoder(Protocol):
    """One compressed stream, as bz2 and lzma have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Zlib:
    """zlib's decompressor with the interface of the others."""

    def __init__(self, format_bits: int) -> None:
        self._zlib = zlib.decompressobj(format_bits)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def inflate(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Raw deflate, as in ZIP. Raises Damaged."""
    return _through(Zlib(RAW_DEFLATE), pieces)


def stream_decoder(head: bytes) -> Callable[[], Decoder] | None:
    """What opens a compressed file that begins with `head`; None where it is not compressed."""
    if head.startswith(b"\x1f\x8b"):
        return lambda: Zlib(GZIP)
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor
    if head.startswith(b"\xfd7zXZ\x00"):
        return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    return None


def decompressed(file: BinaryIO) -> Iterator[bytes]:
    """The content of a gzip, bzip2 or xz file, of all its streams one after another, or of a file
    that is not compressed as it is. Raises Damaged."""
    pieces = iter(lambda: file.read(CHUNK), b"")
    rest = next(pieces, b"")
    if not stream_decoder(rest):
        yield from chain([rest], pieces)
    # `cat a.gz b.gz` is a gzip file. A stream costs time even where it holds nothing.
    for _ in range(settings.MAX_ARCHIVE_ENTRIES):
        opener = stream_decoder(rest)
        if not opener:
            return  # padding, or anything else that gzip and xz would ignore
        decoder = opener()
        yield from _through(decoder, chain([rest], pieces))
        rest = decoder.unused_data.lstrip(b"\0") or next(pieces, b"").lstrip(b"\0")
    raise Damaged


def _through(decoder: Decoder, pieces: Iterator[bytes]) -> Iterator[bytes]:
    while not decoder.eof:
        hungry = decoder.needs_input
        raw = next(pieces, b"") if hungry else b""
        out = _step(decoder, raw)
        if out:
            yield out
        elif hungry and not raw:
            raise Damaged


def _step(decoder: Decoder, raw: bytes) -> bytes:
    try:
        return decoder.decompress(raw, CHUNK)
    except DAMAGE as error:
        raise Damaged from error
