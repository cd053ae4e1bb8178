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
