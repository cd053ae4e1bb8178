"""Makes ordinary JPEGs. Needs no Django."""

import io
import random
from typing import Any

from PIL import Image as Pillow


def jpeg(
    width: int = 48, height: int = 32, color: Any = (200, 80, 40), mode: str = "RGB", **save: Any
) -> bytes:
    """A one-coloured JPEG."""
    out = io.BytesIO()
    Pillow.new(mode, (width, height), color).save(out, "JPEG", **save)
    return out.getvalue()


def noise_jpeg(seed: int = 0, side: int = 64, **save: Any) -> bytes:
    """A JPEG of coloured noise; another seed gives other pixels."""
    out = io.BytesIO()
    pixels = random.Random(seed).randbytes(side * side * 3)
    Pillow.frombytes("RGB", (side, side), pixels).save(out, "JPEG", **save)
    return out.getvalue()
