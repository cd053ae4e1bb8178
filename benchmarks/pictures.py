"""Made-up JPEGs of CIFAR-10's size, each with other content."""

import io
import random

from PIL import Image, ImageDraw

SIDE = 32  # pixels


def jpeg(seed: int) -> bytes:
    """Some shapes on a gradient: as many bytes as a small photo has, the same for the same seed."""
    chance = random.Random(seed)
    picture = Image.linear_gradient("L").resize((SIDE, SIDE)).rotate(chance.randrange(360))
    picture = Image.merge("RGB", [picture.point(_scale(chance.random())) for _ in range(3)])
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        box = sorted(chance.sample(range(SIDE), 2)) + sorted(chance.sample(range(SIDE), 2))
        colour = tuple(chance.randbytes(3))
        draw.ellipse((box[0], box[2], box[1], box[3]), fill=colour)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def _scale(factor: float) -> list[int]:
    return [round(value * factor) for value in range(256)]
