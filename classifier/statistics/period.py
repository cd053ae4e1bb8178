"""The stretch of time that statistics are of, and its parts."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Self

from django.utils import timezone

DAYS = (7, 30, 90)
DEFAULT = 30
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Period:
    days: int
    since: datetime
    until: datetime

    @classmethod
    def last(cls, days: int = DEFAULT) -> Self:
        """So many whole days of the site's time zone, today the last of them."""
        now = timezone.now()
        midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(days, midnight - timedelta(days=days - 1), now)

    @property
    def step(self) -> timedelta:
        """The length of a part: a day, or a week where there would be too many."""
        return WEEK if self.days > 31 else timedelta(days=1)

    @cached_property
    def parts(self) -> list[datetime]:
        """Where the parts begin, oldest first."""
        starts = [self.since]
        while (following := starts[-1] + self.step) < self.until:
            starts.append(following)
        return starts

    def part(self, moment: datetime) -> int:
        """In which part a moment lies."""
        # By the clock on the wall, as the parts are: some days have 23 hours, and some 25.
        return max(0, bisect_right(self.parts, moment) - 1)
