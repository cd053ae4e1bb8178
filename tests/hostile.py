"""Makes JPEGs as attackers and odd cameras do."""

import io
import random
import struct

from PIL import Image as Pillow

from tests.jpegs import jpeg, noise_jpeg

SOI, EOI, START_OF_SCAN = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
COMMENT, APP1, APP2, APP13 = 0xFE, 0xE1, 0xE2, 0xED

# What may become of a file that is not accepted.
REFUSALS = {
    "IMAGE_EMPTY",
    "UNSUPPORTED_MEDIA_TYPE",
    "IMAGE_UNDECODABLE",
    "PIXEL_LIMIT",
    "SCAN_LIMIT",
    "DECODE_FAILED",
}


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(data: bytes, *segments: bytes) -> bytes:
    """Put right behind the start of the file."""
    return SOI + b"".join(segments) + data[len(SOI) :]


def with_scans(data: bytes, count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated until there are so many."""
    last = data[data.rindex(START_OF_SCAN) : -len(EOI)]
    return data[: -len(EOI)] + last * (count - data.count(START_OF_SCAN)) + EOI


def scan_bomb(count: int, side: int = 2000) -> bytes:
    return with_scans(jpeg(side, side, 90, "L", progressive=True), count)


def claiming(width: int, height: int) -> bytes:
    """A small picture whose header says that it is larger."""
    data = jpeg(64, 64)
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def tags(count: int, value: int = 60_000) -> bytes:
    """EXIF whose every entry points at the same bytes, which a reader may copy for each."""
    entry = b"".join(struct.pack("<HHII", tag + 1, 7, value, 8) for tag in range(count))
    block = b"II*\0" + struct.pack("<IH", 8, count) + entry + bytes(4)
    return b"Exif\0\0" + block.ljust(value + 8, b"\0")[:65_000]


def gps_exif() -> bytes:
    """EXIF of a phone's photo: orientation 6, Kyiv's coordinates, the camera's name."""
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010F] = 6, "SECRET camera"
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 27.0, 1.0), 3: "E", 4: (30.0, 31.0, 24.0)})
    return exif.tobytes()


XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SECRET GPS 50.45</x:xmpmeta>"
PHOTOSHOP = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0eSECRET caption"


def telling(width: int = 320, height: int = 200) -> bytes:
    """A photo with everything in it that should stay private; SECRET stands in each part."""
    data = jpeg(
        width, height, exif=gps_exif(), icc_profile=b"SECRET profile" * 20, comment=b"SECRET"
    )
    return with_segments(data, segment(APP1, XMP), segment(APP13, PHOTOSHOP)) + b"SECRET tail"


def kinds() -> dict[str, bytes]:
    """One small JPEG of each kind that cameras and programs write."""
    return {
        "baseline": noise_jpeg(1, side=48),
        "progressive": noise_jpeg(2, side=48, progressive=True),
        "cmyk": jpeg(40, 40, (9, 99, 99, 9), "CMYK"),
        "grey": jpeg(40, 40, 99, "L"),
        "restarts": noise_jpeg(3, side=48, restart_marker_blocks=2),
        "telling": telling(48, 40),
        "multi-picture": multi_picture(),
        "over a megapixel": jpeg(1200, 900),
    }


def multi_picture() -> bytes:
    out = io.BytesIO()
    views = [Pillow.new("RGB", (40, 30), (shade, 90, 90)) for shade in (20, 220)]
    views[0].save(out, "MPO", save_all=True, append_images=views[1:])
    return out.getvalue()


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Cut, flipped, doubled, or spliced with itself, in a few places."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(changed) + 1), chance.randint(1, 40)
        piece = bytes(changed[at : at + length])
        changed[at : at + length] = chance.choice(
            [
                b"",
                chance.randbytes(length),
                piece * 2,
                b"\xff" * length,
                _marker(chance),
                piece[::-1],
            ]
        )
    return bytes(
        changed[: chance.randrange(len(changed) + 1)] if chance.random() < 0.1 else changed
    )


def _marker(chance: random.Random) -> bytes:
    return segment(chance.choice([0xC0, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, APP1, APP2]), b"\0" * 9)
