"""The networks are what they say they are."""

import numpy as np
import pytest

from ml import architectures


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
