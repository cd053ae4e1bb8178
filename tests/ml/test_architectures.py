"""The networks are what they say they are."""

import numpy as np
import pytest

from ml import architectures, efficientnet_lite, layers, runs
from tests.ml.networks import enliven


@pytest.fixture(scope="module")
def network():
    return architectures.build("cifar10_improved")


def test_the_seed_s_network_has_exactly_its_parameters(network):
    fixed = sum(int(np.prod(w.shape)) for w in network.non_trainable_weights if w.name != "seed")
    fixed -= sum(int(np.prod(w.shape)) for w in network.weights if "seed" in w.path)
    assert network.count_params() == 11_332_138
    assert sum(int(np.prod(w.shape)) for w in network.trainable_weights) == 11_332_138 - 12_160
    assert fixed == 12_160


def test_its_layers_are_three_pairs_of_convolutions_and_four_dense_layers(network):
    kinds = [type(layer).__name__ for layer in network.layers]
    convolutions = [layer for layer in network.layers if type(layer).__name__ == "Conv2D"]
    dense = [layer for layer in network.layers if type(layer).__name__ == "Dense"]
    assert [c.filters for c in convolutions] == [32, 32, 64, 64, 128, 128]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}
    assert [d.units for d in dense] == [2048, 2048, 1024, 512, 10]
    assert kinds.count("MaxPooling2D") == 3
    assert kinds.count("BatchNormalization") == kinds.count("LeakyReLU") == 10


def test_it_takes_bytes_and_gives_ten_logits(network):
    answer = network(np.full((2, 32, 32, 3), 120, np.uint8), training=False)
    assert tuple(answer.shape) == (2, 10)


def test_dropout_changes_no_parameter():
    other = architectures.build("cifar10_improved", conv_dropout=0.0, dense_dropout=0.9)
    assert other.count_params() == 11_332_138


def test_classes_and_size_come_from_the_manifest_not_from_the_code():
    assert architectures.build("cifar10_improved", classes=3, size=64).output_shape == (None, 3)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match="cifar10_improved"):
        architectures.build("resnet")


@pytest.fixture(scope="module")
def fast():
    return architectures.build("airbench94")


def test_the_speed_record_s_network_has_its_parameters_and_its_cost(fast):
    assert fast.count_params() == 1_973_944
    assert sum(row["multiply_adds"] for row in layers.table(fast)) < 460_000_000
    assert tuple(fast(np.full((2, 32, 32, 3), 120, np.uint8), training=False).shape) == (2, 10)


def test_its_convolutions_begin_as_the_identity(fast):
    kernel = next(w for w in fast.weights if w.shape == (3, 3, 64, 256)).numpy()
    assert (kernel[1, 1, :, :64] == np.eye(64)).all()
    assert (kernel[0, :, :, :64] == 0).all() and (kernel[..., 64:] != 0).any()


def test_whitening_gives_patches_independent_of_each_other(fast):
    x = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), np.uint8)
    smooth = (x // 2 + np.roll(x, 1, axis=2) // 2).astype(np.uint8)
    architectures.whiten(fast, smooth, epsilon=1e-9)
    layer = fast.get_layer(architectures.WHITENING)
    assert not layer.kernel.trainable
    scaled = (smooth - np.float32(architectures.MEAN)) / np.float32(architectures.STD)
    out = np.asarray(layer(scaled))[..., : architectures.PATCH].reshape(-1, architectures.PATCH)
    second_moments = out.T @ out / len(out)
    assert second_moments == pytest.approx(np.eye(architectures.PATCH), abs=0.05)


def test_a_network_without_such_a_layer_is_left_as_it_is(network):
    before = [w.numpy() for w in network.weights[:2]]
    architectures.whiten(network, np.zeros((2, 32, 32, 3), np.uint8))
    assert all((w.numpy() == b).all() for w, b in zip(network.weights[:2], before, strict=True))


def test_every_layer_is_in_the_table_with_its_cost(network):
    rows = layers.table(network)
    first = next(row for row in rows if row["kind"] == "Conv2D")
    assert first["output"] == [32, 32, 32] and first["multiply_adds"] == 32 * 32 * 27 * 32
    assert sum(row["parameters"] for row in rows) == network.count_params()


@pytest.fixture(scope="module", params=["airbench_wide", "efficientnet_lite2"])
def both_ways(request):
    return enliven(architectures.build(request.param))


@pytest.mark.parametrize(
    ("name", "parameters", "millions"),
    [("airbench_wide", 3_761_848, (450, 460)), ("efficientnet_lite2", 4_794_834, (375, 376))],
)
def test_a_network_of_two_views_keeps_to_the_cost_that_was_set(name, parameters, millions):
    network = architectures.build(name)
    rows = layers.table(network)
    assert network.count_params() == parameters
    assert millions[0] < sum(row["multiply_adds"] for row in rows) / 1e6 < millions[1]
    assert rows[0]["kind"] == "BothWays" and "MeanOfBoth" in [row["kind"] for row in rows]


def test_it_says_the_same_of_a_picture_and_of_its_mirror_image(both_ways):
    x = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    there, back = (np.asarray(both_ways(p, training=False)) for p in (x, x[:, :, ::-1]))
    assert there == pytest.approx(back, abs=1e-4)
    assert there[0] != pytest.approx(there[1], abs=1e-4)


def test_its_answer_is_the_mean_of_those_that_its_one_view_gives(both_ways):
    x = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)
    trained = architectures.build(both_ways.name, views=1)
    trained.set_weights(both_ways.get_weights())
    one, other = (np.asarray(trained(p, training=False)) for p in (x, x[:, :, ::-1]))
    assert one[0] != pytest.approx(other[0], abs=1e-3)
    assert np.asarray(both_ways(x, training=False)) == pytest.approx((one + other) / 2, abs=1e-4)


