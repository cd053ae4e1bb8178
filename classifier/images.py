"""Acceptance: the one place where uploaded bytes are decoded. Pillow only; no database, no HTTP.

One decode at a reduced scale both proves that the picture is whole and makes the preview, which is
all that is served and all that the model sees.
"""

import hashlib
import io
import re
import struct
import warnings
from dataclasses import dataclass

from django.conf import settings
from PIL import Image as Pillow

from classifier.problems import Problem

START = b"\xff\xd8\xff"
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
    EOFError,
    struct.error,
)


@dataclass(frozen=True)
class Accepted:
    """An upload that may be stored. Width and height are in pixels, upright."""

    original: bytes
    preview: bytes  # `original` itself where that is small and plain already
    sha256: str
    width: int
    height: int


def accept(data: bytes) -> Accepted:
    """Check an upload and make its preview: JPEG, RGB, upright, at most 256 px, no metadata.

    Raises Problem with the code of the first rule that `data` breaks.
    """
    _check_bytes(data)
    picture = _open(data)
    full_size = picture.size
    if full_size[0] * full_size[1] > settings.MAX_IMAGE_PIXELS:
        raise Problem("PIXEL_LIMIT")
    turn = UPRIGHT.get(_orientation(picture))
    width, height = reversed(full_size) if turn in SIDEWAYS else full_size
    return Accepted(
        original=data,
        preview=_preview(data, picture, turn),
        sha256=hashlib.sha256(data).hexdigest(),
        width=width,
        height=height,
    )


def _check_bytes(data: bytes) -> None:
    """The rules that need no decoding."""
    if not data:
        raise Problem("IMAGE_EMPTY")
    if len(data) > settings.MAX_IMAGE_BYTES:
        raise Problem("IMAGE_TOO_LARGE")
    if not data.startswith(START):
        raise Problem("UNSUPPORTED_MEDIA_TYPE")
    # Each scan of a progressive JPEG costs a pass over all pixels (libjpeg-turbo, "Two Issues
    # with the JPEG Standard"). Coded data never holds these two bytes, metadata rarely does.
    if data.count(START_OF_SCAN) > settings.MAX_SCANS:
        raise Problem("SCAN_LIMIT")


def _open(data: bytes) -> Pillow.Image:
    """Read the header only."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            return Pillow.open(io.BytesIO(data), formats=("JPEG",))
    except Pillow.DecompressionBombError as error:
        raise Problem("PIXEL_LIMIT") from error
    except DAMAGE as error:
        raise Problem("IMAGE_UNDECODABLE") from error


def _orientation(picture: Pillow.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it makes no sense."""
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except DAMAGE:
        return 1


def _preview(data: bytes, picture: Pillow.Image, turn: Pillow.Transpose | None) -> bytes:
    side = settings.PREVIEW_SIDE
    small_and_plain = max(picture.size) <= side and turn is None and _is_plain(data, picture)
    try:
        picture.draft(None, (side, side))
        picture.load()
        if small_and_plain:
            return data
        picture.thumbnail((side, side), Pillow.Resampling.LANCZOS, reducing_gap=2.0)
        return _as_plain_jpeg(picture if turn is None else picture.transpose(turn))
    except DAMAGE as error:
        raise Problem("IMAGE_UNDECODABLE") from error


def _as_plain_jpeg(picture: Pillow.Image) -> bytes:
    # Saving `picture` itself would carry its comment along; a fresh image has only pixels.
    fresh = Pillow.new("RGB", picture.size)
    fresh.paste(picture.convert("RGB"))
    out = io.BytesIO()
    fresh.save(out, "JPEG", quality=90, subsampling="4:4:4")
    return out.getvalue()


def _is_plain(data: bytes, picture: Pillow.Image) -> bool:
    """Whether the file is RGB pixels and nothing else: no metadata, comment or trailing bytes."""
    segments: list[tuple[str, bytes]] = getattr(picture, "applist", [])
    return (
        picture.mode == "RGB"
        and picture.format == "JPEG"
        and all(
            name == "APP0" and content.startswith(b"JFIF\0") and len(content) == JFIF_LENGTH
            for name, content in segments
        )
        and data.find(END_OF_IMAGE) == len(data) - len(END_OF_IMAGE)
        and _is_one_scan(data)
    )


def _is_one_scan(data: bytes) -> bool:
    """Whether nothing but coded pixels follows the first scan's header: segments with metadata may
    stand between scans too, where Pillow does not list them."""
    start = data.find(START_OF_SCAN) + len(START_OF_SCAN)
    start += int.from_bytes(data[start : start + 2], "big")
    return MARKER.search(data, start, len(data) - len(END_OF_IMAGE)) is None
