"""What a trial's figures say, against independent computations; and when the gate refuses."""

import random

import numpy as np
import pytest
from scipy import stats

from classifier.promotion import figures, limits
from classifier.promotion.figures import Pair
from ml import metrics

SPEED = {"p50_ms": 10.0, "p95_ms": 12.0, "per_second": 100.0}


def pair(truth: str | None, active: str, candidate: str, **fields) -> Pair:
    usual = {
        "active_confidence": 0.9,
        "candidate_confidence": 0.9,
        "active_off_topic": False,
        "candidate_off_topic": False,
        "recent": True,
    }
    return Pair(truth=truth, active=active, candidate=candidate, **{**usual, **fields})


def report(*pairs: Pair, **speed) -> dict:
    speeds = {"active": SPEED, "candidate": {**SPEED, **speed}}
    return {**figures.report(list(pairs)), "speed": speeds}


GOOD = [pair("cat", "cat", "cat")] * 40 + [pair("dog", "dog", "dog")] * 40


def past(*pairs: Pair, **speed) -> list[str]:
    return [limit.name for limit in limits.exceeded(report(*pairs, **speed))]


@pytest.mark.parametrize(
    ("b", "c"), [(0, 0), (1, 0), (5, 5), (10, 2), (3, 15), (60, 30), (900, 1100), (5000, 4000)]
)
def test_mcnemar_is_the_exact_binomial_test(b, c):
    expected = stats.binomtest(min(b, c), b + c).pvalue if b + c else 1.0
    assert figures.mcnemar(b, c) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_calibration_error_is_the_one_that_models_are_measured_with():
    dice = random.Random(1)
    answers = [(dice.uniform(0.5, 1), dice.random() < 0.6) for _ in range(500)]
    pairs = [
        pair("cat", "cat" if right else "dog", "cat", active_confidence=confidence)
        for confidence, right in answers
    ]
    probabilities = np.array([[confidence, 1 - confidence] for confidence, _right in answers])
    labels = np.array([0 if right else 1 for _confidence, right in answers])
    expected = metrics.expected_calibration_error(probabilities, labels)
    assert report(*pairs)["calibration"]["active"] == pytest.approx(expected, abs=1e-5)


def test_who_is_right_alone_is_counted_where_a_person_has_said_what_is_right():
    found = report(
        pair("cat", "cat", "dog"),
        pair("cat", "dog", "cat"),
        pair("cat", "dog", "cat"),
        pair("cat", "cat", "cat"),
        pair("cat", "dog", "ship"),
        pair(None, "cat", "dog"),
    )["reviewed"]
    assert (found["n"], found["only_active"], found["only_candidate"]) == (5, 1, 2)
    assert (found["active"], found["candidate"]) == (0.4, 0.6)


def test_what_shows_none_of_the_classes_counts_as_neither_right_nor_wrong():
    found = report(pair("", "cat", "dog", candidate_off_topic=True), pair("", "cat", "cat"), *GOOD)
    assert found["reviewed"]["n"] == len(GOOD)
    assert found["none"] == {"n": 2, "active": 0.0, "candidate": 0.5}


def test_flips_are_counted_by_class_among_the_recent_alone():
    found = report(
        pair(None, "cat", "dog"),
        pair(None, "cat", "dog"),
        pair(None, "dog", "ship"),
        pair(None, "dog", "dog"),
        pair("cat", "cat", "ship", recent=False),
    )["flips"]
    assert (found["n"], found["of"], found["share"]) == (3, 4, 0.75)
    assert found["by_class"][0] == {"from": "cat", "to": "dog", "n": 2}


def test_the_class_that_loses_most_comes_first_if_it_was_reviewed_often_enough():
    pairs = [pair("ship", "ship", "cat")] * 5  # too few to say anything
    pairs += [pair("dog", "dog", "cat")] * 10 + [pair("dog", "dog", "dog")] * 15
    pairs += [pair("cat", "cat", "cat")] * 25
    first = report(*pairs)["per_class"][0]
    assert (first["label"], first["n"], first["active"], first["candidate"]) == ("dog", 25, 1, 0.6)


def test_without_any_picture_there_are_no_figures_and_no_faults():
    found = figures.report([])
    assert found["reviewed"]["active"] is found["calibration"]["active"] is None
    assert found["flips"]["share"] is None and found["per_class"] == []


def test_what_one_of_the_two_has_learned_is_counted_apart():
    learned = [pair(None, "cat", "dog", learned=True)] * 3
    found = report(*GOOD, *learned)
    assert (found["reviewed"]["n"], found["reviewed"]["learned"]) == (len(GOOD), 3)
    assert found["flips"]["n"] == 3


