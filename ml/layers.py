"""What a network is made of, layer by layer, and what an image costs in it."""

import math
from typing import Any

import keras


def table(network: keras.Model) -> list[dict[str, Any]]:
    """One row a layer: its kind, output shape, parameters and multiply-adds an image."""
    return [
        {
            "name": layer.name,
            "kind": type(layer).__name__,
            "output": list(layer.output.shape[1:]),
            "parameters": layer.count_params(),
            "multiply_adds": multiply_adds(layer),
        }
        for layer in network.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]


def multiply_adds(layer: keras.layers.Layer) -> int:
    """Of a convolution or a dense layer, an image; what the others cost is left out, as usual."""
    if isinstance(layer, keras.layers.Conv2D):
        return math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
    if isinstance(layer, keras.layers.Dense):
        return math.prod(layer.kernel.shape)
    return 0
