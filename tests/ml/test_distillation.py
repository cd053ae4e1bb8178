"""A student hears what its teacher sees in the very picture that it is shown, and the truth."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from ml import data, manifest, runs, train, weights
from ml.batches import AugmentedBatches
from ml.distillation import Teacher
from tests.ml.killed import killed_after_an_epoch

NAME = "airbench94"
FOLDER = manifest.MODELS / NAME
CLASSES = data.CIFAR10_CLASSES
TRUTH = np.eye(10, dtype=np.float32)


def teacher(share=0.7, temperature=1.0, folder=FOLDER, classes=CLASSES):
    return Teacher([folder], classes, share, temperature)


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
    (network,) = teacher(folder=manifest.MODELS / "airbench_wide").networks
    assert "both_ways" not in [layer.name for layer in network.layers]


def test_several_teachers_take_turns(pictures):
    folders = [FOLDER, manifest.MODELS / "cifar10_improved"]
    both = Teacher(folders, CLASSES, share=1.0, temperature=1.0)
    first, second, third = (both.labels(pictures, TRUTH, turn) for turn in range(3))
    assert first == pytest.approx(third, abs=1e-6)
    assert first == pytest.approx(teacher(1.0).labels(pictures, TRUTH), abs=1e-6)
    alone = teacher(1.0, folder=folders[1]).labels(pictures, TRUTH)
    assert second == pytest.approx(alone, abs=1e-6) and second != pytest.approx(first, abs=0.01)


def test_to_learn_from_no_one_is_refused():
    with pytest.raises(ValueError, match="no teacher"):
        Teacher([], CLASSES, share=0.5, temperature=1.0)


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
    batches = AugmentedBatches(taught, tiny)
    x, y, *_weights = batches[0]
    truth = batches.one_hot(tiny.train.y[batches.chosen(0)])
    assert y == pytest.approx(teacher().labels(x, truth), abs=1e-5)


def test_the_next_batch_hears_the_next_teacher_and_the_next_epoch_goes_on_so(taught, tiny):
    names = [NAME, "cifar10_improved"]
    settings = {**taught["distillation"], "teacher": names, "share": 1.0}
    batches = AugmentedBatches({**taught, "distillation": settings}, tiny)
    alone = [teacher(1.0, folder=manifest.MODELS / name) for name in names]
    assert len(batches) % 2, "an even number would not tell an epoch's end"
    turns = [(epoch, index) for epoch in (0, 1) for index in range(len(batches))]
    for turn, (epoch, index) in enumerate(turns):
        batches.start(epoch)
        x, y, *_weights = batches[index]
        heard = alone[turn % 2].labels(x, TRUTH[tiny.train.y[batches.chosen(index)]])
        assert y == pytest.approx(heard, abs=1e-5)


def test_a_teacher_hears_of_no_jpeg_that_comes_last(taught, tiny):
    last = {**taught["augment"], "jpeg_share": 1.0, "jpeg_quality": [5, 5], "jpeg_last": True}
    settings = {**taught["distillation"], "share": 1.0}
    recipe = {**taught, "distillation": settings, "augment": last}
    x, y, *_weights = AugmentedBatches(recipe, tiny)[0]
    plain = {**recipe, "augment": {**last, "jpeg_share": 0.0}}
    clean, heard, *_weights = AugmentedBatches(plain, tiny)[0]
    assert (x != clean).any() and y == pytest.approx(heard, abs=1e-6)


MIXED = {"cutmix_share": 1.0, "cutout": 0, "shift": 0, "zoom_share": 0.0, "jpeg_share": 0.0}


def test_of_a_mixture_the_label_says_how_much_is_whose(recipe, tiny):
    batches = AugmentedBatches({**recipe, "augment": {**recipe["augment"], **MIXED}}, tiny)
    _x, y = batches[0]
    made, truth = batches._augmented(0), tiny.train.y[batches.chosen(0)]
    assert y.sum(axis=1) == pytest.approx(np.ones(len(y)), abs=1e-6) and (made.own < 1).any()
    for label, own, mine, other in zip(y, made.own, truth, truth[made.partners], strict=True):
        assert label[mine] == pytest.approx(1.0 if mine == other else own, abs=1e-6)
        assert label[other] == pytest.approx(1.0 if mine == other else 1 - own, abs=1e-6)


def test_the_teacher_says_what_it_sees_in_the_mixture(taught, tiny):
    settings = {**taught["distillation"], "share": 1.0}
    augmented = {**taught["augment"], **MIXED}
    x, y = AugmentedBatches({**taught, "distillation": settings, "augment": augmented}, tiny)[0]
    heard = teacher(1.0).labels(x, np.zeros((len(x), 10), np.float32))
    assert y == pytest.approx(heard, abs=1e-5)


def test_the_teacher_calculates_in_the_precision_that_the_student_is_trained_in(taught, tiny):
    exact, fast = (
        AugmentedBatches({**taught, "precision": precision}, tiny)
        for precision in ("float32", "mixed_bfloat16")
    )
    for batches, expected in ((exact, "float32"), (fast, "bfloat16")):
        layers = batches.teacher.networks[0].layers
        assert {x.compute_dtype for x in layers if "conv2d" in x.name} == {expected}
    assert fast[0][1] == pytest.approx(exact[0][1], abs=0.05)  # and says nearly the same


def test_reviewed_pictures_are_taught_by_reviewers_alone(taught, tiny):
    reviewed = dataclasses.replace(tiny, reviewed={"train": 5})
    untaught = {name: taught[name] for name in taught if name != "pruning"}
    with pytest.raises(ValueError, match="reviewed"):
        AugmentedBatches(untaught, reviewed)


def test_a_teacher_whose_weights_were_changed_is_refused(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / NAME)
    (folder / manifest.WEIGHTS).write_bytes(b"other weights")
    with pytest.raises(manifest.ManifestError, match=manifest.WEIGHTS):
        teacher(folder=folder)


def test_without_a_teacher_labels_are_the_truth(recipe, tiny):
    untaught = {name: recipe[name] for name in recipe if name != "distillation"}
    batches = AugmentedBatches(untaught, tiny)
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
