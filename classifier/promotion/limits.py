"""The limits past which a candidate is not promoted unless somebody says why. They are settings."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from classifier.page_texts import percent_pattern

SIGNIFICANT = 0.05  # of McNemar's test
DIGITS = 9  # that count: in floats 1 - 0.95 is above 0.05


@dataclass(frozen=True)
class Limit:
    """One limit and what was measured; a value of None could not be measured."""

    name: str
    value: float | None
    limit: float
    exceeded: bool

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "value": self.value, "limit": self.limit}


def checked(report: dict[str, Any]) -> list[Limit]:
    """Every limit, held against what a trial found."""
    reviewed, speed = report["reviewed"], report.get("speed") or {}
    worse = reviewed["only_active"] > reviewed["only_candidate"]
    enough = "ASIDE" if reviewed["learned"] else "REVIEWED"
    return [
        _at_least(enough, reviewed["n"], settings.GATE_REVIEWED),
        Limit("WORSE", reviewed["p"], SIGNIFICANT, worse and reviewed["p"] < SIGNIFICANT),
        _at_most("ACCURACY", _drop(reviewed), settings.GATE_ACCURACY_DROP),
        _at_most("CLASS", _worst(report), settings.GATE_CLASS_DROP),
        _at_most("CALIBRATION", _apart(report["calibration"]), settings.GATE_CALIBRATION),
        _at_most("FLIPS", report["flips"]["share"], settings.GATE_FLIPS),
        _at_most("SLOWER", _slower(speed), settings.GATE_SLOWER),
    ]


def exceeded(report: dict[str, Any]) -> list[Limit]:
    return [limit for limit in checked(report) if limit.exceeded]


def sentence(name: str, value: float | None, limit: float) -> str:
    """What is wrong, in the reader's language."""
    shown = {"value": share(value or 0), "limit": share(limit)}
    counts = {"value": number(round(value or 0)), "limit": number(round(limit))}
    return {
        "REVIEWED": _("Only {value} reviewed pictures; {limit} are needed.").format(**counts),
        "ASIDE": _(
            "Only {value} reviewed pictures that neither model was trained on; {limit} are needed."
        ).format(**counts),
        "WORSE": _("It is worse on the reviewed pictures, and not by chance: p = {p}.").format(
            p=number_format(round(value or 0, 4), 4)
        ),
        "ACCURACY": _("It is right less often, by {value}; {limit} is allowed.").format(**shown),
        "CLASS": _("One class loses {value}; {limit} is allowed.").format(**shown),
        "CALIBRATION": _(
            "Its confidence is further from the truth, by {value}; {limit} is allowed."
        ).format(**shown),
        "FLIPS": _("{value} of the recent answers would change; {limit} is allowed.").format(
            **shown
        ),
        "SLOWER": _("It takes {value} longer; {limit} is allowed.").format(**shown),
    }[name]


def share(of_one: float) -> str:
    """0.1234 as the active language writes it: “12.34%”, «12,34 %»."""
    return percent_pattern().format(share=number_format(round(of_one * 100, 2), 2))


def number(n: float) -> str:
    """1234 as the active language writes it: “1,234”, «1 234»."""
    return number_format(n, force_grouping=True)


def _at_least(name: str, value: float, limit: float) -> Limit:
    return Limit(name, value, limit, value < limit)


def _at_most(name: str, value: float | None, limit: float) -> Limit:
    return Limit(name, value, limit, value is not None and round(value - limit, DIGITS) > 0)


def _drop(of: dict[str, Any]) -> float | None:
    """By how much the candidate is right less often."""
    return None if of["active"] is None else of["active"] - of["candidate"]


def _worst(report: dict[str, Any]) -> float | None:
    drops = [row["active"] - row["candidate"] for row in report["per_class"] if row["counts"]]
    return max(drops, default=None)


def _apart(calibration: dict[str, Any]) -> float | None:
    if calibration["active"] is None:
        return None
    return float(calibration["candidate"] - calibration["active"])


def _slower(speed: dict[str, Any]) -> float | None:
    """By which share a single picture takes longer at the median."""
    if not speed.get("active") or not speed.get("candidate"):
        return None
    return float(speed["candidate"]["p50_ms"] / speed["active"]["p50_ms"] - 1)
