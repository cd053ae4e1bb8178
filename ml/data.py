"""Labelled pictures in three splits: to train on, to choose on, to look at once.

CIFAR-10 from an .npz or as Keras downloads it, one's own folder of JPEGs (ml/image_folder.py), or
either of them with what reviewers have said since (ml/reviewed.py).
"""

import hashlib
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

CIFAR10_CLASSES = (
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
    """Images (n, 32, 32, 3) uint8 RGB and labels (n,), each the place of its class."""

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Dataset:
    name: str
    classes: tuple[dict[str, str], ...]  # {"id", "uk", "en"}
    train: Labelled
    validation: Labelled
    test: Labelled
    sha256: str  # over the pixels of all three
    # Of a mixed set: how many pictures at the end of a split reviewers have named (ml/reviewed.py).
    reviewed: dict[str, int] = field(default_factory=dict)
    reviewed_aside: float = 0.0  # the share of all reviewed ones that is in no training split

    def counts(self) -> dict[str, int]:
        return {s: len(getattr(self, s)) for s in ("train", "validation", "test")}

    def training_shares(self) -> dict[str, float]:
        """How often each class occurs among the training pictures, by its id."""
        counted = Counter(self.train.y.tolist())
        return {c["id"]: round(counted[i] / len(self.train), 4) for i, c in enumerate(self.classes)}


def load(path: Path | None = None, original: Path | None = None) -> Dataset:
    """Read a folder of one's own classes, or CIFAR-10: an .npz, or without a path Keras' download.
    A data set of reviewed pictures is mixed with the `original` one, which is any of these.

    Raises OSError or ValueError with one line where there is no such thing.
    """
    from ml import image_folder, reviewed

    if path is not None and reviewed.is_export(path):
        return reviewed.mixed(path, load(original))
    if original is not None:
        raise ValueError(f"{path} is no data set of reviewed pictures to mix {original} with")
    if path is not None and path.is_dir():
        return image_folder.load(path)
    return _cifar10(path)


def digest(*parts: np.ndarray) -> str:
    """SHA-256 over the pixels of the parts, one after the other."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(np.ascontiguousarray(part))
    return sha.hexdigest()


def _cifar10(path: Path | None) -> Dataset:
    """The last tenth of the training images, in a fixed shuffle, is the validation split: 5,000."""
    x, y, x_test, y_test = _read(path)
    order = np.random.default_rng(0).permutation(len(x))
    held_out = len(x) // 10
    train, validation = order[:-held_out], order[-held_out:]
    return Dataset(
        name="CIFAR-10",
        classes=CIFAR10_CLASSES,
        train=Labelled(x[train], y[train]),
        validation=Labelled(x[validation], y[validation]),
        test=Labelled(x_test, y_test),
        sha256=digest(x, x_test),
    )


def _read(path: Path | None) -> tuple[np.ndarray, ...]:
    if path is None:
        from keras.datasets import cifar10

        (x, y), (x_test, y_test) = cifar10.load_data()
        return x, y.ravel(), x_test, y_test.ravel()
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x, y, x_test, y_test = (arrays[name] for name in names)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no .npz with {', '.join(names)}: {error}") from error
    y, y_test = y.ravel(), y_test.ravel()  # Keras' own are columns
    if len(x) != len(y) or len(x_test) != len(y_test):
        raise ValueError(f"{path}: a label is the number of a class, and each picture has one")
    return x, y, x_test, y_test
