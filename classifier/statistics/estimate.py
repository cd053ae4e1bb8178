"""Shares of all answers, estimated from those that were drawn for the audit.

Each was drawn with a known probability, so one stands for 1 / probability answers: shares are
Hájek's ratio of such weights. Of what was drawn only a part may have been looked at, and rather the
unsure ones where people began with those; so within each band of confidence the reviewed ones also
stand for those that nobody has looked at. The variance is that of sampling in two phases,
linearised (Särndal, Swensson and Wretman 1992, 9.3), and the interval Wilson's for as many equal
draws as would vary as much. It speaks of traffic such as this: no finite-population correction.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from classifier.statistics.intervals import wilson

MOST_BANDS = 10
REVIEWED_A_BAND = 15  # on average; with fewer there are fewer bands
NONE = ""  # the truth about a picture that shows none of the classes
Key = TypeVar("Key", bound=Hashable)
_confidence = attrgetter("confidence")


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer that the audit has drawn, and what a reviewer said of it."""

    probability: float  # with which it was drawn
    confidence: float
    answer: str
    truth: str | None  # None: nobody has said; NONE: none of the classes
    task: int | None = None
    model: int | None = None
    asked_at: datetime | None = None

    @property
    def right(self) -> bool:
        return self.truth == self.answer


@dataclass(frozen=True)
class Estimate:
    value: float
    low: float  # of the 95 % interval
    high: float
    n: int  # reviewed answers that it rests on
    effective: float  # as many drawn with equal chances would say as much


@dataclass
class _Sums:
    """Of the reviewed answers of one group in one band."""

    n: int = 0
    weight: float = 0.0
    hits: float = 0.0
    squares: float = 0.0
    squared_hits: float = 0.0

    def add(self, weight: float, hit: bool) -> None:
        self.n += 1
        self.weight += weight
        self.squares += weight * weight
        if hit:
            self.hits += weight
            self.squared_hits += weight * weight


class Audit:
    """A sample with its weights. `uneven` is true where of some band of confidence nothing was
    reviewed: then the rest cannot speak for it, and there are no estimates."""

    def __init__(self, drawn: Sequence[Drawn]) -> None:
        self.drawn = drawn
        self.reviewed = sum(row.truth is not None for row in drawn)
        self.bands = _bands(drawn, self.reviewed)
        self.uneven = bool(drawn) and any(
            all(row.truth is None for row in band) for band in self.bands
        )
        self.weighted = [] if self.uneven else self._weighted()
        self._squares = self._squares_of_bands()

    def shares(
        self, by: Callable[[Drawn], Key | None], hit: Callable[[Drawn], bool]
    ) -> dict[Key, Estimate]:
        """For each group that `by` names, the share of it that is a `hit`; None is no group."""
        groups: dict[Key, list[_Sums]] = defaultdict(lambda: [_Sums() for _ in self.bands])
        for row, weight, band in self.weighted:
            if (key := by(row)) is not None:
                groups[key][band].add(weight, hit(row))
        return {key: self._estimate(sums) for key, sums in groups.items()}

    def share(self, hit: Callable[[Drawn], bool]) -> Estimate | None:
        """The share of all answers; None where it cannot be told."""
        return self.shares(lambda row: True, hit).get(True)

    def accuracy(self) -> Estimate | None:
        return self.share(lambda row: row.right)

    def total(self, chosen: Callable[[Drawn], Any]) -> float:
        """How many of all answers are estimated to be so."""
        return sum(weight for row, weight, _band in self.weighted if chosen(row))

    def _weighted(self) -> list[tuple[Drawn, float, int]]:
        """The reviewed ones, each with how many answers it stands for, and its band."""
        rows = []
        for place, band in enumerate(self.bands):
            reviewed = [row for row in band if row.truth is not None]
            if reviewed:
                silent = _weight(band) / _weight(reviewed)
                rows += [(row, silent / row.probability, place) for row in reviewed]
        return rows

    def _squares_of_bands(self) -> list[tuple[float, float, float]]:
        """By band: the weight of all of it, and the squared weights of the reviewed and of all."""
        reviewed = [0.0] * len(self.bands)
        for _row, weight, band in self.weighted:
            reviewed[band] += weight * weight
        drawn = [sum(row.probability**-2 for row in band) for band in self.bands]
        return list(zip(map(_weight, self.bands), reviewed, drawn, strict=True))

    def _estimate(self, sums: list[_Sums]) -> Estimate:
        weight = sum(s.weight for s in sums)
        share = min(1.0, sum(s.hits for s in sums) / weight)
        variance = self._variance(sums, share) / weight**2
        spread = share * (1 - share)
        # Without a miss (or a hit) nothing varies, and only the weights tell.
        kish = weight**2 / sum(s.squares for s in sums)
        effective = spread / variance if variance > 1e-12 and spread > 1e-12 else kish
        low, high = wilson(share, effective)
        return Estimate(share, low, high, sum(s.n for s in sums), effective)

    def _variance(self, sums: list[_Sums], share: float) -> float:
        """Of the group's total of (hit - share): of the reviewed around the mean of their band,
        then of the bands' means, as each drawn answer carries one."""
        variance = 0.0
        for s, (whole, reviewed, drawn) in zip(sums, self._squares, strict=True):
            mean = (s.hits - share * s.weight) / whole
            squares = s.squared_hits * (1 - 2 * share) + share**2 * s.squares
            crossed = mean * (s.squared_hits - share * s.squares)
            variance += squares - 2 * crossed + mean**2 * (reviewed + drawn)
        return variance


def _bands(drawn: Sequence[Drawn], reviewed: int) -> list[list[Drawn]]:
    """By confidence, in bands of about equal numbers; those equally sure are in one band."""
    n = max(1, min(MOST_BANDS, reviewed // REVIEWED_A_BAND))
    bands: list[list[Drawn]] = [[]]
    size = len(drawn) / n
    ranked = sorted(drawn, key=_confidence)
    for _confident, tied in groupby(ranked, key=_confidence):
        if len(bands[-1]) >= size:
            bands.append([])
        bands[-1] += tied
    if len(bands) > 1 and len(bands[-1]) < size / 2:
        bands[-2] += bands.pop()
    return bands


def _weight(rows: Sequence[Drawn]) -> float:
    return sum(1 / row.probability for row in rows)
