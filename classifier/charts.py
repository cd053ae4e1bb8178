"""Points of the charts that templates draw as inline SVG, in a box of 100 by 100, y downwards."""

from dataclasses import dataclass
from typing import Any

SIDE = 100
Range = tuple[float, float]


@dataclass(frozen=True)
class Line:
    points: str  # for <polyline points>
    dots: list[tuple[float, float]]


def line(values: list[tuple[float, float]], x: Range, y: Range) -> Line | None:
    """(x, y) values in their ranges as a line through the box; None where there are none."""
    dots = [(_place(a, x), round(SIDE - _place(b, y), 2)) for a, b in values]
    return Line(" ".join(f"{a},{b}" for a, b in dots), dots) if dots else None


@dataclass(frozen=True)
class Whisker:
    """A value with its interval."""

    x: float
    y: float
    top: float
    bottom: float


def whiskers(
    values: list[tuple[float, float, float, float]], x: Range, y: Range, width: float = SIDE
) -> list[Whisker]:
    """(x, value, low, high) in their ranges, in a box of that width."""

    def up(value: float) -> float:
        return round(SIDE - _place(min(max(value, y[0]), y[1]), y), 2)

    def across(value: float) -> float:
        return round(_place(value, x) * width / SIDE, 2)

    return [Whisker(across(a), up(b), up(high), up(low)) for a, b, low, high in values]


@dataclass(frozen=True)
class Column:
    x: float
    y: float
    width: float
    height: float


def columns(values: list[float], width: float = SIDE, gap: float = 0.25) -> list[Column]:
    """One column a value, from the bottom up, the highest as high as the box; `gap` of each place
    stays free."""
    most, place = max(values, default=0), width / max(len(values), 1)
    heights = [round(SIDE * value / most, 2) if most else 0.0 for value in values]
    wide = round(place * (1 - gap), 2)
    return [
        Column(round(place * (i + gap / 2), 2), round(SIDE - height, 2), wide, height)
        for i, height in enumerate(heights)
    ]


def pair(title: str, rows: list[dict[str, float]], first: str, second: str) -> dict[str, Any]:
    """Two columns of a table, by row, as two lines of one chart with the range of its values."""
    values = [row[name] for row in rows for name in (first, second)]
    low, high = min(values), max(values)
    across, up = (0, max(len(rows) - 1, 1)), (low, high if high > low else low + 1)
    lines = [
        line([(i, row[name]) for i, row in enumerate(rows)], across, up) for name in (first, second)
    ]
    return {"title": title, "lines": lines, "low": low, "high": high, "rows": len(rows)}


def _place(value: float, range_: Range) -> float:
    low, high = range_
    return round(SIDE * (value - low) / (high - low), 2)
