"""A row is one figure, with the bound it is held against; a report is the table of them."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.service import ROOT
from ml.manifest import write_json

NETWORK = ("keras", "tensorflow", "tensorflow-cpu", "ai-edge-litert")
LIBRARIES = ("django", "celery", "kombu", "pillow", *NETWORK)


class WrongError(Exception):
    """The service did not do what it should: what is measured then means nothing."""


@dataclass(frozen=True)
class Row:
    name: str
    figure: float
    unit: str
    most: float | None = None  # the bound, where there is one
    least: float | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether it keeps its bound; None where it has none."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.figure <= self.most) and (
            self.least is None or self.figure >= self.least
        )

    @property
    def bound(self) -> str:
        if self.least is not None:
            return f"at least {_number(self.least)}"
        return "" if self.most is None else f"at most {_number(self.most)}"


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | measured | bound | kept |", "|---|---|---|---|"]
    for row in rows:
        kept = {None: "", True: "yes", False: "**no**"}[row.met]
        note = f" ({row.note})" if row.note else ""
        figure = f"{_number(row.figure)} {row.unit}".strip()
        lines.append(f"| {row.name} | {figure}{note} | {row.bound} | {kept} |")
    return "\n".join(lines)


def write(path: Path, rows: Iterable[Row], **more: Any) -> None:
    """All figures with the machine, the versions and the commit that they are of, and `more`."""
    content = {**about(), **more, "rows": [{**asdict(row), "met": row.met} for row in rows]}
    write_json(path, content)


def about() -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
            "system": platform.platform(terse=True),
        },
        "versions": {"python": platform.python_version(), **dict(_versions())},
    }


def say(line: str) -> None:
    """Progress, beside the table."""
    print(line, file=sys.stderr, flush=True)


def _versions() -> Iterable[tuple[str, str]]:
    for name in LIBRARIES:
        try:
            yield name, version(name)
        except ImportError:
            continue


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.split(":", 1)[1].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout.strip()


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
