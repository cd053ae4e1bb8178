"""The mean of a network's weights over the last epochs of a run (SWA, arXiv:1803.05407)."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import manifest

UP_TO, COUNT = "up_to", "count"  # in the file: the epochs behind it, and those that are in the mean


class EpochMean(keras.callbacks.Callback):
    """Keeps in `path` (.npz) the mean of the weights as they stood after each epoch from the
    `first`, counted from zero.

    What an epoch came to is added when the next begins: the run's checkpoint holds it by then, so a
    run that was killed adds none twice and none of another course.
    """

    def __init__(self, first: int, path: Path) -> None:
        super().__init__()
        self.first, self.path = first, path

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch > self.first and (more := self._with(epoch, self.model)):
            self._keep(epoch, *more)

    def finish(self, epochs: int, network: keras.Model, batches: Iterable[np.ndarray]) -> None:
        """After the last of the `epochs`, to which the network came: add it, and give the mean the
        batch statistics of its own that `batches` of pictures show. The network stays as it is."""
        more = self._with(epochs, network)
        if not more:
            return
        count, mean = more
        before = network.get_weights()
        network.set_weights(mean)
        measure_statistics(network, batches)
        self._keep(epochs, count, network.get_weights())
        network.set_weights(before)

    def _with(self, behind: int, network: keras.Model) -> tuple[int, list[np.ndarray]] | None:
        """Of how many epochs the mean is, and the mean, with what the network came to after so many
        epochs of the run; None where that is in it."""
        up_to, count, mean = 0, 0, []
        if behind > self.first + 1 and self.path.exists():
            up_to, count, mean = read(self.path)
        if up_to == behind:
            return None
        return count + 1, with_one_more(mean, count, network.get_weights())

    def _keep(self, up_to: int, count: int, mean: list[np.ndarray]) -> None:
        with manifest.whole(self.path) as partial:
            np.savez(partial, *mean, **{UP_TO: up_to, COUNT: count})


def measure_statistics(network: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Give each batch normalization the mean and variance that it sees in `batches` of pictures,
    each (n, height, width, 3) uint8: the mean of several networks' is not the mean network's."""
    normalizations = [
        layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in normalizations]
    sums, count = [[0.0, 0.0] for _ in normalizations], 0
    try:
        for layer in normalizations:
            layer.momentum = 0.0  # what it holds is what the last batch showed
        for pictures in batches:
            count += 1
            network(pictures, training=True)
            for total, layer in zip(sums, normalizations, strict=True):
                total[0] += keras.ops.convert_to_numpy(layer.moving_mean)
                total[1] += keras.ops.convert_to_numpy(layer.moving_variance)
    finally:
        for layer, momentum in zip(normalizations, momenta, strict=True):
            layer.momentum = momentum
    for (mean, variance), layer in zip(sums, normalizations, strict=True):
        layer.moving_mean.assign(mean / count)
        layer.moving_variance.assign(variance / count)


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