# The limits


def test_a_candidate_that_is_as_good_is_within_all_limits():
    assert past(*GOOD) == []


def test_too_few_reviewed_pictures_refuse_it(settings):
    assert past(*GOOD[:49]) == ["REVIEWED"]
    settings.GATE_REVIEWED = 0
    assert past() == []


def test_too_few_that_it_did_not_learn_refuse_it_and_say_so(settings):
    settings.GATE_FLIPS = 1.0
    learned = [pair(None, "cat", "cat", learned=True)] * 500
    assert past(*GOOD[:49], *learned) == ["ASIDE"]
    assert past(*GOOD[:50], *learned) == []


def test_one_that_is_worse_and_not_by_chance_is_refused(settings):
    settings.GATE_ACCURACY_DROP = settings.GATE_CLASS_DROP = settings.GATE_CALIBRATION = 1.0
    assert past(*GOOD, *[pair("cat", "cat", "dog")] * 6) == ["WORSE"]
    assert past(*GOOD, *[pair("cat", "cat", "dog")] * 5) == []  # p is 0.0625
    assert past(*GOOD, *[pair("cat", "dog", "cat")] * 6) == []  # better, and not by chance


def test_one_that_is_right_less_often_is_refused(settings):
    settings.GATE_CLASS_DROP = 1.0
    lost = [pair("cat", "cat", "dog")]
    assert past(*GOOD, *lost) == ["ACCURACY"]
    assert past(*GOOD, *GOOD, *lost) == []


def test_one_that_loses_a_class_is_refused_even_if_it_gains_elsewhere(settings):
    settings.GATE_CALIBRATION = 1.0
    gained = [pair("dog", "cat", "dog")] * 10
    lost = [pair("cat", "cat", "dog")] * 4
    assert past(*GOOD, *gained, *lost) == ["CLASS"]


def test_one_whose_confidence_is_less_honest_is_refused():
    sure = [pair("cat", "cat", "cat", active_confidence=0.99, candidate_confidence=0.5)] * 60
    assert past(*sure) == ["CALIBRATION"]


def test_one_that_changes_too_many_recent_answers_is_refused():
    assert past(*GOOD, *[pair(None, "cat", "dog")] * 21) == ["FLIPS"]
    assert past(*GOOD, *[pair(None, "cat", "dog")] * 19) == []


def test_one_that_is_much_slower_is_refused():
    assert past(*GOOD, p50_ms=15.1) == ["SLOWER"]
    assert past(*GOOD, p50_ms=14.9) == []


@pytest.mark.parametrize("n", [20, 40, 60, 100, 300, 700])
def test_a_share_that_is_lost_exactly_at_its_limit_is_allowed(settings, n):
    settings.GATE_ACCURACY_DROP = settings.GATE_CLASS_DROP = 0.05
    settings.GATE_REVIEWED, settings.GATE_CALIBRATION, settings.GATE_FLIPS = 20, 1.0, 0.05
    held, lost = [pair("cat", "cat", "cat")], [pair("cat", "cat", "dog")]
    within = held * (n - n // 20) + lost * (n // 20)
    assert set(past(*within)) <= {"WORSE"}
    beyond = held * (n - n // 20 - 1) + lost * (n // 20 + 1)
    assert {"ACCURACY", "CLASS", "FLIPS"} <= set(past(*beyond))


def test_time_and_calibration_exactly_at_their_limits_are_allowed(settings):
    settings.GATE_SLOWER, settings.GATE_CALIBRATION = 0.1, 0.1
    assert past(*GOOD, p50_ms=11.0) == []
    assert past(*GOOD, p50_ms=11.001) == ["SLOWER"]
    less_sure = [pair("cat", "cat", "cat", candidate_confidence=0.8)] * 60
    assert past(*less_sure) == []
    less_sure = [pair("cat", "cat", "cat", candidate_confidence=0.799)] * 60
    assert past(*less_sure) == ["CALIBRATION"]


def test_the_limits_are_settings(settings):
    settings.GATE_SLOWER, settings.GATE_REVIEWED = 0.1, 100
    assert past(*GOOD, p50_ms=11.5) == ["REVIEWED", "SLOWER"]


LEARNED = pair(None, "cat", "cat", learned=True)


@pytest.mark.parametrize(
    "limit",
    [*limits.checked(report(*GOOD)), limits.checked(report(LEARNED))[0]],
    ids=lambda limit: limit.name,
)
def test_every_limit_has_its_sentence(limit):
    told = limits.sentence(**limit.as_dict())
    assert told.endswith(".") and "{" not in told
