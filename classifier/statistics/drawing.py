"""The charts of the statistics page, as points for its inline SVG."""

import math
from dataclasses import dataclass
from datetime import datetime

from classifier import charts
from classifier.charts import Column, Whisker
from classifier.statistics.accuracy import Accuracy, Bin
from classifier.statistics.estimate import Estimate
from classifier.statistics.traffic import Shift

WIDE = 300.0


@dataclass(frozen=True)
class OverTime:
    """Accuracy by part of the period; `rows` are the same as a table."""

    dots: list[Whisker]
    low: float  # at the foot of the chart; its top is 1
    rows: list[tuple[datetime, Estimate]]


@dataclass(frozen=True)
class Calibration:
    dots: list[Whisker]
    bins: list[Bin]


@dataclass(frozen=True)
class TakenIn:
    columns: list[Column]
    most: int
    total: int
    rows: list[tuple[datetime, int]]


@dataclass(frozen=True)
class Bars:
    """A class's two shares, and how long their bars are, of 100."""

    shift: Shift
    live: float
    training: float


def over_time(told: Accuracy) -> OverTime | None:
    parts = told.period.parts
    values = [(i, told.over_time[i]) for i in range(len(parts)) if i in told.over_time]
    if not values:
        return None
    low = math.floor(min(e.low for _i, e in values) * 10) / 10
    points = [(i + 0.5, e.value, e.low, e.high) for i, e in values]
    dots = charts.whiskers(points, (0, len(parts)), (low, 1), WIDE)
    return OverTime(dots, low, [(parts[i], e) for i, e in values])


def calibration(told: Accuracy) -> Calibration | None:
    bins = told.calibration
    if not bins:
        return None
    points = [(b.confidence, b.accuracy.value, b.accuracy.low, b.accuracy.high) for b in bins]
    return Calibration(charts.whiskers(points, (0, 1), (0, 1)), bins)


def taken_in(rows: list[tuple[datetime, int]]) -> TakenIn:
    counts = [n for _start, n in rows]
    return TakenIn(charts.columns([float(n) for n in counts], WIDE), max(counts), sum(counts), rows)


def bars(shifts: list[Shift]) -> list[Bars]:
    """The greatest share of all is 100 long."""
    most = max((share for s in shifts for share in (s.live, s.training or 0.0)), default=0.0)
    scale = 100 / most if most else 0.0
    return [
        Bars(s, round(s.live * scale, 1), round((s.training or 0.0) * scale, 1)) for s in shifts
    ]
