"""From a stored preview to the network's input: one function for evaluation and serving alike."""

import io
import struct

import numpy as np
from PIL import Image

PREPROCESSING = "center-square-area-1"
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error)


class UnreadableImage(Exception):
    """The bytes are no JPEG that can be decoded whole."""


def from_jpeg(data: bytes, size: int) -> np.ndarray:
    """Decode a JPEG and fit it: (size, size, 3) uint8 RGB. Raises UnreadableImage."""
    try:
        picture = Image.open(io.BytesIO(data), formats=("JPEG",))
        picture.load()
        return from_image(picture, size)
    except (*DAMAGE, Image.DecompressionBombError) as error:
        raise UnreadableImage(str(error)) from error


def from_image(picture: Image.Image, size: int) -> np.ndarray:
    """The central square of a picture, scaled to (size, size, 3) uint8 RGB.

    Shrinking averages over areas, as CIFAR-10's own pictures were made small; growing is bicubic.
    A picture of that size already passes unchanged.
    """
    square = picture if picture.mode == "RGB" else picture.convert("RGB")
    side = min(picture.size)
    if side != max(picture.size):
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = square.crop((left, top, left + side, top + side))
    if side != size:
        filter_ = Image.Resampling.BOX if side > size else Image.Resampling.BICUBIC
        square = square.resize((size, size), filter_)
    return np.asarray(square, np.uint8)
