"""What an epoch shows: the hard pictures all, the easy ones now and then, and none in vain."""

import dataclasses

import numpy as np
import pytest

from ml import recipes, runs, train
from ml.batches import AugmentedBatches
from ml.pruning import BatchLosses, Pruning
from tests.ml.killed import killed_after_an_epoch

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


@pytest.mark.parametrize("hard", [5, 7, 10])
def test_where_too_few_easy_ones_would_be_left_none_goes_first(seen, hard):
    """Of 500 easy ones 100 could be shown beside 500 hard ones, and each would count for five."""
    seen.see(np.arange(N), np.where(np.arange(N) % 10 < hard, 2.0, 0.0))
    seen.shown = 599
    chosen, weights = draw(seen, epoch=3)
    assert len(set(chosen)) == 599 and (weights == 1).all()


def test_no_picture_counts_for_more_than_five(seen):
    for hard in range(0, 1000, 7):
        seen.see(np.arange(N), np.where(np.arange(N) < hard, 2.0, 0.0))
        _chosen, weights = draw(seen, epoch=3)
        assert weights.max() / weights.min() <= 5 + 1e-6
        assert weights.mean() == pytest.approx(1)


@pytest.mark.parametrize("shares", [(0, 0.5), (1.2, 0.5), (0.6, -1), (0.6, 2)])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="shares"):
        Pruning(N, 10, *shares)


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
        **recipes.read("airbench_wide_short"),
        "epochs": 2,
        "batch": 20,
        "pruning": {"keep": 0.5, "until": 1.0},
    }


@pytest.fixture(scope="module")
def whole(pruned, tiny, tmp_path_factory):
    """A run of two epochs that nothing has broken off."""
    folder = tmp_path_factory.mktemp("pruned")
    train.train(pruned, tiny, folder)
    return folder


def test_a_run_keeps_the_losses_of_what_it_has_shown(whole):
    losses = np.load(whole / runs.LOSSES)
    # Of 180 pictures an epoch shows 90, in eight batches of 11.
    assert 80 <= np.isfinite(losses).sum() <= 176
    assert np.nanmax(losses) != np.nanmin(losses)
    assert runs.card(whole)["steps"] == 16
    assert [set(row) for row in runs.history(whole)] == [set(runs.TOLD)] * 2


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_from_its_losses(whole, pruned, tiny, tmp_path):
    with killed_after_an_epoch():
        train.train(pruned, tiny, tmp_path)
    train.train(pruned, tiny, tmp_path)
    resumed, unbroken = (np.load(folder / runs.LOSSES) for folder in (tmp_path, whole))
    assert (np.isfinite(resumed) == np.isfinite(unbroken)).all()
    resumed, unbroken = (runs.history(folder)[1]["loss"] for folder in (tmp_path, whole))
    assert resumed == pytest.approx(unbroken, rel=1e-3)


def test_losses_of_an_epoch_that_was_not_kept_are_not_begun_with(pruned, tiny, tmp_path):
    np.save(tmp_path / runs.LOSSES, np.zeros(7))  # of other weights, and of another set at that
    train.train({**pruned, "epochs": 1}, tiny, tmp_path)
    assert np.isfinite(np.load(tmp_path / runs.LOSSES)).sum() == 88


def test_reviewed_pictures_are_not_mixed_and_pruned_at_once(pruned, tiny):
    mixed = dataclasses.replace(tiny, reviewed={"train": 20})
    with pytest.raises(ValueError, match="pruning"):
        AugmentedBatches(pruned, mixed)


def test_mixtures_are_not_pruned_for_their_loss_is_that_of_neither_picture(pruned, tiny):
    mixing = {**pruned, "augment": {**pruned["augment"], "cutmix_share": 0.5}}
    with pytest.raises(ValueError, match="leave out cutmix_share"):
        AugmentedBatches(mixing, tiny)
