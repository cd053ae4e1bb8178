"""A picture far from all that a network learned from scores high, in training and in serving."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from ml import architectures, export, layers, manifest, off_topic, recipes, train, weights
from ml.manifest import ModelError
from ml.off_topic import Familiar
from ml.runtime import TOLERANCE, Runtime

RNG = np.random.default_rng(6)
BASIS = np.linalg.qr(RNG.normal(size=(20, 20)))[0]
SEEN = 7 + RNG.normal(size=(50, 5)) @ BASIS[:5] * 4  # features that vary in five directions


def residual(familiar, seen):
    layer = off_topic.Residual(familiar.directions.shape[1])
    layer.build((None, seen.shape[1]))
    layer.set_weights(list(familiar))
    return np.asarray(layer(seen.astype(np.float32)))


def test_what_varies_as_the_familiar_does_scores_nothing_however_far_it_goes():
    familiar = Familiar.of(SEEN)
    far = 7 + RNG.normal(size=(50, 5)) @ BASIS[:5] * 100
    assert residual(familiar, far).shape == (50, 1)
    assert residual(familiar, far).max() < 1e-2


def test_the_score_is_how_far_features_lie_beside_it():
    familiar = Familiar.of(SEEN)
    beside = SEEN[:4] + np.array([[0.5], [1], [2], [3]]) * BASIS[9]
    assert residual(familiar, beside)[:, 0] == pytest.approx([0.5, 1, 2, 3], abs=1e-2)


def test_the_directions_are_those_in_which_the_most_varies():
    seen = np.tile(SEEN, (40, 12))
    seen += RNG.normal(size=seen.shape) * 0.1
    familiar = Familiar.of(seen)
    assert familiar.directions.shape == (240, off_topic.DIRECTIONS)
    squares = familiar.directions.T @ familiar.directions
    assert squares == pytest.approx(np.eye(off_topic.DIRECTIONS), abs=1e-5)
    along = ((seen - familiar.mean) @ familiar.directions).std(axis=0)
    assert (along[:5] > 5).all() and (along[5:] < 1).all()


@pytest.mark.parametrize(("pictures", "directions"), [(3, 1), (60, 6), (999, 99), (3000, 100)])
def test_of_few_pictures_few_directions_are_told(pictures, directions):
    seen = RNG.normal(size=(pictures, 220))
    assert Familiar.of(seen).directions.shape == (220, directions)


def test_at_most_half_of_the_directions_are_familiar():
    assert Familiar.of(RNG.normal(size=(500, 30))).directions.shape == (30, 15)


@pytest.fixture(scope="module")
def network():
    """One with features, without the cost of a large one."""
    keras.utils.set_random_seed(4)
    inputs = keras.layers.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(12, 3)(x))
    return keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Dropout(0.5)(x)))


PICTURES = RNG.integers(0, 256, (40, 32, 32, 3), np.uint8)


def test_a_network_with_a_score_says_its_logits_as_before_and_the_score_after_them(network):
    familiar = Familiar.to(network, PICTURES, batch=7)
    said = np.asarray(off_topic.scored(network, familiar)(PICTURES, training=False))
    assert said.shape == (40, 5)
    assert (said[:, :4] == np.asarray(network(PICTURES, training=False))).all()
    seen = keras.Model(network.input, off_topic.features(network))(PICTURES, training=False)
    assert said[:, 4:] == pytest.approx(residual(familiar, np.asarray(seen)), abs=1e-5)


def test_the_score_is_counted_among_what_a_network_costs(network):
    scored = off_topic.scored(network, Familiar.to(network, PICTURES))
    before, after = layers.table(network), layers.table(scored)
    row = next(row for row in after if row["kind"] == "Residual")
    assert row["parameters"] == 12 + 12 * 4 and row["multiply_adds"] == 2 * 12 * 4
    cost = [sum(row["multiply_adds"] for row in rows) for rows in (before, after)]
    assert cost[1] - cost[0] == row["multiply_adds"]


def test_the_score_of_another_network_is_refused(network):
    other = Familiar(np.zeros(13, np.float32), np.zeros((13, 2), np.float32))
    with pytest.raises(ModelError, match="is not of"):
        off_topic.scored(network, other)


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory):
    """A network that is exported with a score of its own, trained for real and shortly."""
    shipped = recipes.read("efficientnet_lite0_first")
    short = {"epochs": 1, "batch": 20, "precision": "float32", "options": {"side": 32}, "from": ""}
    recipe = {n: said for n, said in shipped.items() if n not in ("extra", "pruning")} | short
    run = tmp_path_factory.mktemp("runs") / "mine"
    train.train(recipe, tiny, run)
    return export.export(run, tiny, tmp_path_factory.mktemp("models"))


def test_a_model_is_exported_with_the_score_of_its_architecture(exported, tiny):
    described = manifest.read(exported)
    assert described.off_topic_score == manifest.RESIDUAL
    familiar = Familiar.read(exported)
    assert familiar.directions.shape == (1280, 18)  # of 180 pictures
    plain = architectures.build("efficientnet_lite0").count_params()
    assert described.metrics["parameters"] == plain + 1280 * 19


@pytest.mark.parametrize("engine", manifest.ENGINES)
def test_what_serves_says_the_score_and_keeps_most_of_its_own_pictures(exported, tiny, engine):
    running = Runtime.load(exported, engine)
    running.warm_up()
    told = running.predict(tiny.validation.x)
    assert told.probabilities.shape == (20, 10) and told.off_topic.shape == (20,)
    assert (told.off_topic >= 0).all()
    assert (told.off_topic <= running.manifest.thresholds["off_topic"] + 1e-3).mean() >= 0.95
    plain = weights.network(exported, running.manifest)
    look = keras.Model(plain.input, [off_topic.features(plain), plain.output])
    seen, logits = (np.asarray(part) for part in look(tiny.validation.x, training=False))
    expected = residual(Familiar.read(exported), seen)[:, 0]
    assert told.off_topic == pytest.approx(expected, rel=1e-3, abs=1e-3)
    from_logits = logits.argmax(axis=1)
    sure = np.sort(logits, axis=1)[:, -1] - np.sort(logits, axis=1)[:, -2] > 10 * TOLERANCE
    assert (told.probabilities.argmax(axis=1) == from_logits)[sure].all()
    assert running.predict(tiny.validation.x[:0]).off_topic.shape == (0,)


def test_training_goes_on_from_a_model_with_a_score_as_from_any(exported, tiny):
    begun = architectures.build("efficientnet_lite0", side=32)
    weights.start_from(begun, exported, [c["id"] for c in tiny.classes])
    served = weights.network(exported, manifest.read(exported))
    for mine, theirs in zip(begun.get_weights(), served.get_weights(), strict=True):
        assert (mine == theirs).all()


@pytest.mark.parametrize("engine", manifest.ENGINES)
def test_a_folder_that_names_a_score_and_holds_none_is_not_served(exported, tmp_path, engine):
    folder = shutil.copytree(exported, tmp_path / "mine")
    described = manifest.read(folder)
    with np.load(folder / manifest.WEIGHTS) as arrays:
        kept = {name: arrays[name] for name in arrays.files if not name.startswith("off_topic")}
    np.savez(folder / manifest.WEIGHTS, **kept)
    digest = manifest.sha256(folder / manifest.WEIGHTS)
    dataclasses.replace(described, weights_sha256=digest).write(folder)
    with pytest.raises(ModelError, match="holds no off-topic score"):
        Runtime.load(folder, engine)


def test_the_other_architectures_keep_the_score_that_is_told_from_logits(model_folder):
    assert manifest.read(model_folder).off_topic_score == manifest.ENERGY
    with np.load(model_folder / manifest.WEIGHTS) as arrays:
        assert not [name for name in arrays.files if name.startswith("off_topic")]
    assert set(off_topic.SCORES) <= set(architectures.ARCHITECTURES)
