"""Training in half precision: what is kept is whole, and it goes on where it stopped."""

import keras
import numpy as np
import pytest

from ml import architectures, manifest, recipes, runs, train
from ml.export import export
from ml.runtime import Runtime

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def half_run(tiny, tmp_path_factory):
    """One epoch of the recipe that asks for it, on the tiny set."""
    recipe = {**recipes.read("airbench94"), "epochs": 1, "batch": 20}
    assert recipe["precision"] == "mixed_bfloat16"
    folder = tmp_path_factory.mktemp("half") / "airbench94"
    train.train(recipe, tiny, folder)
    return folder


def test_it_calculates_in_half_precision_and_keeps_weights_and_logits_whole(half_run):
    network = runs.network(half_run)
    computed = {layer.compute_dtype for layer in network.layers if "conv" in layer.name}
    assert computed == {"bfloat16"}
    assert {w.dtype for w in network.weights} == {"float32"}
    logits = network(np.zeros((1, 32, 32, 3), np.uint8), training=False)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


def test_what_is_built_afterwards_is_whole_again(half_run):
    assert keras.config.dtype_policy().name == "float32"
    network = architectures.build("airbench94")
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}


def test_its_checkpoint_holds_the_optimizer_too(half_run, recwarn):
    network = runs.finished(half_run)
    assert int(network.optimizer.iterations) == runs.card(half_run)["steps"] > 0
    momenta = [v for v in network.optimizer.variables if "momentum" in v.path]
    assert len(momenta) == len(network.trainable_variables)
    assert all(np.abs(v.numpy()).max() > 0 for v in momenta)
    assert not [w for w in recwarn if "Skipping variable" in str(w.message)]


def test_a_resumed_network_still_does_not_learn_its_whitening(half_run):
    layer = runs.network(half_run).get_layer(architectures.WHITENING)
    assert [v.name for v in layer.trainable_variables] == ["bias"]
    assert [v.name for v in layer.non_trainable_variables] == ["kernel"]


def test_what_is_served_of_it_is_whole(half_run, tiny, tmp_path):
    folder = export(half_run, tiny, tmp_path)
    assert manifest.read(folder).recipe["precision"] == "mixed_bfloat16"
    served = Runtime.load(folder)
    served.check_golden()
    assert served.predict(tiny.test.x[:3]).probabilities.dtype == np.float32
