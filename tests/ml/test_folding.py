"""A folded network answers as the one that it was made of, with less to do."""

import keras
import numpy as np
import pytest
from keras import layers

from ml import architectures, folding, weights
from ml.architectures import ARCHITECTURES
from ml.manifest import MODELS, read, shipped


def kinds(network) -> list[str]:
    return [type(layer).__name__ for layer in network.layers]


def as_if_trained(network, seed=1):
    """With weights as training leaves them: no statistic is what a layer begins with."""
    rng = np.random.default_rng(seed)
    network.set_weights(
        [
            w
            if w.dtype.kind in "ui"
            else np.abs(w + rng.normal(0, 0.2, w.shape)) + 0.1
            if w.ndim == 1
            else w + rng.normal(0, 0.02, w.shape)
            for w in network.get_weights()
        ]
    )
    return network


def made(*hidden, size=8):
    inputs = x = layers.Input((size, size, 3))
    for layer in hidden:
        x = layer(x)
    return as_if_trained(keras.Model(inputs, x))


def apart(network) -> float:
    """The largest difference of an output from that of the folded network, beside the largest."""
    shape = (4, *network.input_shape[1:])
    x = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    before = np.asarray(network(x, training=False))
    after = np.asarray(folding.fold(network)(x, training=False))
    return float(np.abs(before - after).max() / np.abs(before).max())


@pytest.mark.parametrize("folder", shipped(), ids=lambda folder: folder.name)
def test_the_networks_that_ship_lose_every_normalization_and_answer_the_same(folder):
    network = weights.network(folder, read(folder))
    had_any = not folder.name.startswith("efficientnet_lite")  # they lost theirs before training
    assert ("BatchNormalization" in kinds(network)) == had_any
    assert "BatchNormalization" not in kinds(folding.fold(network))
    assert apart(network) < 1e-5


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_so_does_every_network_that_can_be_trained(name):
    network = as_if_trained(architectures.build(name))
    assert "BatchNormalization" not in kinds(folding.fold(network))
    assert apart(network) < 1e-5


def test_the_original_is_left_as_it_was():
    network = as_if_trained(architectures.build("airbench94"))
    before = [w.copy() for w in network.get_weights()]
    folding.fold(network)
    assert all(map(np.array_equal, before, network.get_weights()))
    assert "BatchNormalization" in kinds(network)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_with_and_without_bias_scale_and_shift(bias, scale, center):
    network = made(
        layers.Conv2D(5, 3, use_bias=bias), layers.BatchNormalization(scale=scale, center=center)
    )
    assert "BatchNormalization" not in kinds(folding.fold(network))
    assert apart(network) < 1e-5


def test_a_dense_layer_takes_it_in_too():
    network = made(layers.Flatten(), layers.Dense(6), layers.BatchNormalization())
    assert "BatchNormalization" not in kinds(folding.fold(network))
    assert apart(network) < 1e-5


@pytest.mark.parametrize("sign, left", [(1, 0), (-1, 1)])
def test_behind_a_pooling_only_what_keeps_the_order_is_folded(sign, left):
    norm = layers.BatchNormalization()
    network = made(layers.Conv2D(5, 3), layers.MaxPooling2D(), norm)
    norm.gamma.assign(np.float32([1, 2, 0.5, sign, 3]))
    assert kinds(folding.fold(network)).count("BatchNormalization") == left
    assert apart(network) < 1e-5


@pytest.mark.parametrize(
    "between", [layers.ReLU(), layers.AveragePooling2D(2), layers.GlobalMaxPooling2D()]
)
def test_behind_anything_else_it_stays(between):
    network = made(layers.Conv2D(5, 3), between, layers.BatchNormalization())
    assert kinds(folding.fold(network)).count("BatchNormalization") == 1
    assert apart(network) < 1e-5


def test_a_convolution_with_an_activation_keeps_what_follows():
    network = made(layers.Conv2D(5, 3, activation="relu"), layers.BatchNormalization())
    assert kinds(folding.fold(network)).count("BatchNormalization") == 1
    assert apart(network) < 1e-5


def test_what_others_use_as_well_is_not_changed_for_them():
    inputs = layers.Input((8, 8, 3))
    shared = layers.Conv2D(5, 3)(inputs)
    joined = layers.Add()([shared, layers.BatchNormalization()(shared)])
    network = as_if_trained(keras.Model(inputs, joined))
    assert kinds(folding.fold(network)).count("BatchNormalization") == 1
    assert apart(network) < 1e-5


def test_what_the_network_gives_out_is_not_changed():
    inputs = layers.Input((8, 8, 3))
    given = layers.Conv2D(5, 3)(inputs)
    network = as_if_trained(keras.Model(inputs, [given, layers.BatchNormalization()(given)]))
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    folded = folding.fold(network)
    assert kinds(folded).count("BatchNormalization") == 1
    for before, after in zip(network(x), folded(x), strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-5)


@pytest.mark.parametrize("shared", ["convolution", "normalization"])
def test_a_layer_that_is_used_twice_is_left_alone(shared):
    inputs = layers.Input((8, 8, 3))
    first, norm = layers.Conv2D(5, 3), layers.BatchNormalization()
    second = first if shared == "convolution" else layers.Conv2D(5, 3)
    other = norm if shared == "normalization" else layers.ReLU()
    joined = layers.Add()([norm(first(inputs)), other(second(layers.ReLU()(inputs)))])
    network = as_if_trained(keras.Model(inputs, joined))
    assert kinds(folding.fold(network)).count("BatchNormalization") == 1
    assert apart(network) < 1e-5


def test_behind_a_network_in_the_network_it_stays():
    inner = made(layers.Conv2D(5, 3))
    network = made(inner, layers.BatchNormalization())
    assert kinds(folding.fold(network)).count("BatchNormalization") == 1
    assert apart(network) < 1e-5


def test_over_another_axis_than_that_of_the_channels_it_stays():
    network = made(layers.Conv2D(6, 3), layers.BatchNormalization(axis=1))  # 6 rows, too
    assert kinds(folding.fold(network)).count("BatchNormalization") == 1
    assert apart(network) < 1e-5


def test_in_another_precision_it_stays():
    network = made(layers.Conv2D(5, 3, dtype="mixed_bfloat16"), layers.BatchNormalization())
    assert kinds(folding.fold(network)).count("BatchNormalization") == 1


def test_the_engine_serves_the_folded_network():
    from ml.engines.tensorflow import TensorFlow

    folder = MODELS / "airbench94"
    described = read(folder)
    served, whole = TensorFlow(folder, described), weights.network(folder, described)
    x = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3)).astype(np.uint8)
    assert np.abs(served.outputs(x) - np.asarray(whole(x, training=False))).max() < 1e-4
    graph = served._call.get_concrete_function(served._tensor(x)).graph
    assert not [op for op in graph.get_operations() if "batch_norm" in op.name]
