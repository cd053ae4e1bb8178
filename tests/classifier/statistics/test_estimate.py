"""The estimate is right about made-up traffic, as often as it says, and says so where it cannot."""

import random

import pytest

from classifier.statistics import intervals
from classifier.statistics.estimate import NONE, Audit, Drawn
from ml import metrics
from tests import populations

RUNS = 1000
FEWER = 300  # where an audit is larger


@pytest.fixture(scope="module")
def traffic() -> list[Drawn]:
    return populations.as_measured()


def accuracy_of(rows: list[Drawn]) -> float:
    return sum(row.right for row in rows) / len(rows)


def coverage(draw, true: float, runs: int = RUNS, seed: int = 7) -> float:
    """In how many of the simulated audits the interval covers the truth."""
    dice = random.Random(seed)
    found = [Audit(draw(dice)).accuracy() for _ in range(runs)]
    return sum(e is not None and e.low <= true <= e.high for e in found) / runs


def test_the_made_up_traffic_is_as_good_as_the_model_was_measured_to_be(traffic):
    assert len(traffic) == 10_000
    assert accuracy_of(traffic) == pytest.approx(populations.ACCURACY, abs=1e-4)
    sure = sum(row.confidence for row in traffic) / len(traffic)
    assert sure - accuracy_of(traffic) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_the_interval_covers_the_true_accuracy_in_93_to_97_of_100_audits(traffic, share):
    true = accuracy_of(traffic)
    assert 0.93 <= coverage(lambda d: populations.draw(traffic, share, d), true) <= 0.97


def test_the_naive_rate_over_the_least_sure_answers_is_far_off(traffic):
    first = sorted(traffic, key=lambda row: row.confidence)[:500]
    naive, true = accuracy_of(first), accuracy_of(traffic)
    low, high = intervals.wilson(naive, len(first))
    assert naive < true - 0.3 and not low <= true <= high
    dice = random.Random(1)
    audited = Audit(populations.draw(traffic, 0.05, dice)).accuracy()
    assert abs(audited.value - true) < 0.06


def test_it_covers_where_the_share_was_raised_as_the_model_got_better(traffic):
    """The weights then go with being right, which Kish's effective number alone does not see."""
    dice = random.Random(3)
    before, since = [], []
    for each in traffic:
        (before if dice.random() < (0.45 if each.right else 0.8) else since).append(each)

    def draw(dice):
        return populations.draw(before, 0.02, dice) + populations.draw(since, 0.1, dice)

    assert 0.93 <= coverage(draw, accuracy_of(traffic), FEWER) <= 0.97
    plain = [accuracy_of(draw(dice)) for _ in range(50)]
    assert sum(plain) / 50 > accuracy_of(traffic) + 0.02  # what weights are for


def test_it_covers_while_only_half_of_the_audit_has_been_looked_at(traffic):
    def draw(dice):
        rows = populations.draw(traffic, 0.06, dice)
        return [row if dice.random() < 0.5 else populations.unseen(row) for row in rows]

    assert 0.93 <= coverage(draw, accuracy_of(traffic), FEWER) <= 0.97


def test_those_looked_at_for_being_unsure_do_not_bias_the_rest(traffic):
    cut = sorted(row.confidence for row in traffic)[len(traffic) * 15 // 100]

    def draw(dice):
        rows = populations.draw(traffic, 0.05, dice)
        seen = (row.confidence < cut or dice.random() < 0.3 for row in rows)
        return [r if s else populations.unseen(r) for r, s in zip(rows, seen, strict=True)]

    dice, true = random.Random(5), accuracy_of(traffic)
    naive, found = [], []
    for _ in range(60):
        rows = draw(dice)
        naive.append(accuracy_of([row for row in rows if row.truth is not None]))
        found.append(Audit(rows).accuracy().value)
    assert sum(naive) / 60 < true - 0.08
    assert sum(found) / 60 == pytest.approx(true, abs=0.01)
    assert 0.91 <= coverage(draw, true, FEWER) <= 0.97


def test_it_says_nothing_where_only_the_unsure_ones_were_looked_at(traffic):
    rows = populations.draw(traffic, 0.1, random.Random(1))
    rows = [row if row.confidence < 0.6 else populations.unseen(row) for row in rows]
    audit = Audit(rows)
    assert audit.uneven and audit.accuracy() is None
    assert audit.shares(lambda row: row.answer, lambda row: row.right) == {}


@pytest.mark.parametrize("place", ["answer", "truth"])
def test_the_interval_of_each_class_covers_too(traffic, place):
    """Precision by the answer, recall by the truth; ten classes in each of 150 audits."""
    of_class = {}
    for row in traffic:
        of_class.setdefault(getattr(row, place), []).append(row)
    true = {name: accuracy_of(rows) for name, rows in of_class.items()}
    dice, covered, told = random.Random(11), 0, 0
    for _ in range(150):
        audit = Audit(populations.draw(traffic, 0.05, dice))
        for name, e in audit.shares(lambda r: getattr(r, place), lambda r: r.right).items():
            told += 1
            covered += e.low <= true[name] <= e.high
    assert told > 1490 and 0.93 <= covered / told <= 0.97


def row(right: bool = True, **fields) -> Drawn:
    given = {"probability": 0.5, "confidence": 0.9, "answer": "cat"}
    return Drawn(**{**given, "truth": "cat" if right else "dog", **fields})


def test_equal_chances_give_the_plain_share_with_its_wilson_interval():
    e = Audit([row(i % 4 > 0) for i in range(80)]).accuracy()
    low, high = metrics.wilson_interval(60, 80)
    assert (e.value, e.n, e.effective) == (0.75, 80, pytest.approx(80))
    assert (e.low, e.high) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))


def test_a_rarely_drawn_answer_stands_for_more():
    e = Audit([row(probability=0.1, right=False), *[row(probability=0.5)] * 5]).accuracy()
    assert e.value == pytest.approx(10 / 20) and e.effective < 6


def test_of_nothing_there_is_no_estimate():
    assert Audit([]).accuracy() is None and not Audit([]).uneven


def test_of_nothing_reviewed_there_is_no_estimate():
    audit = Audit([row(truth=None)] * 5)
    assert audit.accuracy() is None and audit.uneven and audit.reviewed == 0


def test_one_review_gives_a_very_wide_interval():
    e = Audit([row()]).accuracy()
    assert e.value == 1 and e.low < 0.25 and e.high == pytest.approx(1) and e.n == 1


@pytest.mark.parametrize(("right", "certain"), [(True, 1), (False, 1), (True, 40), (False, 40)])
def test_without_a_miss_or_a_hit_there_is_still_an_interval(right, certain):
    e = Audit([row(right)] * certain).accuracy()
    assert e.value == float(right) and 0 <= e.low < e.high <= 1


def test_a_picture_of_none_of_the_classes_counts_as_wrong():
    assert Audit([row(), row(truth=NONE)]).accuracy().value == 0.5


def test_totals_stand_for_all_answers():
    audit = Audit([row(probability=0.02)] * 40 + [row(probability=0.02, truth=None)] * 40)
    assert audit.total(lambda r: r.answer == "cat") == pytest.approx(80 / 0.02)
