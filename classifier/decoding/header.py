"""What decoding a JPEG will cost, read from its header without a decoder, in bounded time.

Strict on purpose: a header that is not exactly regular tells nothing, and only a decoder's process
looks at such a file. So nobody gains by a header that this reads in one way and Pillow in another.
"""

from dataclasses import dataclass

MOST_SEGMENTS = 64
# ITU-T T.81, table B.1
START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
START_OF_SCAN, COMMENT = 0xDA, 0xFE
WITHOUT_LENGTH = {0x00, 0x01, 0xFF, *range(0xD0, 0xDA)}
JFIF, ADOBE = 0xE0, 0xEE
# Their content Pillow parses in Python: EXIF, ICC, multi-picture and Photoshop blocks can be bombs.
METADATA = {*range(0xE0, 0xF0)} - {JFIF, ADOBE}
SMALL_BYTES, SMALL_PIXELS = 1024 * 1024, 1_000_000


@dataclass(frozen=True)
class Header:
    pixels: int
    has_metadata: bool

    def is_small(self, data: bytes, scans: int) -> bool:
        """Whether decoding takes milliseconds and a few megabytes: each scan is a pass over all
        pixels."""
        passes = self.pixels * max(1, scans)
        return passes <= SMALL_PIXELS and len(data) <= SMALL_BYTES and not self.has_metadata


def read(data: bytes) -> Header | None:
    """Up to the first scan; None where anything is irregular."""
    pixels, has_metadata, at = None, False, 2
    for _ in range(MOST_SEGMENTS):
        if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] in WITHOUT_LENGTH:
            return None
        marker = data[at + 1]
        if marker == START_OF_SCAN:
            return None if pixels is None else Header(pixels, has_metadata)
        if marker in START_OF_FRAME:
            if pixels is not None:
                return None
            pixels = _pixels(data, at)
        has_metadata = has_metadata or marker in METADATA
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _pixels(data: bytes, at: int) -> int:
    """Height times width, of the frame header at `at`; ITU-T T.81, section B.2.2."""
    height = int.from_bytes(data[at + 5 : at + 7], "big")
    return height * int.from_bytes(data[at + 7 : at + 9], "big")
