"""The test pictures that a card shows: each mistake, and of the right answers the least sure."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml import manifest
from ml.data import Labelled

COLUMNS = 32  # tiles a row of the sheet
MISTAKES = 1000  # so many at most, the likeliest of each kind first
RIGHT = 6  # of each class


def write(folder: Path, split: Labelled, probabilities: np.ndarray) -> dict[str, Any]:
    """Write pictures.jpg, one sheet of tiles, and say what each tile is, cell by cell of the
    confusion matrix: mistakes the surest first, right answers the least sure first."""
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = int((answers != split.y).sum())
    share = min(1.0, MISTAKES / max(wrong, 1))  # of each kind of mistake
    chosen: list[int] = []
    for true, answer in np.ndindex(probabilities.shape[1], probabilities.shape[1]):
        cell = np.flatnonzero((split.y == true) & (answers == answer))
        order = np.argsort(confidence[cell] if true == answer else -confidence[cell])
        most = RIGHT if true == answer else math.ceil(len(cell) * share)
        chosen += cell[order][:most].tolist()
    tiles = [
        {
            "true": int(split.y[i]),
            "answer": int(answers[i]),
            "confidence": round(float(confidence[i]), 4),
        }
        for i in chosen
    ]
    sheet = _sheet(split.x[chosen])
    with manifest.whole(folder / manifest.PICTURES) as partial:
        sheet.save(partial, "JPEG", quality=88)
    return {
        "side": split.x.shape[1],
        "columns": COLUMNS,
        "width": sheet.width,
        "height": sheet.height,
        "tiles": tiles,
    }


def _sheet(x: np.ndarray) -> Image.Image:
    n, side, _, channels = x.shape
    rows = -(-n // COLUMNS)
    filled = np.zeros((rows * COLUMNS, side, side, channels), np.uint8)
    filled[:n] = x
    grid = filled.reshape(rows, COLUMNS, side, side, channels).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(grid.reshape(rows * side, COLUMNS * side, channels))
