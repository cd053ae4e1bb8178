"""A network's training, testing and answering, by parts of a batch, on all cores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import torch
from keras import layers

from ml.pytorch.forward import Forward, Statistics

PART = 32  # pictures, whose largest map is a few megabytes in half precision

Part = tuple[torch.Tensor | None, ...]


class Steps:
    """The steps of a compiled network. `Model.fit` and all that goes by it work as before, but
    that batch normalization looks at a part and not at a batch (arXiv:1705.08741)."""

    def __init__(self, network: keras.Model, part: int = PART, cores: int | None = None) -> None:
        """`part` pictures at a time, on `cores` (default: all). Raises ValueError where the
        network does not fit."""
        self.network, self.part, self.forward = network, part, Forward(network)
        cores = cores or torch.get_num_threads()
        self.cores = ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,))

    def install(self) -> None:
        """In the place of Keras's own, in this network."""
        self.network.train_step = self.train_step
        self.network.test_step = self.test_step
        self.network.predict_step = self.predict_step

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y, weight = _unpacked(data)
        values, trained = self.forward.values(), self.network.trainable_variables
        leaves = [values[id(v)].requires_grad_() for v in trained]
        # Drawn here, or which thread comes first would decide what dropout drops.
        seeds = torch.randint(2**62, (len(x),))

        def learn(part: Part) -> tuple[Any, ...]:
            pictures, truth, weights, seed = part
            dice = torch.Generator().manual_seed(int(seed[0]))
            statistics: Statistics = {}
            with torch.enable_grad():
                logits = self.forward(values, pictures, statistics, dice)
                mean = self.network.loss(truth, logits, sample_weight=weights)
                loss = mean * (len(pictures) / len(x))
                gradients = torch.autograd.grad(self.network.optimizer.scale_loss(loss), leaves)
            return logits.detach(), loss.detach(), gradients, statistics

        learned = self._each(learn, x, y, weight, seeds)
        logits, losses, gradients, statistics = zip(*learned, strict=True)
        with torch.no_grad():
            sums = [_sum(of_one) for of_one in zip(*gradients, strict=True)]
            self.network.optimizer.apply(sums, trained)
            self._move_averages(statistics)
            return self._told(x, y, weight, torch.cat(logits), sum(losses))

    def test_step(self, data: Any) -> dict[str, Any]:
        x, y, weight = _unpacked(data)
        logits = self._logits(x)
        loss = self.network.loss(y, logits, sample_weight=weight)
        return self._told(x, y, weight, logits, loss)

    def predict_step(self, data: Any) -> torch.Tensor:
        return self._logits(_unpacked(data)[0])

    def _logits(self, x: torch.Tensor) -> torch.Tensor:
        values = self.forward.values()

        def answer(part: Part) -> torch.Tensor:
            with torch.no_grad():
                return self.forward(values, part[0])

        return torch.cat(self._each(answer, x))

    def _each(self, work: Callable[[Part], Any], *batch: torch.Tensor | None) -> list[Any]:
        """What `work` makes of each part of a batch, in the batch's order."""
        parts = -(-len(batch[0]) // self.part)
        cut = [(None,) * parts if b is None else b.tensor_split(parts) for b in batch]
        return list(self.cores.map(work, zip(*cut, strict=True)))

    def _move_averages(self, seen: tuple[Statistics, ...]) -> None:
        for layer in self.network.layers:
            if not isinstance(layer, layers.BatchNormalization):
                continue
            for place, moving in enumerate((layer.moving_mean, layer.moving_variance)):
                now = torch.stack([part[layer.name][place] for part in seen]).mean(0)
                moving.assign(moving.value.lerp(now, 1 - layer.momentum))

    def _told(self, x: Any, y: Any, weight: Any, logits: Any, loss: Any) -> dict[str, Any]:
        """As Keras's steps tell it: the loss so far and the metrics."""
        self.network._loss_tracker.update_state(loss, sample_weight=len(x))
        return self.network.compute_metrics(x, y, logits, sample_weight=weight)


def _unpacked(data: Any) -> tuple[Any, Any, Any]:
    """Pictures, labels and weights; None for what there is not."""
    unpacked = keras.utils.unpack_x_y_sample_weight(data)
    return tuple(None if t is None else torch.as_tensor(t) for t in unpacked)


def _sum(gradients: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """In float32, in which small parts are not lost in a large sum."""
    total = gradients[0].float()
    for gradient in gradients[1:]:
        total = total + gradient
    return total
