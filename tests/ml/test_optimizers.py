"""Learning rates and updates, against values worked out by hand."""

import itertools

import keras
import numpy as np
import pytest

from ml import optimizers
from ml.lookahead import Lookahead
from ml.optimizers import NesterovSGD, Trapezoid


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_the_rate_rises_stays_and_falls_to_nothing(shape):
    rate = Trapezoid(2.0, warmup=10, decay=20, total=100, shape=shape)
    values = [float(rate(step)) for step in range(101)]
    assert values[0] == pytest.approx(0.2) and values[9:80] == pytest.approx([2.0] * 71)
    assert values[90] == pytest.approx(1.0) and values[100] == pytest.approx(0, abs=1e-6)
    assert all(a >= b for a, b in itertools.pairwise(values[80:]))


def test_an_unknown_schedule_or_optimizer_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match="cosine, linear"):
        Trapezoid(1.0, 1, 1, 2, "square")
    with pytest.raises(KeyError, match="adamw, sgd"):
        optimizers.build({"name": "adam"}, 1, 1)


def test_a_step_is_nesterov_s_with_the_decay_in_the_gradient():
    weight = keras.Variable([1.0], name="kernel")
    optimizer = NesterovSGD(0.1, momentum=0.5, decay=0.2)
    optimizer.build([weight])
    optimizer.apply([np.float32([1.0])], [weight])
    # The gradient is 1 + 0.2 * 1; the first step is (1 + momentum) times the rate times that.
    assert float(weight[0]) == pytest.approx(1 - 0.1 * 1.5 * 1.2)


def test_shifts_of_batch_normalization_learn_faster():
    kernel, shift = keras.Variable([0.0], name="kernel"), keras.Variable([0.0], name="beta")
    optimizer = NesterovSGD(0.1, momentum=0.0, shift_scale=64)
    optimizer.build([kernel, shift])
    optimizer.apply([np.float32([1.0])] * 2, [kernel, shift])
    assert float(shift[0]) == pytest.approx(64 * float(kernel[0]))


def test_an_optimizer_comes_back_from_its_configuration():
    settings = NesterovSGD(Trapezoid(1.0, 1, 1, 9, "linear"), 0.8, 0.1, 64).get_config()
    again = NesterovSGD.from_config(settings)
    assert (again.decay, again.shift_scale, again.momentum, again.nesterov) == (0.1, 64, 0.8, True)


def test_lookahead_ends_on_the_average(tmp_path):
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    kernel = model.layers[0].kernel
    kernel.assign([[0.0]])
    pull = Lookahead(decay=0.9, total=10, path=tmp_path / "average.npz")
    pull.set_model(model)
    pull.on_train_begin()
    kernel.assign([[1.0]])
    model.optimizer.iterations.assign(5)
    pull.on_train_batch_end(4)
    moved = float(kernel[0][0])
    assert moved == pytest.approx(1 - 0.9**5 * 0.5**3)
    kernel.assign([[3.0]])
    model.optimizer.iterations.assign(10)
    pull.on_train_batch_end(9)
    assert float(kernel[0][0]) == pytest.approx(moved)
