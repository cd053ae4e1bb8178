"""What reviewers have said of live pictures, mixed with the set that a model was trained on first.

`manage.py export_dataset` writes it: a ZIP, or the same unpacked, whose labels.jsonl names a file,
a label and a split in each line. The test split stays the original one.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ml import preprocess
from ml.data import SIZE, Dataset, Labelled, digest

LINES = "labels.jsonl"
ABOUT = "dataset.json"  # what was asked for
SPLITS = ("train", "validation")  # "none", the pictures of none of the classes, teaches nothing


def is_export(path: Path) -> bool:
    if path.is_dir():
        return (path / LINES).is_file()
    if not zipfile.is_zipfile(path):  # an .npz is one too
        return False
    with zipfile.ZipFile(path) as archive:
        return LINES in archive.namelist()


def mixed(path: Path, original: Dataset) -> Dataset:
    """The original set with the reviewed pictures at the end of its splits. Raises ValueError that
    names the line, the label or the file which is not right."""
    ids = [c["id"] for c in original.classes]
    with Export(path) as export:
        parts = {split: export.read(split, ids) for split in SPLITS}
        aside = export.kept_aside()
    if not len(parts["train"]):
        raise ValueError(f"{path} holds no picture to train on")
    hashes = original.sha256 + digest(*(part.x for part in parts.values()))
    return Dataset(
        name=f"{original.name}-reviewed",
        classes=original.classes,
        train=original.train.joined(parts["train"]),
        validation=original.validation.joined(parts["validation"]),
        test=original.test,
        sha256=hashlib.sha256(hashes.encode()).hexdigest(),
        reviewed={split: len(part) for split, part in parts.items()},
        reviewed_aside=aside,
    )


def kept_aside(dataset: Dataset) -> Labelled:
    """The reviewed pictures that were not trained on; none of a set that is not mixed."""
    n = len(original(dataset, "validation"))
    return Labelled(dataset.validation.x[n:], dataset.validation.y[n:])


def original(dataset: Dataset, split: str) -> Labelled:
    """A split without the reviewed pictures."""
    whole: Labelled = getattr(dataset, split)
    n = len(whole) - dataset.reviewed.get(split, 0)
    return Labelled(whole.x[:n], whole.y[:n])


class Export:
    """An open data set, packed or not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive = None if path.is_dir() else zipfile.ZipFile(path)

    def __enter__(self) -> "Export":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._archive:
            self._archive.close()

    def read(self, split: str, ids: list[str]) -> Labelled:
        lines = [line for line in self._lines() if line["split"] == split]
        labels = [self._place(line, ids) for line in lines]
        images = [
            self._picture(line["file"])
            for line in track(lines, description=f"Reading reviewed {split}", transient=True)
        ]
        x = np.stack(images) if images else np.empty((0, SIZE, SIZE, 3), np.uint8)
        return Labelled(x, np.array(labels, np.int64))

    def kept_aside(self) -> float:
        """The share of all reviewed pictures that by their hashes is for validation. 0 where the
        file does not say: then it may hold any picture for training."""
        try:
            return float(json.loads(self._bytes(ABOUT))["validation"])
        except (ValueError, KeyError, TypeError):
            return 0.0

    def _lines(self) -> Iterator[dict[str, Any]]:
        for number, text in enumerate(self._bytes(LINES).decode().splitlines(), 1):
            try:
                line = json.loads(text)
                known = {name: str(line[name]) for name in ("file", "label", "split")}
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{self.path}, {LINES}, line {number}: {error!r}") from error
            yield known

    def _place(self, line: dict[str, Any], ids: list[str]) -> int:
        if line["label"] not in ids:
            known = ", ".join(ids)
            raise ValueError(
                f"{self.path}: {line['file']} shows {line['label']!r}, which the original set does "
                f"not know; it has {known}"
            )
        return ids.index(line["label"])

    def _picture(self, name: str) -> np.ndarray:
        try:
            return preprocess.from_jpeg(self._bytes(name), SIZE)
        except preprocess.UnreadableImage as error:
            raise ValueError(f"{self.path}: {name} is damaged or no JPEG: {error}") from error

    def _bytes(self, name: str) -> bytes:
        try:
            if self._archive:
                return self._archive.read(name)
            inside = (self.path / name).resolve()
            if not inside.is_relative_to(self.path.resolve()):
                raise KeyError(name)
            return inside.read_bytes()
        except (KeyError, zipfile.BadZipFile, OSError) as error:
            raise ValueError(f"{self.path} lacks {name}, or it cannot be read") from error
