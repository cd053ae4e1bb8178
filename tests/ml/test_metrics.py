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


@pytest.mark.parametrize(
    ("temperature", "power"),
    [
        (1.0, 1.4),
        pytest.param(0.5, 1.0, marks=pytest.mark.slow),
        pytest.param(2.5, 0.8, marks=pytest.mark.slow),
    ],
)
def test_the_calibration_that_made_the_labels_is_found(temperature, power):
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (10_000, 5))
    made = {"temperature": temperature, "power": power}
    chances = runtime.answers(logits, made).probabilities
    labels = (chances.cumsum(axis=1) > rng.random((10_000, 1))).argmax(axis=1)
    assert metrics.fit_calibration(logits, labels) == pytest.approx(made, rel=0.08)


def test_the_smoothing_of_the_labels_that_taught_is_found():
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.full(10, 0.05), 5000)
    labels = np.array([rng.choice(10, p=row) for row in true])
    found = metrics.fit_calibration(np.log(0.8 * true + 0.02), labels)
    assert found["smoothing"] == pytest.approx(0.2, abs=0.03)
    assert found["temperature"] == pytest.approx(1, rel=0.08)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [2, 20, 100])
def test_few_pictures_are_enough_for_a_calibration(n):
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (n, 3))
    labels = np.where(np.arange(n) % 4, logits.argmax(axis=1), logits.argmin(axis=1))
    made = metrics.fit_calibration(logits, labels)
    assert all(np.isfinite(value) and value > 0 for value in made.values())
    if n > 2:  # of which one is right: nothing to be near to
        confidence = runtime.answers(logits, made).probabilities.max(axis=1)
        right = (labels == logits.argmax(axis=1)).mean()
        assert confidence.mean() == pytest.approx(right, abs=0.15)


def _honest(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is how often each label is the truth, right in about four of five."""
    logits = rng.normal(0, 2.2, (n, 3))
    chances = runtime.answers(logits, {"temperature": 1.0, "power": 1.0}).probabilities
    return logits, (chances.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)


@pytest.mark.parametrize("n", [2, 6, 20])
def test_a_few_pictures_that_are_all_right_do_not_make_a_network_sure(n):
    logits, _labels = _honest(np.random.default_rng(4), n + 3000)
    made = metrics.fit_calibration(logits[:n], logits[:n].argmax(axis=1))
    before = runtime.answers(logits[n:], {"temperature": 1.0, "power": 1.0}).probabilities
    after = runtime.answers(logits[n:], made).probabilities
    assert 0.75 < made["temperature"] <= 1
    assert after.max(axis=1).mean() - before.max(axis=1).mean() < 0.05


@pytest.mark.parametrize("n", [2, 8, 20])
@pytest.mark.parametrize(("scale", "allowed"), [(0.6, 0.0), (1.0, 0.01), (1.7, 0.0)])
def test_few_pictures_leave_confidence_no_further_from_the_truth(n, scale, allowed):
    """On average over draws; an honest network has nothing to gain, and hardly loses."""
    rng = np.random.default_rng(6)
    worse = []
    for _ in range(20):
        logits, labels = _honest(rng, n + 3000)
        logits *= scale
        made = metrics.fit_calibration(logits[:n], labels[:n])
        errors = [
            metrics.expected_calibration_error(
                runtime.answers(logits[n:], calibration).probabilities, labels[n:]
            )
            for calibration in (made, {"temperature": 1.0, "power": 1.0})
        ]
        worse.append(errors[0] - errors[1])
    assert np.mean(worse) <= allowed


def test_the_more_pictures_say_so_the_further_a_temperature_goes_from_one():
    logits, labels = _honest(np.random.default_rng(8), 400)
    made = [metrics.fit_calibration(3 * logits[:n], labels[:n]) for n in (10, 100, 400)]
    few, more, most = (each["temperature"] for each in made)
    assert 1 < few < more < most and most == pytest.approx(3, rel=0.25)


def test_precision_recall_and_f1_are_those_of_the_counts():
    cat, dog = metrics.per_class(np.array([[8, 2], [4, 6]]))
    assert cat == {"precision": 0.6667, "recall": 0.8, "f1": 0.7273, "n": 10}
    assert dog == {"precision": 0.75, "recall": 0.6, "f1": 0.6667, "n": 10}


def test_a_class_that_never_occurs_has_no_share_of_anything():
    assert metrics.per_class(np.array([[3, 0], [0, 0]]))[1]["f1"] == 0


def test_sets_hold_the_truth_as_often_as_asked_on_pictures_they_were_not_made_on():
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 1.2, (20_000, 10))
    probabilities = runtime.answers(logits, {"temperature": 1.0, "power": 1.0}).probabilities
    labels = (probabilities.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    threshold = metrics.set_threshold(probabilities[:10_000], labels[:10_000], 0.95)
    sets = metrics.prediction_sets(probabilities[10_000:], threshold)
    held = metrics.coverage(sets, labels[10_000:])
    assert held["coverage"] == pytest.approx(0.95, abs=0.01)
    assert 1 < held["mean_size"] < 10


def test_a_set_is_never_empty():
    sets = metrics.prediction_sets(np.array([[0.4, 0.3, 0.3]]), threshold=0.9)
    assert sets.tolist() == [[True, False, False]]


def test_too_few_pictures_give_a_set_of_everything():
    probabilities = np.array([[0.9, 0.1]] * 5)
    threshold = metrics.set_threshold(probabilities, np.ones(5, int), 0.95)
    assert metrics.prediction_sets(probabilities, threshold).all()


@pytest.mark.parametrize("n", [19, 25, 40, 300])
def test_a_fresh_score_stays_below_the_threshold_as_often_as_asked_however_few_it_is_from(n):
    rng = np.random.default_rng(9)
    draws = rng.gumbel(size=(4000, n + 1))
    held = [row[-1] <= metrics.score_threshold(row[:-1], 0.95) for row in draws]
    assert 0.94 < np.mean(held) < 0.95 + 1 / (n + 1) + 0.01


def test_of_too_few_pictures_no_score_calls_anything_off_topic():
    assert metrics.score_threshold(np.arange(18.0), 0.95) == metrics.NEVER
    assert metrics.score_threshold(np.arange(19.0), 0.95) == 18


def test_of_many_pictures_the_threshold_is_the_plain_quantile():
    scores = np.random.default_rng(2).normal(-8, 2, 5000)
    assert metrics.score_threshold(scores, 0.95) == pytest.approx(
        np.quantile(scores, 0.95), abs=0.01
    )


def test_auroc_is_the_chance_of_being_told_apart():
    assert metrics.auroc(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 1
    assert metrics.auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 0
    assert metrics.auroc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
    assert metrics.auroc(np.array([0.0, 2.0]), np.array([1.0, 3.0])) == 0.75


def test_empty_bins_are_kept_so_that_every_chart_has_fifteen():
    bins = metrics.reliability(np.array([[0.99, 0.01]]), np.array([0]))
    assert len(bins) == 15 and [b["n"] for b in bins] == [0] * 14 + [1]
