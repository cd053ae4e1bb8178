"""What decoding a JPEG will cost, read from its header without a decoder, in bounded time.

Strict on purpose: a header that is not exactly regular tells nothing, and only a decoder's process
looks at such a file. So nobody gains by a header that this reads in one way and Pillow in another.
"""

from dataclasses import dataclass

MOST_SEGMENTS = 64
# ITU-T T.81, table B.1
START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
START_OF_SCAN = 0xDA
TABLES = {0xC4, 0xDB, 0xDD}  # Huffman, quantization, restart interval
WITHOUT_LENGTH = {0x00, 0x01, 0xFF, *range(0xD0, 0xDA)}
JFIF, ADOBE = 0xE0, 0xEE
# Their content Pillow parses in Python: EXIF, ICC, multi-picture and Photoshop blocks can be bombs.
METADATA = {*range(0xE0, 0xF0)} - {JFIF, ADOBE}
SMALL_BYTES, SMALL_PIXELS = 1024 * 1024, 1_000_000
# What nearly every small JPEG begins with; without a thumbnail, so short (ITU-T T.871, 10.1).
JFIF_ALONE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
BASELINE = b"\xc0\x00\x11\x08"  # a frame coded in the oldest way, of eight bits
THREE_COMPONENTS = b"\x03"


@dataclass(frozen=True)
class Header:
    """The size is width and height in pixels, as stored; the first scan begins at the byte `scan`.
    What is plain begins as JFIF, has three components of eight bits, coded in the oldest way, and
    beside the frame only segments of tables."""

    size: tuple[int, int]
    has_metadata: bool
    is_plain: bool
    scan: int

    @property
    def pixels(self) -> int:
        return self.size[0] * self.size[1]

    def is_small(self, data: bytes, scans: int) -> bool:
        """Whether decoding takes milliseconds and a few megabytes: each scan is a pass over all
        pixels."""
        passes = self.pixels * max(1, scans)
        return passes <= SMALL_PIXELS and len(data) <= SMALL_BYTES and not self.has_metadata


def read(data: bytes) -> Header | None:
    """Up to the first scan; None where anything is irregular."""
    frame, has_metadata, at = 0, False, 2
    is_plain = data.startswith(JFIF_ALONE)
    for _ in range(MOST_SEGMENTS):
        if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] in WITHOUT_LENGTH:
            return None
        marker = data[at + 1]
        if marker == START_OF_SCAN:
            return _header(data, frame, has_metadata, is_plain, at) if frame else None
        if marker in START_OF_FRAME:
            if frame:
                return None
            frame = at
        has_metadata = has_metadata or marker in METADATA
        is_plain = is_plain and (marker in TABLES or at in (2, frame))
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _header(data: bytes, frame: int, has_metadata: bool, is_plain: bool, scan: int) -> Header:
    """With what the frame header at `frame` says; ITU-T T.81, section B.2.2."""
    told = data[frame + 1 : frame + 10]
    is_plain = is_plain and told.startswith(BASELINE) and told[8:] == THREE_COMPONENTS
    return Header(
        size=(int.from_bytes(told[6:8], "big"), int.from_bytes(told[4:6], "big")),
        has_metadata=has_metadata,
        is_plain=is_plain,
        scan=scan,
    )
