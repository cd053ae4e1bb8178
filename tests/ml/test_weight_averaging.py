"""The mean of the last epochs' weights: which epochs those are, and how it grows.
Runs that end on it are in test_averaged_runs.py."""

import numpy as np
import pytest

from ml import train
from ml.weight_averaging import first_epoch, with_one_more


@pytest.mark.parametrize(
    ("after", "epochs", "first"), [(0, 10, 0), (0.4, 10, 4), (0.41, 10, 5), (1, 10, 9), (0, 1, 0)]
)
def test_the_first_epoch_that_counts(after, epochs, first):
    assert first_epoch(after, epochs) == first


@pytest.mark.parametrize("after", [-0.1, 1.1])
def test_a_share_that_is_none_is_refused_before_a_step_is_taken(
    recipe, tiny, tmp_path, monkeypatch, after
):
    monkeypatch.setattr(train.keras.Model, "fit", lambda *_, **__: pytest.fail("it was trained"))
    with pytest.raises(ValueError, match="share of the run"):
        train.train({**recipe, "averaging": {"after": after}}, tiny, tmp_path)


def test_a_mean_grows_by_one():
    mean: list[np.ndarray] = []
    for count, value in enumerate((2.0, 4.0, 9.0)):
        mean = with_one_more(mean, count, [np.array([value])])
    assert mean[0] == pytest.approx([5.0])
