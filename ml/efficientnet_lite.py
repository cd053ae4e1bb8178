"""EfficientNet-Lite (arXiv:1905.11946, without squeeze and excitation, with ReLU6), which people
begin with after others have trained it on ImageNet (ml/imagenet.py)."""

import math
from typing import Any, NamedTuple

from keras import Model, layers

from ml.views import BothWays, MeanOfBoth

# What it was trained on ImageNet with, in units of 0 to 255.
MEAN, STD = 127.0, 128.0

STEM, HEAD = 32, 1280  # channels of its first and last convolution


class Stage(NamedTuple):
    """Blocks one after the other, of which the first one strides."""

    blocks: int
    kernel: int  # of the depthwise convolution, pixels a side
    stride: int
    expansion: int  # times the channels that come in
    channels: int  # that go out


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def efficientnet_lite0(
    classes: int = 10, size: int = 32, side: int = 128, dropout: float = 0.2
) -> Model:
    """3,362,810 parameters at ten classes: seven stages of depthwise convolutions on the picture
    enlarged to `side`, a multiple of `size`.

    Its normalizations are a part of its convolutions, in training too. Dropout acts in training
    only. The weights fit any side, but what serves has the one above: another is for a run that a
    further one goes on from. Takes (n, size, size, 3) uint8, gives (n, classes) float32 logits.
    Raises ValueError for another side.
    """
    inputs = _pictures(size)
    x = _features(_enlarged(inputs, side), STAGES)
    return Model(inputs, _logits(x, classes, dropout), name="efficientnet_lite0")


def efficientnet_lite2(
    classes: int = 10, size: int = 32, side: int = 128, dropout: float = 0.2, views: int = 2
) -> Model:
    """`efficientnet_lite0` with 1.1 times the channels and 1.2 times the blocks, which sees each
    picture mirrored too and averages what it sees in both: 4,794,834 parameters at ten classes.

    Training mirrors by itself, so a recipe asks for one view, which costs half; the weights are
    the same. Otherwise as `efficientnet_lite0`.
    """
    inputs = _pictures(size)
    x = BothWays(name="both_ways")(inputs) if views == 2 else inputs
    x = _features(_enlarged(x, side), scaled(STAGES, 1.1, 1.2))
    if views == 2:
        x = MeanOfBoth(dtype="float32", name="mean_of_both")(x)
    return Model(inputs, _logits(x, classes, dropout), name="efficientnet_lite2")


def scaled(stages: tuple[Stage, ...], width: float, depth: float) -> tuple[Stage, ...]:
    """`width` times the channels, in eights that take a tenth at most, and `depth` times the
    blocks, but for the one of the first stage and the one of the last."""
    first, *between, last = (s._replace(channels=_eights(s.channels * width)) for s in stages)
    deeper = (stage._replace(blocks=math.ceil(stage.blocks * depth)) for stage in between)
    return first, *deeper, last


def _eights(channels: float) -> int:
    nearest = int(channels + 4) // 8 * 8
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _pictures(size: int) -> Any:
    if not isinstance(size, int):
        raise ValueError("the network enlarges pictures of one size")
    return layers.Input((size, size, 3), dtype="uint8")


def _enlarged(pictures: Any, side: int) -> Any:
    size = pictures.shape[1]
    if not isinstance(side, int) or side < size or side % size:
        raise ValueError(f"side is a multiple of {size}, and not {side!r}")
    x = layers.Rescaling(1 / STD, -MEAN / STD)(pictures)
    return layers.UpSampling2D(side // size, interpolation="bilinear")(x)


def _features(x: Any, stages: tuple[Stage, ...]) -> Any:
    x = _relu6(layers.Conv2D(STEM, 3, strides=2, padding="same")(x))
    for stage in stages:
        for number in range(stage.blocks):
            x = _block(x, stage, stage.stride if number == 0 else 1)
    return layers.GlobalAveragePooling2D()(_relu6(layers.Conv2D(HEAD, 1)(x)))


def _logits(features: Any, classes: int, dropout: float) -> Any:
    x = layers.Dropout(dropout)(features)
    return layers.Dense(classes, dtype="float32", name="logits")(x)


def _block(before: Any, stage: Stage, stride: int) -> Any:
    """Wider, each channel for itself, narrower: an inverted residual (arXiv:1801.04381)."""
    channels, x = before.shape[-1], before
    if stage.expansion > 1:
        x = _relu6(layers.Conv2D(stage.expansion * channels, 1)(x))
    x = _relu6(layers.DepthwiseConv2D(stage.kernel, strides=stride, padding="same")(x))
    x = layers.Conv2D(stage.channels, 1)(x)
    return layers.Add()([x, before]) if stride == 1 and channels == stage.channels else x


def _relu6(x: Any) -> Any:
    return layers.Activation("relu6")(x)
