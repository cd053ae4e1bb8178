"""What a network is made of, layer by layer, and what an image costs in it."""

import math
from typing import Any

import keras

from ml.off_topic import Residual
from ml.views import BothWays, MeanOfBoth


def table(network: keras.Model) -> list[dict[str, Any]]:
    """One row a layer: its kind, output shape, parameters and multiply-adds an image."""
    rows, views = [], 1
    for layer in network.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if isinstance(layer, BothWays | MeanOfBoth):
            views = 2 if isinstance(layer, BothWays) else 1
        rows.append(
            {
                "name": layer.name,
                "kind": type(layer).__name__,
                "output": list(layer.output.shape[1:]),
                "parameters": layer.count_params(),
                "multiply_adds": views * multiply_adds(layer),
            }
        )
    return rows


def multiply_adds(layer: keras.layers.Layer) -> int:
    """Of what multiplies by weights, a view; what other layers cost is left out, as usual."""
    if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
        return math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
    if isinstance(layer, Residual):
        return 2 * math.prod(layer.directions.shape)
    if isinstance(layer, keras.layers.Dense):
        return math.prod(layer.kernel.shape)
    return 0
