"""A trial's figures as its page shows them: what was, what would be, and which is better."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from classifier import installed_models
from classifier.models import ModelVersion, Trial
from classifier.models.trial import TrialKind
from classifier.promotion import figures, limits


@dataclass(frozen=True)
class Row:
    """One figure of both models; `better` is "better", "worse" or "" where they are alike."""

    name: str
    active: str
    candidate: str
    better: str


def report_of(trial: Trial, model: ModelVersion) -> dict[str, Any] | None:
    """What the page shows, classes as `model` names them; None before there is anything. A shadow's
    is made now."""
    report = trial.report
    if report is None and trial.kind == TrialKind.SHADOW:
        report = {**figures.report(figures.pairs_of(trial)), "speed": trial.speed, "past": []}
    if report is None:
        return None
    past = [limits.sentence(**limit) for limit in report["past"]]
    classes = _classes(report, model)
    return {**report, "rows": _rows(report), "past": past, "classes": classes}


def model_of(trial: Trial) -> ModelVersion:
    """Made up, for the names of all classes that the trial's models know."""
    digests = (trial.digest, trial.active_digest)
    known = [row.classes for row in ModelVersion.objects.filter(digest__in=digests)]
    installed = installed_models.with_digest(trial.digest)  # it may never have answered
    if installed and installed.manifest:
        known.append(installed.manifest.classes)
    return ModelVersion(classes=[names for classes in known for names in classes])


def _rows(report: dict[str, Any]) -> list[Row]:
    reviewed, calibration, none = report["reviewed"], report["calibration"], report["none"]
    speed = report["speed"] or {}
    right = _("right on the reviewed pictures")
    if learned := reviewed.get("learned"):  # reports of old have no such count
        right = _("right on them; {n} more do not count, since one of the two may know them")
        right = right.format(n=limits.number(learned))
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
    shares = limits.share(active), limits.share(candidate)
    return Row(name, *shares, _better(active, candidate, more))


def _count(name: str, active: int, candidate: int) -> Row:
    counts = limits.number(active), limits.number(candidate)
    return Row(name, *counts, _better(active, candidate, True))


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
            limits.number(active[name]) if active else "–",
            limits.number(candidate[name]),
            _better(active[name], candidate[name], name == "per_second") if active else "",
        )
        for name, title in names.items()
    ]


def _better(active: float, candidate: float, more: bool) -> str:
    if active == candidate:
        return ""
    return "better" if (candidate > active) == more else "worse"


def _classes(report: dict[str, Any], model: ModelVersion) -> list[tuple[int, Row]]:
    """Reviewed pictures of each true class and how many of them each model gets right."""
    name = model.label_name
    return [(row["n"], _share(name(row["label"]), row, more=True)) for row in report["per_class"]]
