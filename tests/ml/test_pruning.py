"""What an epoch shows: the hard pictures all, the easy ones now and then, and none in vain."""

import dataclasses
import json

import numpy as np
import pytest

from ml import recipes, runs, train
from ml.pruning import BatchLosses, Pruning

N = 1000


@pytest.fixture
def seen():
    """Three in ten are hard."""
    pruning = Pruning(N, epochs=10, keep=0.6, until=0.8)
    pruning.see(np.arange(N), np.where(np.arange(N) % 10 < 3, 2.0, 0.1))
    return pruning


def draw(pruning, epoch, seed=0):
    return pruning.draw(epoch, np.random.default_rng(seed))


def test_before_anything_is_known_each_picture_is_as_likely_and_counts_once():
    chosen, weights = draw(Pruning(N, epochs=10, keep=0.6, until=0.8), epoch=0)
    assert len(set(chosen)) == 600 and (weights == 1).all()


def test_all_hard_pictures_are_shown_and_some_easy_ones(seen):
    chosen, weights = draw(seen, epoch=3)
    hard = chosen % 10 < 3
    assert len(set(chosen)) == 600 and hard.sum() == 300
    # 300 of 700 easy ones are shown, so each counts for 7/3 pictures.
    assert weights[~hard] == pytest.approx(weights[hard][0] * 7 / 3)
    assert weights.mean() == pytest.approx(1)


def test_hard_and_easy_come_in_no_order(seen):
    chosen, _ = draw(seen, epoch=3)
    hard = chosen % 10 < 3
    assert 100 < hard[:300].sum() < 200


def test_on_average_the_sum_over_what_is_shown_is_that_over_the_whole_set(seen):
    values = np.random.default_rng(5).normal(1, 1, N)
    sums = []
    for seed in range(400):
        chosen, weights = draw(seen, 3, seed)
        sums.append((values[chosen] * weights).sum() / seen.shown * N)
    assert np.mean(sums) == pytest.approx(values.sum(), rel=0.01)


def test_at_the_end_every_picture_is_as_likely_as_any_other(seen):
    chosen, weights = draw(seen, epoch=8)
    assert len(set(chosen)) == 600 and (weights == 1).all()
    assert 120 < (chosen % 10 < 3).sum() < 240


def test_where_too_many_are_hard_none_goes_first(seen):
    seen.see(np.arange(N), np.where(np.arange(N) % 10 < 7, 2.0, 0.0))
    chosen, weights = draw(seen, epoch=3)
    assert len(set(chosen)) == 600 and (weights == 1).all()


def test_what_was_never_shown_is_hard():
    pruning = Pruning(N, epochs=10, keep=0.6, until=0.8)
    pruning.see(np.arange(900), np.full(900, 0.1))
    pruning.see(np.arange(100), np.full(100, 3.0))
    chosen, _ = draw(pruning, epoch=3)
    assert set(range(900, 1000)) <= set(chosen)


def test_the_losses_of_a_batch_are_each_picture_s_own():
    metric = BatchLosses(4)
    logits = np.array([[2.0, 0.0], [0.0, 0.0]], np.float32)
    metric.update_state(np.eye(2, dtype=np.float32), logits)
    expected = [np.log(1 + np.exp(-2)), np.log(2), 0, 0]
    assert np.asarray(metric.last.value) == pytest.approx(expected, abs=1e-6)
    metric.update_state(np.eye(2, dtype=np.float32)[:1], logits[1:])
    assert np.asarray(metric.last.value) == pytest.approx([np.log(2), 0, 0, 0], abs=1e-6)
    assert float(metric.result()) == pytest.approx(np.log(2), abs=1e-6)


@pytest.fixture(scope="module")
def pruned():
    return {
        **recipes.read("airbench_wide"),
        "epochs": 2,
        "batch": 20,
        "pruning": {"keep": 0.5, "until": 1.0},
    }


def test_a_run_keeps_the_losses_of_what_it_has_shown_and_goes_on_from_them(pruned, tiny, tmp_path):
    train.train(pruned, tiny, tmp_path)
    after_two = np.load(tmp_path / runs.LOSSES)
    # Of 180 pictures an epoch shows 90, in eight batches of 11.
    assert 80 <= np.isfinite(after_two).sum() <= 160
    assert np.nanmax(after_two) != np.nanmin(after_two)
    assert json.loads((tmp_path / runs.RUN).read_text())["steps"] == 16

    train.train({**pruned, "epochs": 3}, tiny, tmp_path)
    after_three = np.load(tmp_path / runs.LOSSES)
    assert np.isfinite(after_three).sum() >= np.isfinite(after_two).sum()
    assert len(runs.history(tmp_path)) == 3


def test_reviewed_pictures_are_not_mixed_and_pruned_at_once(pruned, tiny):
    mixed = dataclasses.replace(tiny, reviewed={"train": 20})
    with pytest.raises(ValueError, match="pruning"):
        train.AugmentedBatches(pruned, mixed)
