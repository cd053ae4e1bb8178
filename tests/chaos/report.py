"""The two tables that a run ends with."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.chaos.database import DATABASE_ERRORS
from tests.chaos.invariants import KILLERS, Facts
from tests.chaos.rig import Rig

OVERLAPPING = "C25 any, while others lasted"
# Of what was sent after a moment, when the first answer came.
NEXT = """
SELECT min(finished_at) FROM classifier_prediction
WHERE created_at > '{moment}' AND finished_at > '{moment}' AND status = 'succeeded'
"""


@dataclass
class Injected:
    """One fault, as it happened; times are of the wall clock, UTC."""

    name: str
    scenario: str
    began: datetime
    alone: bool  # or while others lasted
    recovered_in: float | None = None  # seconds until something sent afterwards was answered


@dataclass
class Report:
    facts: Facts
    faults: list[Injected]
    breaches: list[str]
    removed: int
    lines: list[str] = field(default_factory=list)

    def text(self) -> str:
        tables = [*self._accounts(), "", *self._recoveries(), "", *self._verdict()]
        return "\n".join(tables)

    def _accounts(self) -> list[str]:
        rows = [row for _number, row in self.facts.acknowledged()]
        states = Counter(row["status"] for row in rows)
        codes = Counter(row["code"] for row in rows if row["status"] == "failed")
        kinds = Counter(one.name for one in self.faults)
        told = [(f"failed, {code}", count) for code, count in codes.most_common()]
        failed = [n for n, row in self.facts.acknowledged() if row["status"] == "failed"]
        seconds = sorted(s for c in self.facts.clients for s in c.answers.seconds)
        return [
            "what was accepted                                    pictures",
            *_table(
                [
                    ("accepted", len(self.facts.sent)),
                    ("finished with an answer", states["succeeded"]),
                    *told,
                    ("  of which are made to end their worker", sum(n in KILLERS for n in failed)),
                    ("lost", len(self.facts.missing) + sum(map(_open, rows))),
                    ("computed more than once, perhaps", sum(r["attempt"] > 1 for r in rows)),
                    ("answered twice", sum(n > 1 for n in self.facts.answers.values())),
                    ("files without a row, tidied away", self.removed),
                    ("requests answered", len(seconds)),
                    ("slowest of them, seconds", f"{seconds[-1]:.1f}" if seconds else "-"),
                    ("95 % of them within, seconds", f"{quantile(seconds, 0.95):.2f}"),
                    ("faults", len(self.faults)),
                    *[(f"  {name}", count) for name, count in sorted(kinds.items())],
                ]
            ),
        ]

    def _recoveries(self) -> list[str]:
        by_kind: dict[str, list[float]] = {}
        for one in self.faults:
            kind = f"{one.scenario} {one.name}" if one.alone else OVERLAPPING
            if one.recovered_in is not None:
                by_kind.setdefault(kind, []).append(one.recovered_in)
        head = "seconds until what is sent then is answered     times    p50    p95  worst"
        return [head, *(_recovery(*item) for item in sorted(by_kind.items(), key=_by_number))]

    def _verdict(self) -> list[str]:
        if not self.breaches:
            return ["Nothing was lost, nothing was answered twice: all invariants hold."]
        return [f"{len(self.breaches)} breaches:", *self.breaches[:50]]


def recovered(rig: Rig, one: Injected) -> bool:
    """Whether anything sent after the fault was answered; notes how long that took."""
    moment = one.began.strftime("%Y-%m-%d %H:%M:%S.%f")
    moment += "+00" if rig.database.name == "postgresql" else ""
    try:
        ((found,),) = rig.rows(NEXT.format(moment=moment))
    except DATABASE_ERRORS:
        return False
    if found:
        one.recovered_in = (_utc(found) - one.began).total_seconds()
    return bool(found)


def quantile(values: list[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _table(rows: list[tuple[str, Any]]) -> list[str]:
    return [f"  {name:<48} {value:>10}" for name, value in rows]


def _recovery(name: str, seconds: list[float]) -> str:
    p50, p95 = quantile(seconds, 0.5), quantile(seconds, 0.95)
    return f"  {name:<44} {len(seconds):>5} {p50:>6.1f} {p95:>6.1f} {max(seconds):>6.1f}"


def _by_number(item: tuple[str, list[float]]) -> tuple[int, str]:
    scenario, _space, name = item[0].partition(" ")
    return (int(scenario[1:]) + (100 if scenario[0] != "C" else 0), name)


def _open(row: dict[str, Any]) -> bool:
    return row["status"] in ("queued", "running")


def _utc(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
