"""How far a picture is from all that a network learned from: the off-topic score of those whose
logits tell it badly (ml.compare_scores).

What training pictures look like to a network lies in few of the directions in which its features
could vary; of another picture's features much is left beside them (the residual of
arXiv:2203.10807). A model folder keeps the directions with the weights.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import keras
import numpy as np
from keras import layers, ops

from ml import weights
from ml.manifest import ENERGY, RESIDUAL, WEIGHTS, Manifest, ModelError
from ml.views import MeanOfBoth

BEGIN_WITH_IMAGENET = ("efficientnet_lite0", "efficientnet_lite2")
DIRECTIONS = 100
FOR_EACH = 10  # pictures at least, or there are fewer directions
PICTURES = 5000  # training pictures that are looked at
BATCH = 100  # of them at a time


def score_of(recipe: Mapping[str, Any]) -> str:
    """Which score what a recipe made is exported with: the residual where a million photos had
    shaped the features, of which few directions are left on the pictures of some classes. Whatever
    it begins with is taken to have begun so itself."""
    begun = recipe["architecture"] in BEGIN_WITH_IMAGENET and recipe.get("from")
    return RESIDUAL if begun else ENERGY


class Familiar(NamedTuple):
    """Where the features of training pictures lie."""

    mean: np.ndarray  # (d,) float32
    directions: np.ndarray  # (d, k) float32, of length one and at right angles to each other

    @classmethod
    def to(cls, network: keras.Model, x: np.ndarray) -> Self:
        """What training pictures x (n, size, size, 3) uint8 taught a network."""
        look = keras.Model(network.input, features(network))
        return cls.of(look.predict(x, batch_size=BATCH, verbose=0))

    @classmethod
    def of(cls, seen: np.ndarray) -> Self:
        """Of features (n, d), the directions in which they vary most, at most half of all."""
        mean = seen.mean(axis=0)
        apart = (seen - mean).astype(np.float64)
        most = max(1, min(DIRECTIONS, len(seen) // FOR_EACH, len(mean) // 2))
        _values, vectors = np.linalg.eigh(apart.T @ apart)  # from the least on
        return cls(mean.astype(np.float32), vectors[:, ::-1][:, :most].astype(np.float32))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """From a model folder. Raises ModelError where it holds none."""
        try:
            with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
                return cls(*(arrays[_name(part)].astype(np.float32) for part in cls._fields))
        except (OSError, KeyError, ValueError) as error:
            raise ModelError(f"{folder / WEIGHTS} holds no off-topic score: {error}") from error

    def arrays(self) -> dict[str, np.ndarray]:
        """As a model folder keeps them, with the weights."""
        return {_name(part): array for part, array in self._asdict().items()}


def features(network: keras.Model) -> Any:
    """What goes into the last layer with weights."""
    return weights.last_layer(network).input


def with_score(network: keras.Model, described: Manifest, folder: Path) -> keras.Model:
    """The network of a folder, which says after its logits the off-topic score where the manifest
    names one that is not told from them: (n, classes + 1) float32. Raises ModelError."""
    if described.off_topic_score == ENERGY:
        return network
    return scored(network, Familiar.read(folder))


def scored(network: keras.Model, familiar: Familiar) -> keras.Model:
    """A network that says after its logits how far a picture is from what is familiar:
    (n, classes + 1) float32. Raises ModelError where that is another network's."""
    seen = features(network)
    size, directions = seen.shape[-1], familiar.directions
    if familiar.mean.shape != (size,) or directions.ndim != 2 or len(directions) != size:
        raise ModelError(f"the off-topic score is not of {network.name}")
    if isinstance(network.layers[-1], MeanOfBoth):
        raise ModelError(f"{network.name} has features twice a picture, and one off-topic score")
    residual = Residual(directions.shape[1], dtype="float32", name="residual")
    score = residual(seen)
    residual.set_weights(list(familiar))
    both = layers.Concatenate(dtype="float32", name="with_score")([network.output, score])
    return keras.Model(network.input, both, name=network.name)


@keras.saving.register_keras_serializable("kadr")
class Residual(layers.Layer):
    """The length of what features (n, d) have beside the mean and the directions of those that are
    familiar: (n, 1)."""

    def __init__(self, directions: int, **options: Any) -> None:
        super().__init__(**options)
        self.number = directions

    def build(self, shape: tuple[int | None, ...]) -> None:
        size = shape[-1]
        self.mean = self.add_weight(shape=(size,), name="mean", trainable=False)
        self.directions = self.add_weight(
            shape=(size, self.number), name="directions", trainable=False
        )

    def call(self, seen: Any) -> Any:
        apart = seen - self.mean
        along = ops.matmul(ops.matmul(apart, self.directions), ops.transpose(self.directions))
        return ops.norm(apart - along, axis=-1, keepdims=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "directions": self.number}


def _name(part: str) -> str:
    return f"off_topic-{part}"
