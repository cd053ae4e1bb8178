"""Where the charts put what they are given."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from django.utils import timezone

from classifier import charts, ids
from classifier.statistics import drawing
from classifier.statistics.period import Period
from classifier.statistics.traffic import Shift


def test_a_whisker_spans_its_interval_and_stays_in_the_box():
    (dot,) = charts.whiskers([(0.5, 0.75, 0.4, 1.0)], (0, 1), (0.5, 1), width=300)
    assert (dot.x, dot.y, dot.top, dot.bottom) == (150, 50, 0, 100)


def test_columns_are_as_high_as_their_values_and_never_touch():
    first, second, third = charts.columns([1, 4, 0], width=300)
    assert (first.height, second.height, third.height) == (25, 100, 0)
    assert first.y == 75 and first.x + first.width < second.x
    assert charts.columns([]) == [] and charts.columns([0.0])[0].height == 0


def test_bars_are_measured_by_the_longest():
    first, second = drawing.bars([Shift("cat", 0.2, 0.5), Shift("dog", 0.1, None)])
    assert (first.live, first.training) == (40, 100)
    assert (second.live, second.training) == (20, 0)
    assert drawing.bars([]) == []


@pytest.mark.parametrize(("days", "parts", "step"), [(7, 7, 1), (30, 30, 1), (90, 13, 7)])
def test_a_period_is_divided_into_days_or_weeks(days, parts, step):
    period = Period.last(days)
    starts = period.parts
    assert len(starts) == parts and starts[0] == period.since
    assert {b - a for a, b in pairwise(starts)} == {timedelta(days=step)}
    assert period.part(period.since) == 0 and period.part(period.until) == parts - 1


@override_settings(TIME_ZONE="Europe/Kyiv")
def test_its_days_are_those_of_the_site_s_time_zone():
    since = timezone.localtime(Period.last(7).since)
    assert (since.hour, since.minute) == (0, 0) and since.utcoffset() != timedelta()


@override_settings(TIME_ZONE="Europe/Kyiv")
@pytest.mark.parametrize(
    ("since", "until"),
    [((2026, 10, 7), (2026, 11, 5, 23, 30)), ((2026, 3, 10), (2026, 4, 8, 23, 30))],
)
def test_a_day_of_25_or_23_hours_moves_no_answer_to_another_day(since, until):
    """The clocks of Kyiv were put back on 25 October 2026, and forward on 29 March."""
    kyiv = ZoneInfo("Europe/Kyiv")
    period = Period(30, datetime(*since, tzinfo=kyiv), datetime(*until, tzinfo=kyiv))
    assert len(period.parts) == 30 and period.part(period.until.astimezone(UTC)) == 29
    for place, start in enumerate(period.parts):
        assert period.part(start.astimezone(UTC)) == place
        just_before = start.astimezone(UTC) - timedelta(seconds=1)
        assert period.part(just_before) == max(0, place - 1)


def test_identifiers_are_divided_by_the_moment_they_were_made_at():
    before = datetime.now(UTC) - timedelta(milliseconds=2)
    made = ids.uuid7()
    after = datetime.now(UTC) + timedelta(milliseconds=2)
    assert ids.first_at(before) < made < ids.first_at(after)
