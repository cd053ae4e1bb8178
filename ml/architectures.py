"""The networks, by name. Every network takes uint8 RGB and ends in logits.

Scaling is a layer, so training and serving cannot scale differently; softmax is left to the
caller, which divides by the temperature first.
"""

from collections.abc import Callable
from typing import Any

from keras import Model, layers

# Mean and standard deviation of CIFAR-10's training pixels, by channel, in units of 0 to 255.
MEAN = (125.307, 122.950, 113.865)
STD = (62.993, 62.089, 66.705)


def cifar10_improved(
    classes: int = 10, size: int = 32, conv_dropout: float = 0.2, dense_dropout: float = 0.5
) -> Model:
    """Three pairs of 3x3 convolutions and four dense layers: 11,332,138 parameters at ten classes.

    Takes (n, size, size, 3) uint8, gives (n, classes) float32 logits. Dropout acts in training
    only, so a recipe may change it without changing the network that serves.
    """
    inputs = layers.Input((size, size, 3), dtype="uint8")
    x = _standardize(inputs)
    for filters in (32, 64, 128):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same")(x)
            x = layers.LeakyReLU()(layers.BatchNormalization()(x))
        x = layers.Dropout(conv_dropout)(layers.MaxPooling2D()(x))
    x = layers.Flatten()(x)
    for units in (2048, 2048, 1024, 512):
        x = layers.Dense(units)(x)
        x = layers.LeakyReLU()(layers.BatchNormalization()(x))
        x = layers.Dropout(dense_dropout)(x)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="cifar10_improved")


ARCHITECTURES: dict[str, Callable[..., Model]] = {"cifar10_improved": cifar10_improved}


def build(name: str, **options: Any) -> Model:
    """Build a network by name. Raises KeyError with the known names for an unknown one."""
    if name not in ARCHITECTURES:
        raise KeyError(f"no architecture {name!r}; known: {', '.join(sorted(ARCHITECTURES))}")
    return ARCHITECTURES[name](**options)


def _standardize(inputs: Any) -> Any:
    scale = [1 / std for std in STD]
    offset = [-mean / std for mean, std in zip(MEAN, STD, strict=True)]
    return layers.Rescaling(scale, offset)(inputs)
