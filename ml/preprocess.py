"""From a stored preview to the network's input: one function for evaluation and serving alike."""

import io
import struct

import numpy as np
import simplejpeg
from PIL import Image

SAME = ("YCbCr", "RGB", "Gray")  # colour models that both decoders turn into the same RGB
PREPROCESSING = "center-square-area-1"
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error)


class UnreadableImage(Exception):
    """The bytes are no JPEG that can be decoded whole."""


def from_jpeg(data: bytes, size: int) -> np.ndarray:
    """Decode a JPEG and fit it: (size, size, 3) uint8 RGB. Raises UnreadableImage."""
    pixels = decode(data)
    if pixels.shape == (size, size, 3):
        return pixels
    return from_image(Image.fromarray(pixels), size)


def decode(data: bytes) -> np.ndarray:
    """(height, width, 3) uint8 RGB, not turned. Raises UnreadableImage.

    Both decoders are libjpeg-turbo and give the same pixels; simplejpeg takes a fifth of the time
    for a small picture, Pillow takes all kinds."""
    try:
        if simplejpeg.decode_jpeg_header(data)[2] in SAME:
            return np.asarray(simplejpeg.decode_jpeg(data, "RGB"))
    except ValueError:
        pass
    return _decode_any(data)


def _decode_any(data: bytes) -> np.ndarray:
    try:
        picture = Image.open(io.BytesIO(data), formats=("JPEG",))
        picture.load()
        return np.asarray(picture.convert("RGB"), np.uint8)
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
