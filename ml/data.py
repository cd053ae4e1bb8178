"""Labelled pictures in three splits: to train on, to choose on, to look at once.

CIFAR-10 from an .npz or as Keras downloads it, one's own folder of JPEGs (ml/image_folder.py), or
either of them with what reviewers have said since (ml/reviewed.py).
"""

import hashlib
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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

    def joined(self, other: "Labelled") -> "Labelled":
        """These, then the others."""
        labels = other.y.astype(self.y.dtype)
        return Labelled(np.concatenate([self.x, other.x]), np.concatenate([self.y, labels]))


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

    @cached_property
    def labels_sha256(self) -> str:
        """Over the labels of all three, whatever type of number they are kept as."""
        parts = (self.train, self.validation, self.test)
        return digest(*(part.y.astype("<i8") for part in parts))

    def check_classes(self, classes: Sequence[Mapping[str, str]], model: Path) -> None:
        """Raises ValueError where a model's classes are others, or in another order."""
        if [c["id"] for c in classes] != [c["id"] for c in self.classes]:
            raise ValueError(f"{model} knows other classes than these pictures have")

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
    """SHA-256 over the numbers in the parts, one part after the other."""
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
        return _downloaded()
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x, y, x_test, y_test = (arrays[name] for name in names)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no .npz with {', '.join(names)}: {error}") from error
    y, y_test = y.ravel(), y_test.ravel()  # Keras' own are columns
    known = len(CIFAR10_CLASSES)
    check_pictures(path, names[:2], x, y, 10, known)  # of which one is to choose on
    check_pictures(path, names[2:], x_test, y_test, 1, known)
    return x, y, x_test, y_test


def _downloaded() -> tuple[np.ndarray, ...]:
    from keras.datasets import cifar10

    try:
        (x, y), (x_test, y_test) = cifar10.load_data()
    except Exception as error:  # Keras raises a bare one where there is no connection
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise OSError(f"CIFAR-10 cannot be downloaded: name an .npz by --data ({told})") from error
    return x, y.ravel(), x_test, y_test.ravel()


def check_pictures(
    path: Path, names: tuple[str, str], x: np.ndarray, y: np.ndarray, fewest: int, classes: int
) -> None:
    """Raises ValueError where the pictures are not of the size, or a label is none of a class;
    `names` are those of both in the file."""
    name, labels = names
    expected = f"(n, {SIZE}, {SIZE}, 3) uint8"
    if x.dtype != np.uint8 or x.shape[1:] != (SIZE, SIZE, 3):
        raise ValueError(f"{path}: {name} is {x.shape} {x.dtype}, and pictures are {expected}")
    if len(x) < fewest:
        raise ValueError(f"{path}: {name} has {len(x)} pictures; {fewest} are the fewest")
    if y.shape != x.shape[:1] or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            f"{path}: {labels} is {y.shape} {y.dtype}; a label is the number of a class, and each "
            f"picture has one, so there are {len(x)}"
        )
    if wrong := [int(label) for label in np.unique(y) if not 0 <= label < classes]:
        told = f"holds the label {wrong[0]}; they go from 0 to {classes - 1}"
        raise ValueError(f"{path}: {labels} {told}")
