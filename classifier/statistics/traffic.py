"""What came in and how it fared, without looking at more than the newest 10,000 rows, or at more
than an index holds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Count, Min
from django.utils import timezone

from classifier import model_card
from classifier.models import ModelVersion, Prediction, Status
from classifier.models.prediction_queue import INTERACTIVE
from classifier.models.status import FINAL
from classifier.statistics.period import Period

NEWEST = 10_000
RATE_WINDOW = timedelta(minutes=10)
Row = tuple[str, str, str, datetime, datetime | None]


@dataclass(frozen=True)
class Waiting:
    interactive: bool
    n: int
    since: datetime  # when the oldest of them was queued


@dataclass(frozen=True)
class Shift:
    """A class's share of the newest answers, and of the pictures the model was trained on."""

    label: str
    live: float
    training: float | None


class Traffic:
    """The newest 10,000 finished predictions (of one model, where one is given)."""

    def __init__(self, model: ModelVersion | None = None) -> None:
        self.model = model
        newest = Prediction.objects.filter(status__in=FINAL).order_by("-created_at", "-pk")
        rows = newest.values_list("status", "label", "error_code", "created_at", "finished_at")
        if model:
            rows = rows.filter(model=model)
        self.rows = list(rows[:NEWEST])
        self.since: datetime | None = self.rows[-1][3] if self.rows else None

    @property
    def n(self) -> int:
        return len(self.rows)

    @cached_property
    def failures(self) -> list[tuple[str, int]]:
        """How many failed with which code, the most frequent first."""
        return Counter(row[2] for row in self.rows if row[0] == Status.FAILED).most_common()

    @cached_property
    def answered(self) -> Counter[str]:
        """Answers by label."""
        return Counter(label for status, label, *_rest in self._answers())

    @cached_property
    def per_minute(self) -> float:
        """Answers a minute over the last ten minutes."""
        since = timezone.now() - RATE_WINDOW
        done = sum(row[4] is not None and row[4] >= since for row in self._answers())
        return done / (RATE_WINDOW / timedelta(minutes=1))

    @cached_property
    def seconds(self) -> tuple[float, float] | None:
        """From asked to answered: the middle one, and that which 95 of 100 stay below."""
        took = sorted((row[4] - row[3]).total_seconds() for row in self._answers() if row[4])
        return (took[len(took) // 2], took[len(took) * 95 // 100]) if took else None

    def _answers(self) -> Iterator[Row]:
        """Without those that were erased since."""
        return (row for row in self.rows if row[0] == Status.SUCCEEDED and row[1])

    @cached_property
    def shifts(self) -> list[Shift]:
        """By class. Training shares are known where the model's card has them."""
        shares, total = self.training_shares, sum(self.answered.values())
        names = [*shares, *sorted(set(self.answered) - set(shares))]
        return [
            Shift(name, self.answered[name] / total, shares.get(name) if shares else None)
            for name in names
            if total
        ]

    @cached_property
    def distance(self) -> float | None:
        """The total variation distance: which part of the answers would have to name another class
        for the two distributions to be the same. None where one is unknown."""
        if not (self.training_shares and self.shifts):
            return None
        return sum(abs(s.live - (s.training or 0.0)) for s in self.shifts) / 2

    @cached_property
    def training_shares(self) -> dict[str, float]:
        """Of the given model, or of the one that serves; {} where that is not known."""
        card = model_card.of(self.model.digest) if self.model else model_card.model_card()
        shares: dict[str, float] = (
            card.measured.get("data", {}).get("training_shares", {}) if card else {}
        )
        return shares


def waiting() -> list[Waiting]:
    """What waits, by priority; by the index of what waits alone."""
    rows = Prediction.objects.waiting().order_by("priority").values_list("priority")
    return [
        Waiting(priority == INTERACTIVE, n, since)
        for priority, n, since in rows.annotate(n=Count("pk"), since=Min("queued_at"))
    ]


def taken_in(period: Period) -> list[tuple[datetime, int]]:
    """Pictures taken in, by part of the period; counts over the index by time."""
    starts = period.parts
    ends = [*starts[1:], period.until]
    return [(a, _count(a, b)) for a, b in zip(starts, ends, strict=True)]


def _count(start: datetime, end: datetime) -> int:
    return Prediction.objects.filter(created_at__gte=start, created_at__lt=end).count()
