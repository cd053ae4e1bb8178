"""Batch normalization as part of the layer before it: the same answers from fewer operations.

Trained, it multiplies each channel by a number and adds one, which the kernel and the bias of a
convolution or a dense layer can do as well (arXiv:1712.05877, section 3.2).
"""

from collections import Counter
from typing import Any, cast

import keras
import numpy as np
from keras import layers

Foldable = layers.Conv2D | layers.Dense


def fold(network: keras.Model) -> keras.Model:
    """A copy of a trained network for inference, without the normalizations that directly follow a
    linear convolution or dense layer, or a pooling of its maxima. All others stay."""
    gone = _folded(network)
    widened = {layer: norm for norm, layer in gone.items()}

    def clone(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        if layer.name in widened:
            config["use_bias"] = True
        return cast(layers.Layer, type(layer).from_config(config))

    def call(layer: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        return args[0] if layer.name in gone else layer(*args, **kwargs)

    folded = keras.models.clone_model(network, clone_function=clone, call_function=call)
    for layer in folded.layers:
        if layer.name in widened:
            original = network.get_layer(layer.name)
            layer.set_weights(_weights(original, network.get_layer(widened[layer.name])))
        elif layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    return cast(keras.Model, folded)


def _folded(network: keras.Model) -> dict[str, str]:
    """The normalizations to fold, each with the layer that it becomes a part of, by their names."""
    makers = {id(layer.output): layer for layer in network.layers}
    inputs = [keras.tree.flatten(layer.input) for layer in network.layers]
    uses = Counter(id(tensor) for tensors in inputs for tensor in tensors)

    def before(layer: layers.Layer) -> layers.Layer | None:
        """What only this layer uses; None where others do, too."""
        return makers[id(layer.input)] if uses[id(layer.input)] == 1 else None

    found = {}
    for layer in network.layers:
        if not isinstance(layer, layers.BatchNormalization):
            continue
        source = before(layer)
        # The greatest stays the greatest where all are multiplied by the same positive number.
        if isinstance(source, layers.MaxPooling2D) and (_scale_and_shift(layer)[0] > 0).all():
            source = before(source)
        if isinstance(source, Foldable) and source.activation is keras.activations.linear:
            found[layer.name] = source.name
    return found


def _scale_and_shift(norm: layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """What it multiplies each channel by, and then adds, float64 (channels,)."""
    variables = (norm.moving_mean, norm.moving_variance)
    mean, variance = (np.asarray(v, np.float64) for v in variables)
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * np.asarray(norm.gamma)
    shift = np.asarray(norm.beta) if norm.center else 0.0
    return scale, shift - mean * scale


def _weights(layer: Any, norm: layers.BatchNormalization) -> list[np.ndarray]:
    """Kernel and bias of both in one; channels are a kernel's last axis."""
    scale, shift = _scale_and_shift(norm)
    bias = np.asarray(layer.bias) if layer.use_bias else 0.0
    return [np.asarray(layer.kernel) * scale, bias * scale + shift]
