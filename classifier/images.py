"""Acceptance: which uploads are taken, and what is stored of them. No database, no HTTP.

The rules that need no decoding are here; what does is in classifier/decoding/.
"""

import hashlib
from dataclasses import dataclass

from django.conf import settings

from classifier.decoding import header, jpeg, pool
from classifier.problems import Problem

START = b"\xff\xd8\xff"
PACKED_BYTES = 32 * 1024  # of a chunk of a batch in memory, at most 200 times


@dataclass(frozen=True)
class Accepted:
    """An upload that may be stored. Width and height are in pixels, upright."""

    original: bytes
    preview: bytes  # `original` itself where that is small and plain already
    sha256: str
    width: int
    height: int

    @property
    def fits_a_pack(self) -> bool:
        """Whether it is one small file, which may lie with others in one (classifier/packs.py)."""
        return self.preview is self.original and len(self.original) <= PACKED_BYTES


def accept(data: bytes, patience: float | None = None) -> Accepted:
    """Check an upload and make its preview: JPEG, RGB, upright, at most 256 px, no metadata.

    A large picture may wait for a decoder, at most `patience` seconds, else DECODE_PATIENCE. Raises
    Problem with the code of the first rule that `data` breaks.
    """
    scans = _check_bytes(data)
    try:
        decoded = _decode(data, scans, settings.DECODE_PATIENCE if patience is None else patience)
    except jpeg.Refused as refusal:
        raise Problem(refusal.code) from refusal
    return Accepted(
        original=data,
        preview=data if decoded.preview is None else decoded.preview,
        sha256=hashlib.sha256(data).hexdigest(),
        width=decoded.width,
        height=decoded.height,
    )


def _check_bytes(data: bytes) -> int:
    """The rules that need no decoding; returns the number of scans."""
    if not data:
        raise Problem("IMAGE_EMPTY")
    if len(data) > settings.MAX_IMAGE_BYTES:
        raise Problem("IMAGE_TOO_LARGE")
    if not data.startswith(START):
        raise Problem("UNSUPPORTED_MEDIA_TYPE")
    # Each scan of a progressive JPEG costs a pass over all pixels (libjpeg-turbo, "Two Issues
    # with the JPEG Standard"). Coded data never holds these two bytes, metadata rarely does.
    scans = data.count(jpeg.START_OF_SCAN)
    if scans > settings.MAX_SCANS:
        raise Problem("SCAN_LIMIT")
    return scans


def _decode(data: bytes, scans: int, patience: float) -> jpeg.Decoded:
    """Here, what is evidently small and plain; everything else in a process of its own."""
    told = header.read(data)
    if told and told.pixels > settings.MAX_IMAGE_PIXELS:
        raise jpeg.Refused("PIXEL_LIMIT")
    if told and told.is_small(data, scans):
        return jpeg.decode(data, settings.PREVIEW_SIDE, header.SMALL_PIXELS)
    pixels = told.pixels if told else settings.MAX_IMAGE_PIXELS
    return pool.decode(data, pixels, patience)
