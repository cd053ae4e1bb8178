"""A student hears what its teacher sees in the very picture that it is shown, and the truth."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from ml import data, manifest, runs, train, weights
from ml.distillation import Teacher
from tests.ml.killed import killed_after_an_epoch

NAME = "airbench94"
FOLDER = manifest.MODELS / NAME
CLASSES = data.CIFAR10_CLASSES
TRUTH = np.eye(10, dtype=np.float32)


def teacher(share=0.7, temperature=1.0, folder=FOLDER, classes=CLASSES):
    return Teacher(folder, classes, share, temperature)


@pytest.fixture
def pictures():
    return np.random.default_rng(3).integers(0, 256, (10, 32, 32, 3), np.uint8)


def test_a_label_is_partly_the_teacher_s_word_and_partly_the_truth(pictures):
    half, all_of_it = teacher(0.5).labels(pictures, TRUTH), teacher(1.0).labels(pictures, TRUTH)
    assert half == pytest.approx((all_of_it + TRUTH) / 2, abs=1e-6)
    assert half.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_the_teacher_says_what_the_network_that_serves_says(pictures):
    served = weights.network(FOLDER, manifest.read(FOLDER))
    expected = keras.ops.softmax(served.predict_on_batch(pictures) / 2)
    said = teacher(1.0, temperature=2.0).labels(pictures, TRUTH)
    assert said == pytest.approx(np.asarray(expected), abs=1e-4)


def test_a_higher_temperature_says_more_of_the_other_classes(pictures):
    cold, warm = (teacher(1.0, t).labels(pictures, TRUTH) for t in (0.5, 3.0))
    assert (warm.max(axis=1) < cold.max(axis=1)).all()
    assert (warm.argmax(axis=1) == cold.argmax(axis=1)).all()


def test_a_teacher_of_two_views_looks_once(pictures):
    """airbench_wide was trained with one view and serves with two."""
    network = teacher(folder=manifest.MODELS / "airbench_wide").network
    assert "both_ways" not in [layer.name for layer in network.layers]


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        teacher(share)


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ValueError, match="temperature"):
        teacher(temperature=0)


def test_a_teacher_of_other_classes_is_refused():
    with pytest.raises(ValueError, match="other classes"):
        teacher(classes=CLASSES[:9])


def test_a_teacher_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(manifest.ManifestError, match="nobody"):
        teacher(folder=tmp_path / "nobody")


@pytest.fixture(scope="module")
def taught(recipe):
    """The recipe as it ships, cut short; it begins with no one's weights."""
    return {**recipe, "distillation": {"teacher": NAME, "share": 0.7, "temperature": 1.0}}


def test_the_labels_of_a_batch_are_the_teacher_s_of_what_the_batch_shows(taught, tiny):
    batches = train.AugmentedBatches(taught, tiny)
    x, y, *_weights = batches[0]
    truth = batches.one_hot(tiny.train.y[batches.chosen(0)])
    assert y == pytest.approx(teacher().labels(x, truth), abs=1e-5)


def test_the_teacher_calculates_in_the_precision_that_the_student_is_trained_in(taught, tiny):
    exact, fast = (
        train.AugmentedBatches({**taught, "precision": precision}, tiny)
        for precision in ("float32", "mixed_bfloat16")
    )
    for batches, expected in ((exact, "float32"), (fast, "bfloat16")):
        layers = batches.teacher.network.layers
        assert {x.compute_dtype for x in layers if "conv2d" in x.name} == {expected}
    assert fast[0][1] == pytest.approx(exact[0][1], abs=0.05)  # and says nearly the same


def test_reviewed_pictures_are_taught_by_reviewers_alone(taught, tiny):
    reviewed = dataclasses.replace(tiny, reviewed={"train": 5})
    untaught = {name: taught[name] for name in taught if name != "pruning"}
    with pytest.raises(ValueError, match="reviewed"):
        train.AugmentedBatches(untaught, reviewed)


def test_a_teacher_whose_weights_were_changed_is_refused(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / NAME)
    (folder / manifest.WEIGHTS).write_bytes(b"other weights")
    with pytest.raises(manifest.ManifestError, match=manifest.WEIGHTS):
        teacher(folder=folder)


def test_without_a_teacher_labels_are_the_truth(recipe, tiny):
    untaught = {name: recipe[name] for name in recipe if name != "distillation"}
    batches = train.AugmentedBatches(untaught, tiny)
    _x, y, *_weights = batches[0]
    assert set(np.unique(y)) == {0, 1}


@pytest.mark.slow
def test_a_taught_run_that_was_killed_ends_where_an_unbroken_one_does(taught, tiny, tmp_path):
    train.train(taught, tiny, tmp_path / "whole")
    with killed_after_an_epoch():
        train.train(taught, tiny, tmp_path / "killed")
    train.train(taught, tiny, tmp_path / "killed")
    whole, resumed = (runs.history(tmp_path / name)[1]["loss"] for name in ("whole", "killed"))
    assert resumed == pytest.approx(whole, rel=1e-3)
