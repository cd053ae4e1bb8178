"""EfficientNet-Lite0 (arXiv:1905.11946, without squeeze and excitation, with ReLU6), which people
begin with after others have trained it on ImageNet (ml/imagenet.py)."""

from typing import Any, NamedTuple

from keras import Model, layers

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
    if not isinstance(size, int):
        raise ValueError("the network enlarges pictures of one size")
    if not isinstance(side, int) or side < size or side % size:
        raise ValueError(f"side is a multiple of {size}, and not {side!r}")
    inputs = layers.Input((size, size, 3), dtype="uint8")
    x = layers.Rescaling(1 / STD, -MEAN / STD)(inputs)
    x = layers.UpSampling2D(side // size, interpolation="bilinear")(x)
    x = _relu6(layers.Conv2D(STEM, 3, strides=2, padding="same")(x))
    for stage in STAGES:
        for number in range(stage.blocks):
            x = _block(x, stage, stage.stride if number == 0 else 1)
    x = layers.GlobalAveragePooling2D()(_relu6(layers.Conv2D(HEAD, 1)(x)))
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return Model(inputs, logits, name="efficientnet_lite0")


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
