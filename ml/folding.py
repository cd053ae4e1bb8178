"""Batch normalization as part of the layer before it: the same answers from fewer operations.

Trained, it multiplies each channel by a number and adds one, which the kernel and the bias of a
convolution or a dense layer can do as well (arXiv:1712.05877, section 3.2).
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import keras
import numpy as np
from keras import layers

Foldable = layers.Conv2D | layers.Dense


def fold(network: keras.Model) -> keras.Model:
    """A copy of a trained functional network for inference, without the normalizations that
    directly follow a linear convolution or dense layer, or a pooling of its maxima. Whatever is
    not as plain as that stays as it is."""
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


@dataclass(frozen=True)
class Call:
    """A layer used once; a network may use it more often. Tensors are told apart by identity."""

    name: str
    takes: list[Any]
    gives: list[Any]


def _calls(network: keras.Model) -> tuple[list[Call], list[Any]]:
    """In order, and the network's outputs."""
    calls = []

    def call(layer: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        outputs = layer(*args, **kwargs)
        given = [x for x in keras.tree.flatten((args, kwargs)) if keras.utils.is_keras_tensor(x)]
        calls.append(Call(layer.name, given, keras.tree.flatten(outputs)))
        return outputs

    return calls, keras.tree.flatten(keras.models.clone_model(network, call_function=call).outputs)


def _folded(network: keras.Model) -> dict[str, str]:
    """The normalizations to fold, each with the layer that it becomes a part of, by their names."""
    calls, outputs = _calls(network)
    often = Counter(call.name for call in calls)
    uses = Counter(id(tensor) for call in calls for tensor in call.takes)
    uses.update(map(id, outputs))
    makers = {id(tensor): call for call in calls for tensor in call.gives}

    def before(call: Call) -> Call | None:
        """What gives its result to nobody else, and is used nowhere else."""
        (tensor,) = call.takes
        maker = makers.get(id(tensor))
        return maker if maker and uses[id(tensor)] == often[maker.name] == 1 else None

    found = {}
    for call in calls:
        norm = network.get_layer(call.name)
        if not isinstance(norm, layers.BatchNormalization) or often[call.name] > 1:
            continue
        source = before(call)
        pooled = source and isinstance(network.get_layer(source.name), layers.MaxPooling2D)
        # The greatest stays the greatest where all are multiplied by the same positive number.
        if source and pooled and (_scale_and_shift(norm)[0] > 0).all():
            source = before(source)
        if source and _takes_in(network.get_layer(source.name), norm):
            found[call.name] = source.name
    return found


def _takes_in(layer: layers.Layer, norm: layers.BatchNormalization) -> bool:
    return (
        isinstance(layer, Foldable)
        and layer.activation is keras.activations.linear
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and norm.axis in (-1, len(norm.input.shape) - 1)
        and layer.compute_dtype == norm.compute_dtype
    )


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
