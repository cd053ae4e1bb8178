"""A Keras network calculated by PyTorch's functions, from values that are handed in.

A thread that has its own values' gradients to find cannot use the network's layers, which hold the
variables that all threads share; and in half precision Keras's normalization takes several passes
over memory where PyTorch's takes one.
"""

import keras
import torch
from keras import layers
from torch.nn import functional

from ml.pytorch.convolution import Convolution
from ml.pytorch.depthwise import DepthwiseConvolution, same_edges

Values = dict[int, torch.Tensor]  # by the id of the variable
Statistics = dict[str, tuple[torch.Tensor, torch.Tensor]]  # mean and variance, by layer

ACTIVATIONS = {
    keras.activations.gelu: lambda x: functional.gelu(x, approximate="none"),
    keras.activations.relu: functional.relu,
    keras.activations.relu6: functional.relu6,
}


class Forward:
    """Raises ValueError for a network that does not fit."""

    def __init__(self, network: keras.Model) -> None:
        if not self.fits(network):
            raise ValueError(f"{network.name} has layers that ml.pytorch does not know")
        self.network = network
        self.precisions = {
            id(v): getattr(torch, layer.compute_dtype)
            for layer in network.layers
            if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.Dense)
            for v in layer.variables
        }

    @staticmethod
    def fits(network: keras.Model) -> bool:
        """Whether a network is made of what `_calculate` knows, with one input and one output, and
        adds nothing to the loss."""
        single = len(network.inputs) == len(network.outputs) == 1
        return single and not network.losses and all(map(_known, network.layers))

    def values(self) -> Values:
        """What the network's variables hold now, kernels in the precision that is calculated in."""
        return {
            id(v): v.value.detach().clone().to(self.precisions.get(id(v), torch.float32))
            for v in self.network.variables
        }

    def __call__(
        self,
        values: Values,
        x: torch.Tensor,
        statistics: Statistics | None = None,
        dice: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Logits (n, classes) of x (n, size, size, 3) uint8. In training `statistics` is given, is
        filled with what batch normalization has seen, and normalization goes by that; and dropout
        drops by `dice` (default: PyTorch's own)."""
        made: dict[str, torch.Tensor] = {}
        for layer in self.network.layers:
            inputs = layer.input if isinstance(layer.input, list) else [layer.input]
            given = [x] if isinstance(layer, layers.InputLayer) else [made[t.name] for t in inputs]
            if isinstance(layer, layers.Dropout) and statistics is not None:
                made[layer.output.name] = _dropped(given[0], layer.rate, dice)
            else:
                made[layer.output.name] = _calculate(layer, given, values, statistics)
        return made[self.network.outputs[0].name]


def _known(layer: keras.Layer) -> bool:
    match layer:
        case layers.Conv2D() | layers.DepthwiseConv2D() | layers.Dense():
            return layer.activation is keras.activations.linear and _is_plain(layer)
        case layers.Activation():
            return layer.activation in ACTIVATIONS
        case layers.MaxPooling2D():
            return layer.pool_size == layer.strides and layer.padding == "valid"
        case layers.BatchNormalization():
            last = layer.axis in (-1, len(layer.output.shape) - 1)
            return last and layer.center and layer.trainable and not layer.renorm
        case layers.GlobalMaxPooling2D() | layers.GlobalAveragePooling2D():
            return not layer.keepdims
        case layers.UpSampling2D():
            return layer.interpolation == "bilinear"
        case layers.Add():
            return len(layer.input) == 2
        case layers.Dropout():
            return type(layer) is layers.Dropout and layer.noise_shape is None
    return isinstance(layer, layers.InputLayer | layers.Rescaling)


def _is_plain(layer: keras.Layer) -> bool:
    match layer:
        case layers.Conv2D():
            return layer.dilation_rate == (1, 1) and layer.groups == 1
        case layers.DepthwiseConv2D():
            sides = layer.kernel_size in ((3, 3), (5, 5)) and layer.strides in ((1, 1), (2, 2))
            once = layer.dilation_rate == (1, 1) and layer.depth_multiplier == 1
            return sides and once and layer.padding == "same"
    return True


def _calculate(
    layer: keras.Layer, given: list[torch.Tensor], values: Values, statistics: Statistics | None
) -> torch.Tensor:
    x = given[0]
    match layer:
        case layers.InputLayer() | layers.Dropout():
            return x
        case layers.Rescaling():
            scale, offset = (
                torch.tensor(v, dtype=torch.float32) for v in (layer.scale, layer.offset)
            )
            return (x.float() * scale + offset).to(getattr(torch, layer.compute_dtype))
        case layers.Conv2D() | layers.DepthwiseConv2D() | layers.Dense():
            out = _product(layer, x, values)
            return out + values[id(layer.bias)] if layer.use_bias else out
        case layers.BatchNormalization():
            return _normalize(layer, x, values, statistics)
        case layers.Activation():
            return ACTIVATIONS[layer.activation](x)
        case layers.Add():
            return given[0] + given[1]
    return _resized(layer, x)


def _dropped(x: torch.Tensor, rate: float, dice: torch.Generator | None) -> torch.Tensor:
    kept = torch.empty_like(x).bernoulli_(1 - rate, generator=dice)
    return x * kept / (1 - rate)


def _resized(layer: keras.Layer, x: torch.Tensor) -> torch.Tensor:
    match layer:
        case layers.GlobalMaxPooling2D():
            return x.amax((1, 2))
        case layers.GlobalAveragePooling2D():
            return x.mean((1, 2))
        case layers.MaxPooling2D():
            made = functional.max_pool2d(_channels_first(x), layer.pool_size)
        case layers.UpSampling2D():
            made = functional.interpolate(
                _channels_first(x), scale_factor=layer.size, mode="bilinear", align_corners=False
            )
    return _channels_last(made)


def _product(layer: keras.Layer, x: torch.Tensor, values: Values) -> torch.Tensor:
    kernel = values[id(layer.kernel)]
    if isinstance(layer, layers.Dense):
        return x.to(kernel.dtype) @ kernel
    if isinstance(layer, layers.DepthwiseConv2D):
        return DepthwiseConvolution.apply(x.contiguous(), kernel, layer.strides[0])
    if layer.kernel_size == layer.strides == (1, 1):
        return x @ kernel[0, 0]
    if layer.padding == "same":
        if layer.kernel_size == (3, 3) and layer.strides == (1, 1):
            return Convolution.apply(x.contiguous(), kernel)
        sides = zip(x.shape[1:3], layer.kernel_size, layer.strides, strict=True)
        rows, columns = (same_edges(*side) for side in sides)
        x = functional.pad(x, (0, 0, *columns, *rows))
    made = functional.conv2d(_channels_first(x), kernel.permute(3, 2, 0, 1), stride=layer.strides)
    return _channels_last(made)


def _normalize(
    layer: keras.Layer, x: torch.Tensor, values: Values, statistics: Statistics | None
) -> torch.Tensor:
    flat = x.reshape(-1, x.shape[-1])
    shift = values[id(layer.beta)]
    scale = values[id(layer.gamma)] if layer.scale else torch.ones_like(shift)
    if statistics is None:
        moving = values[id(layer.moving_mean)], values[id(layer.moving_variance)]
        out = functional.batch_norm(flat, *moving, scale, shift, eps=layer.epsilon)
    else:
        out, mean, inverse = torch.native_batch_norm(
            flat, scale, shift, None, None, True, 0.0, layer.epsilon
        )
        variance = inverse.detach().pow(-2) - layer.epsilon
        statistics[layer.name] = mean.detach(), variance
    return out.view(x.shape)


def _channels_first(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)
