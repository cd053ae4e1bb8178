"""Steps by parts teach what Keras's own steps teach."""

import keras
import numpy as np
import pytest

from ml import architectures, optimizers, pytorch
from ml.pytorch.steps import Steps

N = 24
RNG = np.random.default_rng(7)
X = RNG.integers(0, 256, (N, 32, 32, 3), np.uint8)
Y = np.eye(10, dtype=np.float32)[RNG.integers(0, 10, N)]
WEIGHT = RNG.uniform(0.5, 2, N).astype(np.float32)
SGD = {
    "name": "sgd",
    "peak_learning_rate": 0.1,
    "warmup_epochs": 0,
    "decay_epochs": 1,
    "shape": "linear",
    "momentum": 0.85,
    "weight_decay": 1e-3,
    "shift_scale": 64,
}


def network(name="airbench94", part=None, cores=None, **options):
    """Compiled, the same weights each time; by parts of `part` pictures where one is given."""
    keras.utils.set_random_seed(3)
    built = architectures.build(name, **options)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    built.compile(optimizers.build(SGD, 1, 9), loss, metrics=["accuracy"], jit_compile=False)
    if part:
        Steps(built, part, cores).install()
    return built


def weights(of):
    return [w.numpy() for w in of.weights]


def assert_close(ours, theirs, atol=2e-4):
    for mine, expected in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(expected, abs=atol, rel=2e-3)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_one_part_that_is_the_whole_batch_teaches_what_keras_teaches(weight):
    ours, theirs = network(part=N), network()
    told = [m.train_on_batch(X, Y, sample_weight=weight, return_dict=True) for m in (ours, theirs)]
    assert told[0] == pytest.approx(told[1], abs=1e-4)
    assert_close(weights(ours), weights(theirs))


def test_the_network_with_depthwise_convolutions_learns_as_keras_teaches_it():
    """It has no normalization, so parts add up to the batch."""
    name, options = "efficientnet_lite0", {"side": 64, "dropout": 0.0}
    ours, theirs = network(name, part=N // 3, **options), network(name, **options)
    for one in (ours, theirs):
        enliven(one)
    before = weights(theirs)
    told = [m.train_on_batch(X, Y, return_dict=True) for m in (ours, theirs)]
    assert told[0] == pytest.approx(told[1], abs=1e-4)
    for was, mine, expected in zip(before, weights(ours), weights(theirs), strict=True):
        step = expected - was
        most = float(np.abs(step).max())
        assert most > 1e-4
        assert mine - was == pytest.approx(step, abs=0.01 * most)


def enliven(network):
    """Kernels by which a signal passes through many layers as large as it came (He, 1502.01852)."""
    rng = np.random.default_rng(8)
    for layer in network.layers:
        if hasattr(layer, "kernel"):
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            fan_in = np.prod(layer.kernel.shape[: 2 if depthwise else -1])
            layer.kernel.assign(rng.normal(0, (2 / fan_in) ** 0.5, layer.kernel.shape))


@pytest.mark.parametrize("cores", [2, 3])
def test_how_many_cores_share_the_work_does_not_change_what_dropout_drops(cores):
    name, options = "efficientnet_lite0", {"side": 32, "dropout": 0.5}
    alone, shared = (network(name, part=4, cores=n, **options) for n in (1, cores))
    for one in (alone, shared):
        enliven(one)
        keras.utils.set_random_seed(5)
        one.train_on_batch(X, Y)
    assert_close(weights(shared), weights(alone), atol=1e-6)


def test_parts_count_by_what_they_hold():
    """Without normalization, which looks at a part, parts add up to the batch."""
    inputs = keras.layers.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255, -0.5)(inputs)
    x = keras.layers.Conv2D(8, 3, padding="same")(x)
    x = keras.layers.GlobalMaxPooling2D()(keras.layers.Activation("gelu")(x))
    outputs = keras.layers.Dense(10)(x)
    networks = []
    for part in (7, None):  # 24 pictures in parts of 6, and at once
        keras.utils.set_random_seed(3)
        built = keras.models.clone_model(keras.Model(inputs, outputs))
        built.compile(optimizers.build(SGD, 1, 9), keras.losses.CategoricalCrossentropy(True))
        if part:
            Steps(built, part).install()
        built.train_on_batch(X, Y, sample_weight=WEIGHT)
        networks.append(weights(built))
    assert_close(*networks, atol=1e-5)


def test_how_many_cores_share_the_work_changes_nothing():
    one, two = network(part=8, cores=1), network(part=8, cores=2)
    for _ in range(2):
        told = [m.train_on_batch(X, Y, return_dict=True) for m in (one, two)]
        assert told[0] == told[1]
    for mine, theirs in zip(weights(one), weights(two), strict=True):
        assert (mine == theirs).all()


def test_the_averages_of_normalization_move_by_the_mean_of_the_parts():
    ours = network(part=12)
    theirs = [network(), network()]
    ours.train_on_batch(X, Y)
    for half, other in zip((X[:12], X[12:]), theirs, strict=True):
        other(half, training=True)
    first = next(w for w in ours.weights if w.name == "moving_mean").numpy()
    halves = [next(w for w in m.weights if w.name == "moving_mean").numpy() for m in theirs]
    assert first == pytest.approx((halves[0] + halves[1]) / 2, abs=1e-4)


def test_it_tests_and_answers_as_keras_does():
    ours, theirs = network(part=5), network()
    told = [m.evaluate(X, Y, verbose=0, return_dict=True) for m in (ours, theirs)]
    assert told[0] == pytest.approx(told[1], abs=1e-4)
    assert ours.predict_on_batch(X) == pytest.approx(theirs.predict_on_batch(X), abs=1e-4)


def test_what_is_fixed_stays_and_is_not_learned():
    ours = network(part=8)
    kernel = ours.get_layer(architectures.WHITENING).kernel
    before = kernel.numpy().copy()
    ours.train_on_batch(X, Y)
    assert (kernel.numpy() == before).all()


def test_a_batch_smaller_than_a_part_is_one_part():
    ours, theirs = network(part=512), network()
    for m in (ours, theirs):
        m.train_on_batch(X[:3], Y[:3])
    assert_close(weights(ours), weights(theirs), atol=1e-3)


def test_it_learns():
    ours, losses = network(part=8), []
    for _ in range(6):
        losses.append(ours.train_on_batch(X, Y, return_dict=True)["loss"])
        ours.reset_metrics()
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


def test_only_a_network_that_fits_is_changed():
    fits, does_not = network(), network("cifar10_improved")
    for m in (fits, does_not):
        pytorch.accelerate(m)
    assert isinstance(fits.train_step.__self__, Steps)
    assert does_not.train_step.__self__ is does_not


def test_an_error_in_a_part_is_told():
    with pytest.raises(ValueError, match="same shape"):
        network(part=8).train_on_batch(X, Y[:, :9])
