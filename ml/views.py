"""A picture seen as it is and mirrored, and one answer to both."""

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("kadr")
class BothWays(layers.Layer):
    """n pictures, then the same n mirrored: (2n, height, width, channels)."""

    def call(self, pictures: Any) -> Any:
        return ops.concatenate([pictures, ops.flip(pictures, axis=2)], axis=0)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape


@keras.saving.register_keras_serializable("kadr")
class MeanOfBoth(layers.Layer):
    """The mean of what is told of n pictures and of the same ones mirrored: (n, d) of (2n, d)."""

    def call(self, told: Any) -> Any:
        return ops.mean(ops.reshape(told, (2, -1, told.shape[-1])), axis=0)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape
