"""The networks, by name. Every network takes uint8 RGB and ends in logits.

Scaling is a layer, so training and serving cannot scale differently; softmax is left to the
caller, which divides by the temperature first. Logits are float32 whatever the precision before.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import Model, initializers, layers

from ml.efficientnet_lite import efficientnet_lite0, efficientnet_lite2
from ml.views import BothWays, MeanOfBoth

# Mean and standard deviation of CIFAR-10's training pixels, by channel, in units of 0 to 255.
MEAN = (125.307, 122.950, 113.865)
STD = (62.993, 62.089, 66.705)

WHITENING = "whiten"  # the layer whose kernels are made of the training pictures and then kept
PATCH = 2 * 2 * 3  # values in the patch that it looks at


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
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return Model(inputs, logits, name="cifar10_improved")


def airbench94(classes: int = 10, size: int = 32) -> Model:
    """Whitening and three pairs of 3x3 convolutions: 1,973,944 parameters at ten classes.

    The network of the CIFAR-10 speed records (arXiv:2404.00498): 2x2 patches are whitened by fixed
    kernels (`whiten`), each pair pools after its first convolution, kernels start as the identity,
    and there is one linear layer at the end. Takes (n, size, size, 3) uint8, gives (n, classes)
    float32 logits.
    """
    inputs = layers.Input((size, size, 3), dtype="uint8")
    logits = _airbench(inputs, (64, 256, 256), classes)
    return Model(inputs, logits, name="airbench94")


def airbench_wide(classes: int = 10, size: int = 32, views: int = 2) -> Model:
    """`airbench94` with 1.4 times the channels, which sees each picture mirrored too and averages
    the two answers: 3,761,848 parameters at ten classes.

    Training mirrors by itself, so a recipe asks for one view, which costs half; the weights are
    the same. Takes (n, size, size, 3) uint8, gives (n, classes) float32 logits.
    """
    inputs = layers.Input((size, size, 3), dtype="uint8")
    x = BothWays(name="both_ways")(inputs) if views == 2 else inputs
    logits = _airbench(x, (96, 352, 352), classes)
    if views == 2:
        logits = MeanOfBoth(dtype="float32", name="mean_of_both")(logits)
    return Model(inputs, logits, name="airbench_wide")


def airbench96(classes: int = 10, size: int | None = 32) -> Model:
    """The largest network of the CIFAR-10 speed records (arXiv:2404.00498): `airbench94` with more
    channels and a third convolution in each block, around which the block's input is added:
    9,921,824 parameters at ten classes.

    The whitening layer has no bias, which the records train for three epochs only. Takes
    (n, size, size, 3) uint8, where no size is given pictures of any, gives (n, classes) float32
    logits.
    """
    inputs = layers.Input((size, size, 3), dtype="uint8")
    logits = _airbench(inputs, (128, 384, 512), classes, residual=True)
    return Model(inputs, logits, name="airbench96")


def _airbench(pictures: Any, widths: tuple[int, ...], classes: int, residual: bool = False) -> Any:
    x = _standardize(pictures)
    x = Whitening(2 * PATCH, 2, use_bias=not residual, name=WHITENING)(x)
    x = layers.Activation("gelu")(x)
    for filters in widths:
        x = layers.MaxPooling2D()(_identity_convolution(filters)(x))
        x = before = layers.Activation("gelu")(_fast_normalization()(x))
        x = _identity_convolution(filters)(x)
        x = layers.Activation("gelu")(_fast_normalization()(x))
        if residual:
            x = _fast_normalization()(_identity_convolution(filters)(x))
            x = layers.Activation("gelu")(layers.Add()([x, before]))
    x = layers.GlobalMaxPooling2D()(x)
    logits = layers.Dense(
        classes,
        use_bias=False,
        kernel_initializer=_like_torch(),
        dtype="float32",
        name="unscaled",
    )(x)
    return layers.Rescaling(1 / 9, dtype="float32", name="logits")(logits)


ARCHITECTURES: dict[str, Callable[..., Model]] = {
    "airbench94": airbench94,
    "airbench96": airbench96,
    "airbench_wide": airbench_wide,
    "cifar10_improved": cifar10_improved,
    "efficientnet_lite0": efficientnet_lite0,
    "efficientnet_lite2": efficientnet_lite2,
}


def build(name: str, **options: Any) -> Model:
    """Build a network by name. Raises KeyError with the known names for an unknown one."""
    if name not in ARCHITECTURES:
        raise KeyError(f"no architecture {name!r}; known: {', '.join(sorted(ARCHITECTURES))}")
    return ARCHITECTURES[name](**options)


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """What the layers made inside calculate in, a Keras dtype policy; the network keeps it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _standardize(inputs: Any) -> Any:
    scale = [1 / std for std in STD]
    offset = [-mean / std for mean, std in zip(MEAN, STD, strict=True)]
    return layers.Rescaling(scale, offset)(inputs)


def whiten(network: Model, x: np.ndarray, epsilon: float = 5e-4) -> None:
    """Set the fixed kernels of a network's whitening layer, where it has one.

    They are the eigenvectors of the 2x2 patches of the images x (n, size, size, 3) uint8, divided
    by the roots of their eigenvalues, and their negatives.
    """
    if WHITENING not in [layer.name for layer in network.layers]:
        return
    scaled = (x.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (2, 2), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, PATCH)
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    kernels = (vectors / np.sqrt(values + epsilon)).reshape(2, 2, 3, PATCH)[..., ::-1]
    network.get_layer(WHITENING).kernel.assign(np.concatenate([kernels, -kernels], axis=-1))


def _like_torch() -> Any:
    return initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")


def _fast_normalization() -> Any:
    return layers.BatchNormalization(momentum=0.6, epsilon=1e-12, scale=False)


def _identity_convolution(filters: int) -> Any:
    return layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer=PassThrough()
    )


@keras.saving.register_keras_serializable("kadr")
class Whitening(layers.Conv2D):
    """A convolution that learns its bias and not its kernel. A class of its own, because a saved
    network forgets which variables of a layer were fixed."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.kernel.trainable = False


@keras.saving.register_keras_serializable("kadr")
class PassThrough(initializers.Initializer):
    """The first kernels copy one input channel each; the others are drawn as PyTorch draws them."""

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        kernel = np.array(keras.ops.convert_to_numpy(_like_torch()(shape, dtype)))
        height, width, channels, filters = shape
        copied = min(channels, filters)
        kernel[..., :copied] = 0
        kernel[height // 2, width // 2, range(copied), range(copied)] = 1
        return keras.ops.convert_to_tensor(kernel, dtype)

    def get_config(self) -> dict[str, Any]:
        return {}
