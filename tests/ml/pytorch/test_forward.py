"""A network calculated by PyTorch's functions says what its layers say."""

import keras
import numpy as np
import pytest
import torch

from ml import architectures, manifest, runtime, weights
from ml.pytorch.forward import Forward

PICTURES = np.random.default_rng(5).integers(0, 256, (6, 32, 32, 3), np.uint8)
NETWORKS = {
    "airbench94": {},
    "airbench96": {},
    "airbench_wide": {"views": 1},
    "efficientnet_lite0": {"side": 64, "dropout": 0.0},
    "efficientnet_lite2": {"side": 64, "dropout": 0.0, "views": 1},
}


@pytest.fixture(params=NETWORKS)
def network(request):
    """One that has seen some pictures, so that its averages are not those it began with."""
    keras.utils.set_random_seed(1)
    built = architectures.build(request.param, **NETWORKS[request.param])
    built(PICTURES, training=True)
    return built


def test_it_answers_as_its_layers_do(network):
    forward = Forward(network)
    with torch.no_grad():
        said = forward(forward.values(), torch.as_tensor(PICTURES))
        expected = network(PICTURES, training=False)
    assert torch.allclose(said, expected, atol=1e-4)


def test_in_training_it_answers_and_sees_as_its_layers_do(network):
    forward, seen = Forward(network), {}
    with torch.no_grad():
        said = forward(forward.values(), torch.as_tensor(PICTURES), seen)
        before = {layer.name: layer.moving_mean.numpy() for layer in normalizations(network)}
        expected = network(PICTURES, training=True)
    assert torch.allclose(said, expected, atol=1e-4)
    for layer in normalizations(network):
        moved = 0.6 * before[layer.name] + 0.4 * seen[layer.name][0].numpy()
        assert layer.moving_mean.numpy() == pytest.approx(moved, abs=1e-4)


def normalizations(network):
    return [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]


def test_a_model_that_ships_gives_its_golden_answers():
    folder = manifest.MODELS / "airbench94"
    described = manifest.read(folder)
    built = architectures.build("airbench94")
    weights.load(built, folder)
    inputs, expected = runtime.golden(folder)
    forward = Forward(built)
    with torch.no_grad():
        logits = forward(forward.values(), torch.tensor(inputs)).numpy()
    said = runtime.answers(logits, described.calibration).probabilities
    assert said == pytest.approx(expected.probabilities, abs=runtime.TOLERANCE)


def test_in_half_precision_kernels_are_half_and_logits_are_whole():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        built = architectures.build("airbench96")
    finally:
        keras.config.set_dtype_policy("float32")
    forward = Forward(built)
    values = forward.values()
    convolutions = [x for x in built.layers if isinstance(x, keras.layers.Conv2D)]
    assert {values[id(c.kernel)].dtype for c in convolutions} == {torch.bfloat16}
    assert forward(values, torch.as_tensor(PICTURES)).dtype == torch.float32
    assert {v.dtype for v in built.variables} == {"float32"}


def test_it_takes_pictures_of_any_size_where_the_network_does():
    forward = Forward(architectures.build("airbench96", size=None))
    for side in (24, 32):
        small = torch.zeros(2, side, side, 3, dtype=torch.uint8)
        assert forward(forward.values(), small).shape == (2, 10)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(4, 3, strides=2),
        keras.layers.Conv2D(4, 5, padding="same"),
        keras.layers.Conv2D(4, 3, padding="same", strides=2, use_bias=False),
        keras.layers.Conv2D(4, 1),
        keras.layers.Conv2D(4, 1, padding="same", strides=2),
        keras.layers.DepthwiseConv2D(3, padding="same"),
        keras.layers.DepthwiseConv2D(5, padding="same", strides=2),
        keras.layers.UpSampling2D((2, 3), interpolation="bilinear"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Activation("relu6"),
        keras.layers.Dropout(0.5),
    ],
)
def test_each_layer_that_fits_is_calculated_as_keras_does(layer):
    network = keras.Model(inputs := keras.layers.Input((8, 7, 3)), layer(inputs))
    for weight in network.weights:
        weight.assign(keras.random.normal(weight.shape, seed=2))
    x = torch.randn(2, 8, 7, 3, generator=torch.Generator().manual_seed(6)) * 4
    forward = Forward(network)
    with torch.no_grad():
        said, expected = forward(forward.values(), x), network(x, training=False)
    assert torch.allclose(said, expected, atol=1e-5)


def test_in_training_dropout_drops_and_in_answering_it_does_not():
    network = keras.Model(inputs := keras.layers.Input((1000,)), keras.layers.Dropout(0.5)(inputs))
    forward, x = Forward(network), torch.ones(1, 1000)
    assert (forward({}, x) == 1).all()
    dropped, again, other = (
        forward({}, x, {}, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert set(dropped.unique().tolist()) == {0, 2} and 400 < (dropped == 0).sum() < 600
    assert (dropped == again).all() and (dropped != other).any()


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(4, 3, dilation_rate=2),
        keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(6, 3, padding="same", groups=3),
        keras.layers.DepthwiseConv2D(7, padding="same"),
        keras.layers.DepthwiseConv2D(3, padding="valid"),
        keras.layers.DepthwiseConv2D(3, padding="same", strides=4),
        keras.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
        keras.layers.DepthwiseConv2D(3, padding="same", activation="relu"),
        keras.layers.UpSampling2D(2, interpolation="nearest"),
        keras.layers.GlobalAveragePooling2D(keepdims=True),
        keras.layers.SpatialDropout2D(0.5),
        keras.layers.Dropout(0.5, noise_shape=(None, 1, 1, 3)),
        keras.layers.Activation("tanh"),
        keras.layers.MaxPooling2D(2, strides=1),
        keras.layers.BatchNormalization(center=False),
        keras.layers.BatchNormalization(axis=1),
        keras.layers.GlobalMaxPooling2D(keepdims=True),
        keras.layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2"),
    ],
)
def test_a_layer_that_it_would_calculate_otherwise_does_not_fit(layer):
    inputs = keras.layers.Input((8, 8, 3))
    with pytest.raises(ValueError, match="does not know"):
        Forward(keras.Model(inputs, layer(inputs)))


@pytest.mark.parametrize("name", ["cifar10_improved", "airbench_wide", "efficientnet_lite2"])
def test_the_seed_s_network_and_those_of_two_views_do_not_fit(name):
    assert not Forward.fits(architectures.build(name))
