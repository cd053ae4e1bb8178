"""Everything that the random audit says of a period: for the page and for the API alike."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from classifier.models import ModelVersion
from classifier.statistics import audit
from classifier.statistics.agreement import Agreement, agreement
from classifier.statistics.estimate import NONE, Audit, Drawn, Estimate
from classifier.statistics.period import Period

BINS = 10  # of confidence


@dataclass(frozen=True)
class Bin:
    """Answers that were about equally sure: how sure on average, and how often right."""

    confidence: float
    accuracy: Estimate
    share: float  # of all answers


def _right(row: Drawn) -> bool:
    return row.right


class Accuracy:
    """Of all models, or of one."""

    def __init__(self, period: Period, model: ModelVersion | None = None) -> None:
        self.period, self.model = period, model
        self.audit = Audit(audit.drawn(period.since, model.pk if model else None))

    @property
    def state(self) -> str:
        """Why there is no estimate: nothing_drawn, nothing_reviewed or uneven; else ok."""
        if not self.audit.drawn:
            return "nothing_drawn"
        if not self.audit.reviewed:
            return "nothing_reviewed"
        return "uneven" if self.audit.uneven else "ok"

    @property
    def cut(self) -> bool:
        """Whether older ones were left out for being too many."""
        return len(self.audit.drawn) == audit.MOST

    @property
    def answers(self) -> int:
        """How many answers what was drawn stands for."""
        return round(sum(1 / row.probability for row in self.audit.drawn))

    @cached_property
    def overall(self) -> Estimate | None:
        return self.audit.accuracy()

    @cached_property
    def of_the_classes(self) -> Estimate | None:
        """Accuracy on pictures that show one of the classes at all."""
        found = self.audit.shares(lambda row: row.truth != NONE, _right)
        return found.get(True)

    @cached_property
    def none_of_the_classes(self) -> Estimate | None:
        """The share of pictures that show none of them."""
        return self.audit.share(lambda row: row.truth == NONE)

    @cached_property
    def by_model(self) -> list[tuple[ModelVersion, Estimate]]:
        """By the version that gave the answer, newest first."""
        found = self.audit.shares(lambda row: row.model, _right)
        versions = ModelVersion.objects.filter(pk__in=found)
        return [(version, found[version.pk]) for version in versions]

    @cached_property
    def precision(self) -> dict[str, Estimate]:
        """By class: how many of the answers that name it are right."""
        return self.audit.shares(lambda row: row.answer, _right)

    @cached_property
    def recall(self) -> dict[str, Estimate]:
        """By class: how many of its pictures are named right."""
        return self.audit.shares(lambda row: row.truth or None, _right)

    @cached_property
    def over_time(self) -> dict[int, Estimate]:
        """By part of the period."""
        part = self.period.part
        return self.audit.shares(lambda row: part(row.asked_at) if row.asked_at else None, _right)

    @cached_property
    def labels(self) -> list[str]:
        """Every class that was answered or said; NONE last."""
        known = [c["id"] for c in self.model.classes] if self.model else []
        seen = {name for row in self.audit.drawn for name in (row.answer, row.truth)}
        seen -= {None, NONE}
        extra = [NONE] if any(row.truth == NONE for row in self.audit.drawn) else []
        return [*known, *sorted(name for name in seen if name not in known and name), *extra]

    @cached_property
    def confusion(self) -> Counter[tuple[str, str]]:
        """Reviewed answers by (truth, answer)."""
        said = (row for row in self.audit.drawn if row.truth is not None)
        return Counter((row.truth or NONE, row.answer) for row in said)

    @cached_property
    def calibration(self) -> list[Bin]:
        """Ten bins of confidence, without the empty ones, least sure first."""
        found = self.audit.shares(_bin, _right)
        weights, sure = [0.0] * BINS, [0.0] * BINS
        for row, weight, _band in self.audit.weighted:
            weights[_bin(row)] += weight
            sure[_bin(row)] += weight * row.confidence
        whole = sum(weights)
        return [
            Bin(sure[place] / weights[place], found[place], weights[place] / whole)
            for place in sorted(found)
        ]

    @property
    def calibration_error(self) -> float | None:
        """The mean gap between confidence and accuracy over the bins (arXiv:1706.04599)."""
        if not self.calibration:
            return None
        return sum(b.share * abs(b.confidence - b.accuracy.value) for b in self.calibration)

    @cached_property
    def agreements(self) -> list[tuple[str, str, Agreement]]:
        """Of every two reviewers, those with most pictures in common first."""
        found = [(*names, told) for names, said in self._pairs.items() if (told := agreement(said))]
        return sorted(found, key=lambda row: (-row[2].n, row[:2]))

    @cached_property
    def agreement(self) -> Agreement | None:
        """Of all of them together."""
        return agreement([pair for said in self._pairs.values() for pair in said])

    @cached_property
    def _pairs(self) -> dict[tuple[str, str], list[audit.Pair]]:
        return audit.pairs(self.period.since)


def _bin(row: Drawn) -> int:
    return min(int(row.confidence * BINS), BINS - 1)
