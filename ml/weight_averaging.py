"""The mean of a network's weights over the last epochs of a run (SWA, arXiv:1803.05407)."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import manifest

UP_TO, COUNT = "up_to", "count"  # in the file: the epochs behind it, and those that are in the mean


class EpochMean(keras.callbacks.Callback):
    """Keeps in `path` (.npz) the mean of the weights, batch statistics included, as they stood
    after each epoch from the `first`, counted from zero, to the last but one.

    What an epoch came to is added when the next begins: the run's checkpoint holds it by then, so a
    run that was killed adds none twice and none of another course.
    """

    def __init__(self, first: int, path: Path) -> None:
        super().__init__()
        self.first, self.path = first, path

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch <= self.first:
            return
        up_to, count, mean = 0, 0, []
        if epoch > self.first + 1 and self.path.exists():
            up_to, count, mean = read(self.path)
        if up_to == epoch:
            return
        mean = with_one_more(mean, count, self.model.get_weights())
        with manifest.whole(self.path) as partial:
            np.savez(partial, *mean, **{UP_TO: epoch, COUNT: count + 1})


def first_epoch(after: float, epochs: int) -> int:
    """The first whose weights count, from zero; those of the first `after` (a share of the run) do
    not, and the last always do. Raises ValueError for a share that is none."""
    if not 0 <= after <= 1:
        raise ValueError("[averaging]: after is a share of the run, from zero to one")
    return min(math.ceil(after * epochs), epochs - 1)


def read(path: Path) -> tuple[int, int, list[np.ndarray]]:
    """How many epochs the run had behind it, of how many of them it is the mean, and the mean."""
    with np.load(path, allow_pickle=False) as kept:
        mean = [kept[name] for name in kept.files if name not in (UP_TO, COUNT)]
        return int(kept[UP_TO]), int(kept[COUNT]), mean


def with_one_more(
    mean: list[np.ndarray], count: int, weights: list[np.ndarray]
) -> list[np.ndarray]:
    """The mean of `count` sets of weights and of one more."""
    if not count:
        return weights
    return [m + (w - m) / (count + 1) for m, w in zip(mean, weights, strict=True)]
