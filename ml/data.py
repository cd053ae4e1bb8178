"""CIFAR-10 as arrays, the split that models are chosen on, and the augmentation they train with."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = (
    {"id": "airplane", "uk": "літак", "en": "airplane"},
    {"id": "automobile", "uk": "автомобіль", "en": "automobile"},
    {"id": "bird", "uk": "птах", "en": "bird"},
    {"id": "cat", "uk": "кіт", "en": "cat"},
    {"id": "deer", "uk": "олень", "en": "deer"},
    {"id": "dog", "uk": "собака", "en": "dog"},
    {"id": "frog", "uk": "жаба", "en": "frog"},
    {"id": "horse", "uk": "кінь", "en": "horse"},
    {"id": "ship", "uk": "корабель", "en": "ship"},
    {"id": "truck", "uk": "вантажівка", "en": "truck"},
)
SIZE = 32  # pixels a side


@dataclass(frozen=True)
class Labelled:
    """Images (n, 32, 32, 3) uint8 RGB and labels (n,) uint8."""

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Cifar10:
    train: Labelled
    validation: Labelled
    test: Labelled
    sha256: str


def load(path: Path | None = None) -> Cifar10:
    """Read CIFAR-10 from an .npz (x_train, y_train, x_test, y_test), or have Keras download it.

    The last tenth of the training images, in a fixed shuffle, is the validation split: 5,000.
    Raises OSError or ValueError with one line where the file is not such a file.
    """
    x, y, x_test, y_test = _read(path)
    order = np.random.default_rng(0).permutation(len(x))
    held_out = len(x) // 10
    train, validation = order[:-held_out], order[-held_out:]
    return Cifar10(
        train=Labelled(x[train], y[train]),
        validation=Labelled(x[validation], y[validation]),
        test=Labelled(x_test, y_test),
        sha256=hashlib.sha256(x.tobytes() + x_test.tobytes()).hexdigest(),
    )


def _read(path: Path | None) -> tuple[np.ndarray, ...]:
    if path is None:
        from keras.datasets import cifar10

        (x, y), (x_test, y_test) = cifar10.load_data()
        return x, y.ravel(), x_test, y_test.ravel()
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return tuple(arrays[name] for name in names)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no .npz with {', '.join(names)}: {error}") from error


def as_jpeg(pixels: np.ndarray, quality: int) -> bytes:
    """One (h, w, 3) uint8 image as a JPEG with halved chroma (4:2:0), as the web saves them."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue()


def through_jpeg(x: np.ndarray, qualities: np.ndarray) -> np.ndarray:
    """The images (n, h, w, 3) after a trip through JPEG, each at its own quality."""
    return np.stack(
        [
            np.asarray(Image.open(io.BytesIO(as_jpeg(image, int(quality)))))
            for image, quality in zip(x, qualities, strict=True)
        ]
    )


def augment(x: np.ndarray, jpegs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One batch as training sees it: half from `jpegs`, then flips, shifts and cutout.

    `jpegs` are the same images after JPEG, which is all that the service is ever sent. Cutout is
    arXiv:1708.04552. Both arguments and the result are (n, h, w, 3) uint8.
    """
    pick = rng.random(len(x)) < 0.5
    x = np.where(pick[:, None, None, None], jpegs, x)
    return cutout(shift(flip(x, rng), rng), rng)


def flip(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror half of the images left to right."""
    mirrored = rng.random(len(x)) < 0.5
    return np.where(mirrored[:, None, None, None], x[:, :, ::-1], x)


def shift(x: np.ndarray, rng: np.random.Generator, most: int = 4) -> np.ndarray:
    """Move each image by up to `most` pixels both ways, reflecting at the edge."""
    n, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    rows = rng.integers(0, 2 * most + 1, n)[:, None] + np.arange(height)
    columns = rng.integers(0, 2 * most + 1, n)[:, None] + np.arange(width)
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def cutout(x: np.ndarray, rng: np.random.Generator, side: int = 8) -> np.ndarray:
    """Grey out one square of each image; the square may hang over the edge."""
    n, height, width, _ = x.shape
    top = rng.integers(-side // 2, height - side // 2, n)[:, None]
    left = rng.integers(-side // 2, width - side // 2, n)[:, None]
    in_rows = (np.arange(height) >= top) & (np.arange(height) < top + side)
    in_columns = (np.arange(width) >= left) & (np.arange(width) < left + side)
    hidden = in_rows[:, :, None] & in_columns[:, None, :]
    return np.where(hidden[..., None], np.uint8(121), x)
