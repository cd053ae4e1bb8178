"""A trial's figures as its page shows them: what was, what would be, and which is better."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from classifier.models import Trial
from classifier.models.trial import TrialKind
from classifier.promotion import figures, limits


@dataclass(frozen=True)
class Row:
    """One figure of both models; `better` is "better", "worse" or "" where they are alike."""

    name: str
    active: str
    candidate: str
    better: str


def report_of(trial: Trial) -> dict[str, Any] | None:
    """What the page shows; None before there is anything. A shadow's is made now."""
    report = trial.report
    if report is None and trial.kind == TrialKind.SHADOW:
        report = {**figures.report(figures.pairs_of(trial)), "speed": trial.speed, "past": []}
    if report is None:
        return None
    past = [limits.sentence(**limit) for limit in report["past"]]
    return {**report, "rows": _rows(report), "past": past, "classes": _classes(report)}


def _rows(report: dict[str, Any]) -> list[Row]:
    reviewed, calibration, none = report["reviewed"], report["calibration"], report["none"]
    speed = report["speed"] or {}
    right = _("right on the reviewed pictures")
    if learned := reviewed.get("learned"):  # reports of old have no such count
        right = _("right on them; {n} more do not count, since one of the two may know them")
        right = right.format(n=f"{learned:,}")
    return [
        _share(right, reviewed, more=True),
        _count(_("alone right on so many"), reviewed["only_active"], reviewed["only_candidate"]),
        _share(_("calibration error on them"), calibration, more=False),
        _share(_("notices what shows none of the classes"), none, more=True),
        *_speeds(speed),
    ]


def _share(name: str, of: dict[str, Any], more: bool) -> Row:
    active, candidate = of["active"], of["candidate"]
    if active is None or candidate is None:
        return Row(name, "–", "–", "")
    return Row(name, f"{active:.2%}", f"{candidate:.2%}", _better(active, candidate, more))


def _count(name: str, active: int, candidate: int) -> Row:
    return Row(name, f"{active:,}", f"{candidate:,}", _better(active, candidate, True))


def _speeds(speed: dict[str, Any]) -> list[Row]:
    active, candidate = speed.get("active"), speed.get("candidate")
    if not candidate:
        return []
    names = {
        "p50_ms": _("milliseconds for one picture, median"),
        "p95_ms": _("milliseconds for one picture, 95th percentile"),
        "per_second": _("pictures a second, 128 at a time"),
    }
    return [
        Row(
            title,
            f"{active[name]:,}" if active else "–",
            f"{candidate[name]:,}",
            _better(active[name], candidate[name], name == "per_second") if active else "",
        )
        for name, title in names.items()
    ]


def _better(active: float, candidate: float, more: bool) -> str:
    if active == candidate:
        return ""
    return "better" if (candidate > active) == more else "worse"


def _classes(report: dict[str, Any]) -> list[tuple[int, Row]]:
    """Reviewed pictures of each true class and how many of them each model gets right."""
    return [(row["n"], _share(row["label"], row, more=True)) for row in report["per_class"]]
