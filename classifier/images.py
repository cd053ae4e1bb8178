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


@dataclass(frozen=True)
class Checked:
    """An upload that keeps the rules which need no decoding."""

    data: bytes
    told: header.Header | None
    scans: int

    @property
    def is_small(self) -> bool:
        """Whether it is decoded here, in no time; anything else goes to a process of its own."""
        return self.told is not None and self.told.is_small(self.data, self.scans)

    def accept(self, patience: float, stands_by: bool = False) -> Accepted:
        """As `accept`. Without any patience, only by a decoder for which nobody waits; who stands
        by is not sent away where many wait already."""
        try:
            decoded = self._decode(patience, stands_by)
        except jpeg.Refused as refusal:
            raise Problem(refusal.code) from refusal
        return Accepted(
            original=self.data,
            preview=self.data if decoded.preview is None else decoded.preview,
            sha256=hashlib.sha256(self.data).hexdigest(),
            width=decoded.width,
            height=decoded.height,
        )

    def _decode(self, patience: float, stands_by: bool) -> jpeg.Decoded:
        told, side = self.told, settings.PREVIEW_SIDE
        if told and self.is_small:
            if told.is_plain and max(told.size) <= side and jpeg.is_whole(self.data, told):
                return jpeg.Decoded(*told.size, preview=None)
            return jpeg.decode(self.data, side, header.SMALL_PIXELS)
        pixels = told.pixels if told else settings.MAX_IMAGE_PIXELS
        return pool.decode(self.data, pixels, patience, stands_by)


def accept(data: bytes, patience: float | None = None) -> Accepted:
    """Check an upload and make its preview: JPEG, RGB, upright, at most 256 px, no metadata.

    A large picture may wait for a decoder, at most `patience` seconds, else DECODE_PATIENCE. Raises
    Problem with the code of the first rule that `data` breaks.
    """
    return check(data).accept(settings.DECODE_PATIENCE if patience is None else patience)


def check(data: bytes) -> Checked:
    """Raises Problem with the code of the first rule that `data` breaks before it is decoded."""
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
    told = header.read(data)
    if told and told.pixels > settings.MAX_IMAGE_PIXELS:
        raise Problem("PIXEL_LIMIT")
    return Checked(data, told, scans)
