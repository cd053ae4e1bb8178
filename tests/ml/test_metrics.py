"""The figures, against values worked out by hand or by definition."""

import numpy as np
import pytest

from ml import metrics, runtime


def test_accuracy_counts_right_answers():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    figures = metrics.accuracy(probabilities, np.array([0, 1, 1, 0]))
    assert figures["accuracy"] == 0.75 and figures["n"] == 4
    low, high = figures["interval_95"]
    assert 0 < low < 0.75 < high < 1


def test_the_interval_is_wilson_s():
    low, high = metrics.wilson_interval(8, 10)
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_the_interval_stays_between_zero_and_one():
    assert metrics.wilson_interval(0, 10)[0] == pytest.approx(0, abs=1e-9)
    assert metrics.wilson_interval(10, 10)[1] == pytest.approx(1, abs=1e-9)


def test_an_honest_confidence_has_no_calibration_error():
    probabilities = np.tile([0.75, 0.25], (4, 1))
    assert metrics.expected_calibration_error(probabilities, np.array([0, 0, 0, 1])) < 1e-12


def test_a_confidence_that_is_always_wrong_has_an_error_of_its_own_size():
    probabilities = np.tile([0.9, 0.1], (5, 1))
    error = metrics.expected_calibration_error(probabilities, np.ones(5, int))
    assert error == pytest.approx(0.9)


def test_confusion_has_true_classes_in_rows():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    counts = metrics.confusion(probabilities, np.array([0, 1, 1], np.uint8))
    assert counts.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(true_temperature):
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (40_000, 5))
    chances = runtime.softmax(logits / true_temperature)
    labels = (chances.cumsum(axis=1) > rng.random((40_000, 1))).argmax(axis=1)
    assert metrics.fit_temperature(logits, labels) == pytest.approx(true_temperature, rel=0.05)
