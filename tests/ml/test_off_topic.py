"""A picture far from all that a network learned from scores high, in training and in serving."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from ml import (
    architectures,
    batches,
    export,
    layers,
    manifest,
    off_topic,
    recipes,
    runtime,
    train,
    weights,
)
from ml.manifest import ModelError
from ml.off_topic import Familiar
from ml.runtime import TOLERANCE, Runtime
from tests.ml.networks import enliven

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
    familiar = Familiar.to(network, PICTURES)
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


@pytest.mark.parametrize(
    ("mean", "directions"), [((13,), (13, 2)), ((12,), (13, 2)), ((12,), (12,)), ((1, 12), (12, 2))]
)
def test_the_score_of_another_network_is_refused(network, mean, directions):
    other = Familiar(np.zeros(mean, np.float32), np.zeros(directions, np.float32))
    with pytest.raises(ModelError, match="is not of"):
        off_topic.scored(network, other)


def test_a_network_that_has_features_twice_a_picture_gets_none():
    wide = architectures.build("airbench_wide")
    familiar = Familiar(np.zeros(352, np.float32), np.zeros((352, 2), np.float32))
    with pytest.raises(ModelError, match="features twice a picture"):
        off_topic.scored(wide, familiar)


def test_one_that_sees_a_picture_twice_and_takes_the_mean_of_its_features_has_one_score():
    network = enliven(architectures.build("efficientnet_lite2", side=32))
    scored = off_topic.scored(network, Familiar.to(network, PICTURES[:20]))
    there, back = (np.asarray(scored(x, training=False)) for x in mirrored(PICTURES[20:24]))
    assert there.shape == (4, 11) and there[:, 10].std() > 1e-3
    assert there == pytest.approx(back, rel=1e-3, abs=1e-3)


def mirrored(x):
    return x, x[:, :, ::-1]


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory):
    """A network that is exported with a score of its own, trained for real and shortly."""
    shipped = recipes.read("efficientnet_lite0_first")
    start = tmp_path_factory.mktemp("start") / "start.npz"
    with start.open("wb") as out:
        weights.save_start(enliven(architectures.build("efficientnet_lite0")), out)
    short = {"epochs": 1, "batch": 20, "precision": "float32", "options": {"side": 32}}
    short["from"] = str(start)
    recipe = {n: said for n, said in shipped.items() if n not in ("extra", "pruning")} | short
    run = tmp_path_factory.mktemp("runs") / "mine"
    train.train(recipe, tiny, run)
    return export.export(run, tiny, tmp_path_factory.mktemp("models"))


def test_a_model_is_exported_with_the_score_of_its_architecture(exported, tiny):
    described = manifest.read(exported)
    assert described.off_topic_score == manifest.RESIDUAL
    familiar = Familiar.read(exported)
    assert familiar.directions.shape == (1280, 18)  # of 180 pictures
    rows = manifest.read_card(exported)["layers"]
    assert rows[-1]["name"] == "with_score" and "Residual" in [row["kind"] for row in rows]
    assert described.metrics["parameters"] == 3_362_810  # of the network, as people count them
    assert described.metrics["multiply_adds"] == sum(row["multiply_adds"] for row in rows)


@pytest.mark.parametrize("engine", manifest.ENGINES)
def test_what_serves_says_the_score_and_keeps_most_of_its_own_pictures(exported, tiny, engine):
    running = Runtime.load(exported, engine)
    running.warm_up()
    told = running.predict(tiny.validation.x)
    assert told.probabilities.shape == (20, 10) and told.off_topic.shape == (20,)
    flagged = told.off_topic > running.manifest.thresholds["off_topic"] + 1e-3
    assert not flagged.any()  # of 20 pictures, 95 % of any number cannot be promised with fewer
    plain = weights.network(exported, running.manifest)
    look = keras.Model(plain.input, [off_topic.features(plain), plain.output])
    seen, logits = (np.asarray(part) for part in look(tiny.validation.x, training=False))
    expected = residual(Familiar.read(exported), seen)[:, 0]
    assert expected.std() > 0.01 < expected.min()
    assert told.off_topic == pytest.approx(expected, rel=1e-3)
    from_logits = runtime.answers(logits, running.manifest.calibration).probabilities
    assert from_logits.std() > 0.01
    assert np.abs(told.probabilities - from_logits).max() <= TOLERANCE
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


@pytest.mark.parametrize(
    ("architecture", "start", "score"),
    [
        ("efficientnet_lite0", "imagenet.npz", "residual"),
        ("efficientnet_lite2", "efficientnet_lite2", "residual"),
        ("efficientnet_lite2", "", "energy"),
        ("airbench96", "airbench96", "energy"),
    ],
)
def test_features_tell_where_a_million_photos_had_shaped_them(architecture, start, score):
    assert off_topic.score_of({"architecture": architecture, "from": start}) == score
    assert off_topic.score_of({"architecture": architecture}) == "energy"


def test_the_others_keep_the_score_that_is_told_from_logits(model_folder):
    assert manifest.read(model_folder).off_topic_score == manifest.ENERGY
    with np.load(model_folder / manifest.WEIGHTS) as arrays:
        assert not [name for name in arrays.files if name.startswith("off_topic")]
    assert set(off_topic.BEGIN_WITH_IMAGENET) <= set(architectures.ARCHITECTURES)


def test_reviewed_pictures_are_as_familiar_as_training_makes_them():
    shown = batches.epoch_of({"reviewed_share": 0.25}, 10_000, 500, np.random.default_rng(0))
    assert len(shown) == len(set(shown)) == 2000
    assert (shown[:1000] >= 9500).mean() == pytest.approx(0.25, abs=0.05)
    assert sorted(batches.epoch_of({}, 10, 0, np.random.default_rng(0))) == list(range(10))
