"""Pictures as the web saves them: JPEG with halved chroma (4:2:0)."""

import io

import numpy as np
from PIL import Image


def encoded(pixels: np.ndarray, quality: int) -> bytes:
    """One (h, w, 3) uint8 RGB image as a JPEG."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue()


def decoded(data: bytes) -> np.ndarray:
    """A JPEG's pixels, (h, w, 3) uint8."""
    return np.asarray(Image.open(io.BytesIO(data)))
