"""What a trial found: who is right where a person has said what is right, and what would change."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from classifier.models import Review, Trial, Verdict
from classifier.models.trial import TrialKind
from classifier.promotion import aside
from classifier.promotion.aside import Taught

BINS = 15  # of calibration, as ml.metrics has
LEAST_OF_A_CLASS = 20  # reviewed pictures of a class, below which it says nothing
SAID = tuple(
    f"{whose}{what}" for whose in ("", "active_") for what in ("label", "confidence", "off_topic")
)
MOST = 20_000  # answers that a shadow's figures are of, the newest


@dataclass(frozen=True)
class Pair:
    """What both models said of one picture; `truth` is "" where it shows none of the classes, and
    None where nobody has said what can be held against both."""

    active: str
    candidate: str
    active_confidence: float
    candidate_confidence: float
    active_off_topic: bool
    candidate_off_topic: bool
    recent: bool
    truth: str | None
    learned: bool = False  # somebody has said, and one of the two was trained on it


def pairs_of(trial: Trial) -> list[Pair]:
    """A picture once, however many answers about it there are. Of a gate all of them, or those
    that were chosen first would drop out, and with them a limit; of a shadow, which has no end,
    the newest."""
    rows = trial.answers.answered().filter(prediction__image__isnull=False).order_by("-pk")
    rows = rows.values(*SAID, "pk", "recent", "prediction__image_id")
    if trial.kind == TrialKind.SHADOW:
        rows = rows[:MOST]
    # Of several answers about a picture the newest, and one of the sample rather than another.
    last = sorted(rows, key=lambda row: (row["recent"], row["pk"]))
    by_image = {row["prediction__image_id"]: row for row in last}
    said = _said(by_image)
    truths = _not_learned(said, aside.taught((trial.digest, trial.active_digest)))
    return [
        _pair(row, truths.get(image), image in said and image not in truths)
        for image, row in by_image.items()
    ]


class Said(NamedTuple):
    """What people have said of a picture, "" where it is none of the classes."""

    label: str
    sha256: str
    sent: datetime


def _said(images: Iterable[UUID]) -> dict[UUID, Said]:
    """By image; those that were reviewed are far fewer than those that were not."""
    wanted = set(images)
    rows = Review.objects.current().values_list(
        "image", "image__sha256", "image__created_at", "verdict", "label"
    )
    return {
        image: Said("" if verdict == Verdict.NONE else label, sha256, sent)
        for image, sha256, sent, verdict, label in rows.iterator()
        if image in wanted
    }


def _not_learned(said: dict[UUID, Said], models: list[Taught]) -> dict[UUID, str]:
    """Pictures of none of the classes teach nothing, so all of those count."""
    return {
        image: of.label
        for image, of in said.items()
        if not of.label or not any(m.may_have_learned(of.sha256, of.sent) for m in models)
    }


def _pair(row: dict[str, Any], truth: str | None, learned: bool) -> Pair:
    return Pair(
        active=row["active_label"],
        candidate=row["label"],
        active_confidence=row["active_confidence"] or 0.0,
        candidate_confidence=row["confidence"] or 0.0,
        active_off_topic=bool(row["active_off_topic"]),
        candidate_off_topic=bool(row["off_topic"]),
        recent=row["recent"],
        truth=truth,
        learned=learned,
    )


def report(pairs: list[Pair], unreadable: int = 0) -> dict[str, Any]:
    """All figures, as JSON keeps them: shares from 0 to 1, None where there is nothing to say."""
    labeled = [pair for pair in pairs if pair.truth]
    recent = [pair for pair in pairs if pair.recent]
    return {
        "pictures": len(pairs),
        "unreadable": unreadable,
        "reviewed": {**_reviewed(labeled), "learned": sum(pair.learned for pair in pairs)},
        "per_class": _per_class(labeled),
        "calibration": {
            "active": _error([(p.active_confidence, p.active == p.truth) for p in labeled]),
            "candidate": _error(
                [(p.candidate_confidence, p.candidate == p.truth) for p in labeled]
            ),
        },
        "none": _none([pair for pair in pairs if pair.truth == ""]),
        "flips": _flips(recent),
    }


def _reviewed(labeled: list[Pair]) -> dict[str, Any]:
    outcomes = Counter((p.active == p.truth, p.candidate == p.truth) for p in labeled)
    only_active, only_candidate = outcomes[True, False], outcomes[False, True]
    both = outcomes[True, True]
    return {
        "n": len(labeled),
        "active": _share(both + only_active, len(labeled)),
        "candidate": _share(both + only_candidate, len(labeled)),
        "only_active": only_active,
        "only_candidate": only_candidate,
        "p": mcnemar(only_active, only_candidate),
    }


def mcnemar(b: int, c: int) -> float:
    """The two-sided p-value of McNemar's exact test (Psychometrika 12, 1947): of b + c pictures on
    which one model alone is right, how probable a division at least as uneven is if both are as
    good. 1 where there are none."""
    n, k = b + c, min(b, c)
    if n == 0:
        return 1.0
    # In logarithms, since 2 ** n leaves a float's range at n = 1,024.
    tail = math.fsum(math.exp(_log_choose(n, i) - n * math.log(2)) for i in range(k + 1))
    return min(1.0, 2 * tail)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _per_class(labeled: list[Pair]) -> list[dict[str, Any]]:
    """By true class, the one that loses most first."""
    total = Counter(pair.truth or "" for pair in labeled)
    active = Counter(pair.active for pair in labeled if pair.active == pair.truth)
    candidate = Counter(pair.candidate for pair in labeled if pair.candidate == pair.truth)
    rows = [
        {
            "label": label,
            "n": n,
            "active": active[label] / n,
            "candidate": candidate[label] / n,
            "counts": n >= LEAST_OF_A_CLASS,
        }
        for label, n in total.items()
    ]
    return sorted(rows, key=lambda row: (not row["counts"], row["candidate"] - row["active"]))


def _error(answers: list[tuple[float, bool]]) -> float | None:
    """The expected calibration error over bins of equal width (arXiv:1706.04599)."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in answers:
        bins.setdefault(min(int(confidence * BINS), BINS - 1), []).append((confidence, right))
    if not answers:
        return None
    apart = [abs(sum(c for c, _ in rows) - sum(r for _, r in rows)) for rows in bins.values()]
    return sum(apart) / len(answers)


def _none(pairs: list[Pair]) -> dict[str, Any]:
    """Of pictures that show none of the classes, how many each model notices."""
    return {
        "n": len(pairs),
        "active": _share(sum(pair.active_off_topic for pair in pairs), len(pairs)),
        "candidate": _share(sum(pair.candidate_off_topic for pair in pairs), len(pairs)),
    }


def _flips(recent: list[Pair]) -> dict[str, Any]:
    """What users would see change."""
    changed = Counter((p.active, p.candidate) for p in recent if p.active != p.candidate)
    n = sum(changed.values())
    by_class = [{"from": a, "to": b, "n": count} for (a, b), count in changed.most_common()]
    return {"n": n, "of": len(recent), "share": _share(n, len(recent)), "by_class": by_class}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
