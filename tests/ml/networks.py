"""Networks as if they had learned something, for tests that need answers that differ."""

import keras
import numpy as np


def enliven(network: keras.Model) -> keras.Model:
    """With kernels by which a signal passes through many layers as large as it came (He et al.,
    arXiv:1502.01852)."""
    rng = np.random.default_rng(8)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            fan_in = np.prod(layer.kernel.shape[: 2 if depthwise else -1])
            layer.kernel.assign(rng.normal(0, (2 / fan_in) ** 0.5, layer.kernel.shape))
    return network
