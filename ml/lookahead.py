"""Weights pulled towards their own slow average (arXiv:1907.08610), more so towards the end."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import manifest

EVERY = 5  # steps


class Lookahead(keras.callbacks.Callback):
    """Every 5 steps each weight, batch statistics included, moves on from its slow average.

    How much of the average stays grows with the cube of the run's share that is done, up to
    `decay` a step; a run ends on the average itself. It is kept in `path` (.npz) after each epoch,
    before the run's checkpoint: after a kill between the two it is an epoch ahead of it.
    """

    def __init__(self, decay: float, total: int, path: Path) -> None:
        super().__init__()
        self.decay, self.total, self.path = decay, total, path

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if int(self.model.optimizer.iterations) and self.path.exists():
            with np.load(self.path, allow_pickle=False) as kept:
                self.slow = [keras.ops.convert_to_tensor(kept[name]) for name in kept.files]
        else:
            self.slow = [keras.ops.copy(_held(w)) for w in self._weights()]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        step = int(self.model.optimizer.iterations)
        if step >= self.total:
            self._pull(1.0)
        elif step % EVERY == 0:
            self._pull(self.decay**EVERY * (step / self.total) ** 3)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        with manifest.whole(self.path) as partial:
            np.savez(partial, *map(keras.ops.convert_to_numpy, self.slow))

    def _weights(self) -> list[Any]:
        return [w for w in self.model.weights if "float" in str(w.dtype)]

    def _pull(self, keep: float) -> None:
        weights = self._weights()
        self.slow = [
            keep * s + (1 - keep) * _held(w) for s, w in zip(self.slow, weights, strict=True)
        ]
        for slow, weight in zip(self.slow, weights, strict=True):
            weight.assign(keras.ops.copy(slow))  # JAX gives away what a variable holds


def _held(weight: Any) -> Any:
    """What a weight holds, without the gradients that PyTorch would follow from there."""
    return keras.ops.stop_gradient(weight.value)
