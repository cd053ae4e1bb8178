"""Cohen's kappa, against worked examples and against scikit-learn."""

import random

import pytest
from sklearn.metrics import cohen_kappa_score

from classifier.statistics.agreement import agreement
from ml import metrics


def pairs(counts: dict[tuple[str, str], int]) -> list[tuple[str, str]]:
    return [labels for labels, n in counts.items() for _ in range(n)]


def test_it_is_what_the_textbook_says():
    """50 proposals, 20 and 15 of them agreed on: po 0.7, pe 0.5, kappa 0.4."""
    told = agreement(pairs({("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}))
    assert (told.n, told.observed, told.kappa) == (50, 0.7, pytest.approx(0.4))
    low, high = metrics.wilson_interval(35, 50)
    assert told.low == pytest.approx(2 * low - 1, abs=1e-3)
    assert told.high == pytest.approx(2 * high - 1, abs=1e-3)


def test_it_agrees_with_scikit_learn_on_many_labels():
    dice = random.Random(1)
    labels = [dice.choice("abcdefg") for _ in range(400)]
    others = [a if dice.random() < 0.7 else dice.choice("abcdefg") for a in labels]
    told = agreement(list(zip(labels, others, strict=True)))
    assert told.kappa == pytest.approx(cohen_kappa_score(labels, others))
    assert told.low < told.kappa < told.high


def test_full_agreement_is_one_and_systematic_disagreement_below_zero():
    always = agreement(pairs({("a", "a"): 5, ("b", "b"): 5}))
    assert always.kappa == 1 == always.high and 0.3 < always.low < 0.6
    never = agreement(pairs({("a", "b"): 5, ("b", "a"): 5}))
    assert never.kappa == -1 == never.low and never.high < -0.3


def test_the_interval_covers_what_many_pictures_would_tell():
    """Two who agree by a known kappa, 60 pictures at a time."""
    dice = random.Random(2)

    def said(n: int) -> list[tuple[str, str]]:
        labels = [dice.choice("abcdefghij") for _ in range(n)]
        return [(a, a if dice.random() < 0.8 else dice.choice("abcdefghij")) for a in labels]

    true = agreement(said(50_000)).kappa
    assert true == pytest.approx(0.8, abs=0.01)
    told = [agreement(said(60)) for _ in range(500)]
    assert 0.92 <= sum(t.low <= true <= t.high for t in told) / 500 <= 0.98


def test_two_who_only_ever_say_the_same_one_thing_have_no_kappa():
    told = agreement(pairs({("cat", "cat"): 9}))
    assert told.observed == 1 and told.kappa is None and told.low is None


def test_without_a_pair_there_is_none():
    assert agreement([]) is None
