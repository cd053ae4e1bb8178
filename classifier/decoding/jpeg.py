"""From JPEG bytes to a size and a preview. Pillow and the standard library only: this runs in a
process of its own too.

One decode at a reduced scale both proves that the picture is whole and makes the preview, which is
all that is served and all that the model sees.
"""

import io
import re
import struct
from dataclasses import dataclass

from PIL import Image as Pillow

from classifier.decoding import header

Pillow.MAX_IMAGE_PIXELS = None  # it warns, or raises, by limits of its own; ours are checked below

START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
ORIENTATION = 0x0112  # EXIF tag; CIPA DC-008, section 4.6.5
UPRIGHT = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
SIDEWAYS = {UPRIGHT[orientation] for orientation in (5, 6, 7, 8)}
# What must not stand in coded data, but for stuffed bytes and restarts; ITU-T T.81, section B.1.1
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")
JFIF_LENGTH = 14  # bytes, without a thumbnail; ITU-T T.871, section 10.1
# What Pillow raises on damaged bytes, as found by feeding it such; MemoryError is not among them.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    ArithmeticError,
    AttributeError,
    EOFError,
    struct.error,
)


class Refused(Exception):  # noqa: N818  # a verdict on a picture, not a fault
    """`code` is one of classifier/problems.py."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Decoded:
    """Width and height in pixels, upright. No preview where the file can be its own."""

    width: int
    height: int
    preview: bytes | None


def is_whole(data: bytes, told: header.Header) -> bool:
    """Whether a file whose header is plain can be decoded and holds no segment beside its one scan.

    The same decoder as in `decode`, without Pillow's reading of the header, which for a small
    picture takes twice as long. Where the answer is no, `decode` knows why.
    """
    if 0 in told.size or not _ends_well(data, told.scan):  # of no pixels nothing would be decoded
        return False
    try:
        Pillow.frombytes("RGB", told.size, data, "jpeg", "RGB", "")
    except DAMAGE:
        return False
    return True


def decode(data: bytes, side: int, most_pixels: int) -> Decoded:
    """Prove `data` whole and make its preview: JPEG, RGB, upright, at most `side` px, no metadata.

    Raises Refused.
    """
    picture = _open(data)
    full_size = picture.size
    if full_size[0] * full_size[1] > most_pixels:
        raise Refused("PIXEL_LIMIT")
    turn = UPRIGHT.get(_orientation(picture))
    width, height = reversed(full_size) if turn in SIDEWAYS else full_size
    return Decoded(width, height, _preview(data, picture, turn, side))


def _open(data: bytes) -> Pillow.Image:
    """Read the header only."""
    try:
        return Pillow.open(io.BytesIO(data), formats=("JPEG",))
    except DAMAGE as error:
        raise Refused("IMAGE_UNDECODABLE") from error


def _orientation(picture: Pillow.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it makes no sense."""
    if not {"exif", "xmp"} & picture.info.keys():
        return 1
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except DAMAGE:
        return 1


def _preview(
    data: bytes, picture: Pillow.Image, turn: Pillow.Transpose | None, side: int
) -> bytes | None:
    small_and_plain = max(picture.size) <= side and turn is None and _is_plain(data, picture)
    try:
        if max(picture.size) > side:  # else it changes nothing, and takes a tenth of the time
            picture.draft(None, (side, side))
        picture.load()
        if small_and_plain:
            return None
        picture.thumbnail((side, side), Pillow.Resampling.LANCZOS, reducing_gap=2.0)
        return _as_plain_jpeg(picture if turn is None else picture.transpose(turn))
    except DAMAGE as error:
        raise Refused("IMAGE_UNDECODABLE") from error


def _as_plain_jpeg(picture: Pillow.Image) -> bytes:
    # Saving `picture` itself would carry its comment along; a fresh image has only pixels.
    fresh = Pillow.new("RGB", picture.size)
    fresh.paste(picture.convert("RGB"))
    out = io.BytesIO()
    fresh.save(out, "JPEG", quality=90, subsampling="4:4:4")
    return out.getvalue()


def _is_plain(data: bytes, picture: Pillow.Image) -> bool:
    """Whether no segment of the file holds metadata, a comment or anything else but the picture,
    and nothing follows it."""
    segments: list[tuple[str, bytes]] = getattr(picture, "applist", [])
    told = header.read(data)
    return (
        picture.mode == "RGB"
        and picture.format == "JPEG"
        and all(
            name == "APP0" and content.startswith(b"JFIF\0") and len(content) == JFIF_LENGTH
            for name, content in segments
        )
        and told is not None
        and _ends_well(data, told.scan)
    )


def _ends_well(data: bytes, scan: int) -> bool:
    """Whether there is no segment behind the scan that begins at `scan`, nor within it, where
    Pillow does not list them, and the file ends with the picture."""
    start = scan + len(START_OF_SCAN)
    start += int.from_bytes(data[start : start + 2], "big")
    end = len(data) - len(END_OF_IMAGE)
    return start <= end == data.find(END_OF_IMAGE) and MARKER.search(data, start, end) is None