def test_it_comes_back_from_a_checkpoint(both_ways, tmp_path):
    both_ways.save(tmp_path / runs.CHECKPOINT)
    x = np.random.default_rng(2).integers(0, 256, (2, 32, 32, 3), np.uint8)
    again = runs.network(tmp_path)(x, training=False)
    assert np.asarray(again) == pytest.approx(np.asarray(both_ways(x, training=False)), abs=1e-5)


@pytest.mark.parametrize(("name", "once"), [("airbench_wide", 0), ("efficientnet_lite2", 12_800)])
def test_a_network_of_one_view_costs_half_but_for_what_comes_after_the_mean(name, once):
    one, both = (layers.table(architectures.build(name, views=views)) for views in (1, 2))
    total = [sum(row["multiply_adds"] for row in rows) for rows in (one, both)]
    assert total[1] - once == 2 * (total[0] - once)


@pytest.fixture(scope="module")
def largest():
    return architectures.build("airbench96")


def test_the_largest_network_keeps_to_the_cost_that_was_set(largest):
    assert largest.count_params() == 9_921_824
    assert 450_000_000 < sum(row["multiply_adds"] for row in layers.table(largest)) < 460_000_000


def test_it_adds_each_block_s_input_around_two_of_its_three_convolutions(largest):
    kinds = [type(layer).__name__ for layer in largest.layers]
    assert kinds.count("Conv2D") == 9 and kinds.count("Add") == 3
    for add in (layer for layer in largest.layers if type(layer).__name__ == "Add"):
        around, before = (tensor._keras_history.operation for tensor in add.input)
        assert type(around).__name__ == "BatchNormalization"
        assert type(before).__name__ == "Activation"


def test_it_learns_from_pictures_of_another_size_than_it_serves(largest):
    learns = architectures.build("airbench96", size=None)
    learns.set_weights(largest.get_weights())
    for side in (24, 32):
        assert learns(np.zeros((2, side, side, 3), np.uint8), training=False).shape == (2, 10)
    x = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    said, expected = (np.asarray(n(x, training=False)) for n in (learns, largest))
    assert said == pytest.approx(expected, abs=1e-5)


@pytest.fixture(scope="module")
def pretrained():
    return architectures.build("efficientnet_lite0")


def test_the_network_that_begins_with_imagenet_keeps_to_the_cost_that_was_set(pretrained):
    rows = layers.table(pretrained)
    assert pretrained.count_params() == 3_362_810
    assert 125_000_000 < sum(row["multiply_adds"] for row in rows) < 126_000_000


def test_a_depthwise_convolution_costs_a_multiplication_for_each_weight_and_place(pretrained):
    rows = [row for row in layers.table(pretrained) if row["kind"] == "DepthwiseConv2D"]
    assert len(rows) == 16
    assert rows[0]["output"] == [64, 64, 32] and rows[0]["multiply_adds"] == 64 * 64 * 32 * 9
    assert rows[-1]["output"] == [4, 4, 1152] and rows[-1]["multiply_adds"] == 4 * 4 * 1152 * 9


def test_it_adds_what_comes_into_a_block_where_nothing_changes_its_shape(pretrained):
    kinds = [type(layer).__name__ for layer in pretrained.layers]
    assert kinds.count("Conv2D") == 2 + 15 + 16 and kinds.count("Add") == 9


def test_the_larger_one_has_the_channels_and_the_blocks_of_the_published_one():
    stages = efficientnet_lite.scaled(efficientnet_lite.STAGES, width=1.1, depth=1.2)
    assert [stage.channels for stage in stages] == [16, 24, 48, 88, 120, 208, 352]
    assert [stage.blocks for stage in stages] == [1, 3, 3, 4, 4, 5, 1]
    same = efficientnet_lite.scaled(efficientnet_lite.STAGES, width=1.0, depth=1.0)
    assert same == efficientnet_lite.STAGES


def test_rounding_to_eights_takes_a_tenth_of_the_channels_at_most():
    (first, last) = efficientnet_lite.scaled(
        (efficientnet_lite.STAGES[0], efficientnet_lite.STAGES[-1]), width=1.2, depth=3.0
    )
    assert (first.channels, first.blocks) == (24, 1)  # of 19.2, which is nearer to 16
    assert (last.channels, last.blocks) == (384, 1)


@pytest.mark.parametrize("side", [32, 96, 160])
def test_its_weights_fit_any_side(pretrained, side):
    other = architectures.build("efficientnet_lite0", side=side)
    other.set_weights(pretrained.get_weights())
    x = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    assert other(x, training=False).shape == (2, 10)
    assert [layer.output.shape[1] for layer in other.layers[2:4]] == [side, side // 2]


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2"])
@pytest.mark.parametrize("side", [100, 0, 16, "128"])
def test_a_side_that_the_picture_does_not_fit_into_is_refused(name, side):
    with pytest.raises(ValueError, match=f"a multiple of 32, and not {side!r}"):
        architectures.build(name, side=side)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2"])
def test_it_does_not_take_pictures_of_several_sizes(name):
    with pytest.raises(ValueError, match="pictures of one size"):
        architectures.build(name, size=None)
