"""What training shows the network instead of the picture itself. Images are (n, h, w, 3) uint8.

Every function takes the generator that its dice come from, so a batch is decided by its seed.
"""

from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ml import jpeg

GREY = 121  # the mean of CIFAR-10's pixels


class Augmented(NamedTuple):
    """A batch as training sees it."""

    shown: np.ndarray  # to the network
    before_jpeg: np.ndarray  # as a teacher sees them: the same, unless JPEG comes last
    partners: np.ndarray  # (n,) whose picture is a part of each
    own: np.ndarray  # (n,) how much of each is its own, 1 where it is whole


def augment(
    x: np.ndarray, mirrored: np.ndarray, settings: dict[str, Any], rng: np.random.Generator
) -> Augmented:
    """One batch as training sees it, by a recipe's [augment].

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
    partners, own = np.arange(len(x)), np.ones(len(x))
    if share := settings.get("cutmix_share", 0):
        x, partners, own = cutmix(x, share, rng)
    shown = through_jpeg(x, *jpeg_settings, rng) if last else x
    return Augmented(shown, x, partners, own)


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


def cutmix(
    x: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Show in a rectangle of some images what another of the batch has there (arXiv:1905.04899):
    the images, whose that is (n,), and how much of each is still its own (n,).

    The rectangle has the image's shape and any size, and is cut off at the edge.
    """
    n, height, width, _ = x.shape
    partners = np.where(rng.random(n) < share, rng.permutation(n), np.arange(n))
    side = np.sqrt(rng.random(n))
    rows, columns = (_stretch(size, side, rng) for size in (height, width))
    taken = rows[:, :, None] & columns[:, None, :] & (partners != np.arange(n))[:, None, None]
    return np.where(taken[..., None], x[partners], x), partners, 1 - taken.mean(axis=(1, 2))


def _stretch(size: int, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which of `size` places are in a stretch of so large a share, anywhere: (n, size) bool."""
    middle = rng.uniform(0, size, len(share))[:, None]
    half = (share * size / 2)[:, None]
    places = np.arange(size) + 0.5
    return (places >= middle - half) & (places < middle + half)
