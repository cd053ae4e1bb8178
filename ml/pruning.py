"""Show hard pictures in each epoch and easy ones now and then (InfoBatch, arXiv:2303.04947).

A picture is easy while its loss, when it was last seen, is below the mean. Easy pictures that are
shown count for those that are not, so the gradient stays that of the whole set, on average. Towards
the end of a run each picture is as likely as any other.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ml import manifest

FEWEST = 0.2  # of the easy pictures, so that none counts for more than five


class Pruning:
    """What an epoch shows of n pictures, and how much each counts.

    An epoch shows `keep` of them (a share), all the hard ones among them; after `until` of the
    run's `epochs`, or where that would leave too few of the easy ones, it draws as many without
    looking. Raises ValueError for shares that are none.
    """

    def __init__(self, n: int, epochs: int, keep: float, until: float) -> None:
        if not (0 < keep <= 1 and 0 <= until <= 1):
            raise ValueError("[pruning]: keep and until are shares, and keep is above zero")
        self.shown, self.pruned_epochs = round(n * keep), round(epochs * until)
        self.losses = np.full(n, np.nan, np.float32)  # when last seen; NaN: never

    def draw(self, epoch: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The places of an epoch's pictures (shown,), in its order, and their weights (shown,)
        float32, whose mean is 1."""
        n = len(self.losses)
        seen = np.isfinite(self.losses)
        hard = ~seen
        if seen.any():
            hard[seen] = self.losses[seen] >= self.losses[seen].mean()
        easy = np.flatnonzero(~hard)
        room = self.shown - int(hard.sum())
        if epoch >= self.pruned_epochs or room < FEWEST * len(easy) or room <= 0:
            return rng.permutation(n)[: self.shown], np.ones(self.shown, np.float32)
        kept = rng.choice(easy, min(room, len(easy)), replace=False)
        weights = np.ones(n, np.float32)
        weights[easy] = len(easy) / len(kept)
        chosen = rng.permutation(np.concatenate([np.flatnonzero(hard), kept]))
        return chosen, weights[chosen] * (self.shown / n)

    def see(self, chosen: np.ndarray, losses: np.ndarray) -> None:
        """Remember the losses (n,) of the pictures at the places `chosen` (n,)."""
        self.losses[chosen] = losses

    def save(self, path: Path) -> None:
        """Write the losses, whole or not at all."""
        with manifest.whole(path) as partial:
            np.save(partial, self.losses)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        self.losses = np.load(path, allow_pickle=False)


@keras.saving.register_keras_serializable("kadr")
class BatchLosses(keras.metrics.Metric):
    """The cross-entropy of each picture of the last batch, which has at most `size`."""

    def __init__(self, size: int, name: str = "batch_loss", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.size = size
        self.last = self.add_variable((size,), "zeros", name="last")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        losses = ops.categorical_crossentropy(y_true, y_pred, from_logits=True)
        n = ops.shape(losses)[0]
        rest = ops.zeros_like(self.last.value[n:])
        losses = ops.concatenate([ops.cast(losses, "float32"), rest])
        self.last.assign(ops.reshape(losses, (self.size,)))
        self.count.assign(ops.cast(n, "float32"))

    def result(self) -> Any:
        return ops.sum(self.last) / ops.maximum(self.count, 1.0)

    def reset_state(self) -> None:
        """Nothing is added up."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


class Watch(keras.callbacks.Callback):
    """Tells a pruning the losses of each batch, and keeps them beside the run's checkpoint.

    They are written first: after a kill between the two an epoch is drawn anew from newer losses.
    """

    def __init__(
        self, watched: Pruning, chosen: Callable[[int], np.ndarray], last: BatchLosses, path: Path
    ) -> None:
        super().__init__()
        self.watched, self.chosen, self.last, self.path = watched, chosen, last, path

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        _ = self.model  # to ask for it is what brings JAX's state back
        places = self.chosen(batch)
        losses = ops.convert_to_numpy(self.last.last.value)
        self.watched.see(places, losses[: len(places)])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.watched.save(self.path)
