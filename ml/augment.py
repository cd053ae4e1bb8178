"""What training shows the network instead of the picture itself. Images are (n, h, w, 3) uint8.

Every function takes the generator that its dice come from, so a batch is decided by its seed.
"""

from typing import Any

import numpy as np
from PIL import Image

from ml import jpeg

GREY = 121  # the mean of CIFAR-10's pixels


def augment(
    x: np.ndarray, mirrored: np.ndarray, settings: dict[str, Any], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One batch as training sees it, by a recipe's [augment], and as a teacher sees it.

    `mirrored` says which to flip. With `jpeg_last` pictures go through JPEG after all else, so its
    blocks begin at the corner, as an upload's do, and the teacher sees them before; otherwise
    before they are shifted, and both see the same.
    """
    x = np.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
    x = zoom(x, settings["zoom_share"], settings["zoom"], rng)
    last = settings.get("jpeg_last", False)
    jpeg_settings = settings["jpeg_share"], settings["jpeg_quality"]
    if not last:
        x = through_jpeg(x, *jpeg_settings, rng)
    x = cutout(shift(x, settings["shift"], rng), settings["cutout"], rng)
    return (through_jpeg(x, *jpeg_settings, rng) if last else x), x


def zoom(
    x: np.ndarray, share: float, sides: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Show a part of some images larger, or all of them smaller with a reflected edge.

    `sides` are the least and the most of the image's side that is seen: 0.8 to 1.25, say.
    """
    size = x.shape[1]
    edge = max(0, int(np.ceil(size * (sides[1] - 1))))
    out = x.copy()
    for i in np.flatnonzero(rng.random(len(x)) < share):
        seen = size * rng.uniform(*sides)
        left, top = rng.uniform(0, size + 2 * edge - seen, 2)
        if seen <= size:  # stay inside the picture where it is large enough
            left, top = edge + rng.uniform(0, size - seen, 2)
        wide = np.pad(x[i], ((edge, edge), (edge, edge), (0, 0)), mode="reflect")
        box = (left, top, left + seen, top + seen)
        small = Image.fromarray(wide).resize((size, size), Image.Resampling.BILINEAR, box)
        out[i] = np.asarray(small)
    return out


def through_jpeg(
    x: np.ndarray, share: float, qualities: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Send some images through JPEG, each at its own quality: that is how uploads arrive."""
    out = x.copy()
    for i in np.flatnonzero(rng.random(len(x)) < share):
        quality = int(rng.integers(qualities[0], qualities[1] + 1))
        out[i] = jpeg.decoded(jpeg.encoded(x[i], quality))
    return out


def shift(x: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Move each image by up to `most` pixels both ways, reflecting at the edge."""
    n, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    rows = rng.integers(0, 2 * most + 1, n)[:, None] + np.arange(height)
    columns = rng.integers(0, 2 * most + 1, n)[:, None] + np.arange(width)
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def shrink(x: np.ndarray, side: int) -> np.ndarray:
    """The images at side by side pixels."""
    pillow = (Image.fromarray(image) for image in x)
    small = (image.resize((side, side), Image.Resampling.BILINEAR) for image in pillow)
    return np.stack([np.asarray(image) for image in small])


def cutout(x: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Grey out one square of each image (arXiv:1708.04552); it may hang over the edge."""
    n, height, width, _ = x.shape
    if side == 0:
        return x
    top = rng.integers(-side // 2, height - side // 2, n)[:, None]
    left = rng.integers(-side // 2, width - side // 2, n)[:, None]
    in_rows = (np.arange(height) >= top) & (np.arange(height) < top + side)
    in_columns = (np.arange(width) >= left) & (np.arange(width) < left + side)
    hidden = in_rows[:, :, None] & in_columns[:, None, :]
    return np.where(hidden[..., None], np.uint8(GREY), x)
