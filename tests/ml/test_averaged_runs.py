"""Runs that end on the mean of their last epochs' weights: real training, in miniature."""

import shutil

import keras
import numpy as np
import pytest
from keras.layers import BatchNormalization

from ml import runs, train, weight_averaging
from ml.batches import AugmentedBatches
from ml.weight_averaging import EpochMean, measure_statistics, read
from tests.ml.killed import KilledError, killed_after_an_epoch

pytestmark = pytest.mark.slow
EPOCHS = 4


@pytest.fixture(scope="module")
def averaging(recipe):
    return {**recipe, "epochs": EPOCHS, "averaging": {"after": 0.25}}


@pytest.fixture(scope="module")
def watched(averaging, tiny, tmp_path_factory):
    """A run, and its weights after each epoch."""
    folder, after_each = tmp_path_factory.mktemp("averaged") / "run", []
    keep = train.Checkpoints.on_epoch_end

    def keep_twice(self, epoch, logs=None):
        keep(self, epoch, logs)
        after_each.append(self.model.get_weights())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.Checkpoints, "on_epoch_end", keep_twice)
        train.train(averaging, tiny, folder)
    return folder, after_each


def test_a_run_ends_on_the_mean_of_its_last_epochs(watched):
    run, after_each = watched
    assert len(after_each) == EPOCHS
    finished = runs.finished(run)
    learned = [
        w for w, v in zip(finished.get_weights(), finished.weights, strict=True) if v.trainable
    ]
    assert len(learned) > 20
    for ended, *each in zip(
        learned, *(trainable(finished, weights) for weights in after_each[1:]), strict=True
    ):
        np.testing.assert_allclose(ended, np.mean(each, axis=0), rtol=1e-5, atol=1e-6)


def trainable(network, weights) -> list:
    return [w for w, v in zip(weights, network.weights, strict=True) if v.trainable]


def test_its_batch_statistics_are_what_it_sees_itself(watched, averaging, tiny):
    run, _after_each = watched
    batches = AugmentedBatches(averaging, tiny)
    batches.start(EPOCHS - 1)
    pictures = [batches[i][0] for i in range(len(batches))]
    network = runs.finished(run)
    kept = network.get_weights()
    measure_statistics(network, pictures)
    for measured, before in zip(network.get_weights(), kept, strict=True):
        np.testing.assert_allclose(measured, before, rtol=0.02, atol=0.02)
    first = next(layer for layer in network.layers if isinstance(layer, BatchNormalization))
    into = keras.Model(network.inputs, first.input)
    seen = np.concatenate([keras.ops.convert_to_numpy(into(x)) for x in pictures])
    assert np.asarray(first.moving_mean) == pytest.approx(seen.mean((0, 1, 2)), rel=1e-3, abs=1e-3)
    assert first.momentum == BatchNormalization().momentum


def test_its_checkpoint_holds_the_last_epoch_s_own_weights_to_go_on_from(watched):
    run, after_each = watched
    for kept, last in zip(runs.network(run).get_weights(), after_each[-1], strict=True):
        np.testing.assert_array_equal(kept, last)


def test_a_finished_run_s_mean_is_not_changed_by_the_same_command(watched, averaging, tiny):
    run, _after_each = watched
    before = (run / runs.MEAN).read_bytes()
    train.train(averaging, tiny, run)
    assert (run / runs.MEAN).read_bytes() == before


def test_a_run_that_was_killed_after_each_epoch_comes_to_the_same_mean(
    watched, averaging, tiny, tmp_path
):
    whole, _after_each = watched
    for _ in range(EPOCHS):
        with killed_after_an_epoch():
            train.train(averaging, tiny, tmp_path)
    with pytest.raises(ValueError, match="cut short before its mean was whole"):
        runs.finished(tmp_path)
    train.train(averaging, tiny, tmp_path)
    (up_to, count, mean), (_, _, unbroken) = (read(run / runs.MEAN) for run in (tmp_path, whole))
    assert (up_to, count) == (EPOCHS, EPOCHS - 1)
    for one, other in zip(mean, unbroken, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.05, atol=0.01)


def test_a_run_that_was_killed_while_its_statistics_were_measured_measures_them_again(
    watched, averaging, tiny, tmp_path, monkeypatch
):
    whole, after_each = watched
    killed = shutil.copytree(whole, tmp_path / "run")
    (killed / runs.MEAN).unlink()
    mean = EpochMean(first=1, path=killed / runs.MEAN)
    mean.set_model(runs.network(killed))
    for behind in (2, 3):
        mean.model.set_weights(after_each[behind - 1])
        mean.on_epoch_begin(behind)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(weight_averaging, "measure_statistics", killed_at_once)
        train.train(averaging, tiny, killed)
    train.train(averaging, tiny, killed)
    for one, other in zip(
        runs.finished(killed).get_weights(), runs.finished(whole).get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def killed_at_once(*_: object) -> None:
    raise KilledError


def test_an_epoch_that_is_begun_again_is_not_added_twice(watched, tmp_path):
    run, after_each = watched
    again = EpochMean(first=1, path=tmp_path / runs.MEAN)
    again.set_model(runs.network(run))
    for epoch in (0, 1, 2, 2, 3, 3, 3):
        again.model.set_weights(after_each[epoch])
        again.on_epoch_begin(epoch)
    up_to, count, mean = read(tmp_path / runs.MEAN)
    assert (up_to, count) == (3, 2)
    for part, *each in zip(mean, *after_each[2:4], strict=True):
        np.testing.assert_allclose(part, np.mean(each, axis=0), rtol=1e-5, atol=1e-6)


def test_what_an_earlier_try_left_before_its_first_checkpoint_is_not_added(watched, tmp_path):
    run, after_each = watched
    shutil.copy(run / runs.MEAN, tmp_path / runs.MEAN)
    anew = EpochMean(first=0, path=tmp_path / runs.MEAN)
    anew.set_model(runs.network(run))
    anew.on_epoch_begin(1)
    up_to, count, mean = read(tmp_path / runs.MEAN)
    assert (up_to, count) == (1, 1)
    for part, last in zip(mean, after_each[-1], strict=True):
        np.testing.assert_array_equal(part, last)


def test_the_mean_is_what_a_blend_is_made_with(watched, tmp_path):
    run, after_each = watched
    blended = shutil.copytree(run, tmp_path / "run")
    runs.keep_start(blended, runs.network(run))
    asks_for(blended, blend=0.5)
    ended, mean = runs.finished(blended).get_weights(), runs.finished(run).get_weights()
    for one, last, averaged in zip(ended, after_each[-1], mean, strict=True):
        np.testing.assert_allclose(one, (last + averaged) / 2, rtol=1e-5, atol=1e-6)


def asks_for(run, **more) -> None:
    """Let a run's recipe say more than it was trained by."""
    about = runs.card(run)
    runs.begin(run, {**about, "recipe": {**about["recipe"], **more}})


def test_a_run_that_was_trained_without_it_is_refused(run, tmp_path):
    without = shutil.copytree(run, tmp_path / "run")
    asks_for(without, averaging={"after": 0})
    with pytest.raises(ValueError, match="was trained without"):
        runs.finished(without)
