"""Recurrences against oracles: dateutil's rrule in UTC, and a walk over every minute around clock changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.recurrence import Frequency, MonthlyOccurrence, Recurrence, Schedule, Timetable, Weekday
from services.scheduler.domain.timetable import timetable
from tests.parts.instants import dues, utc

SECOND, MINUTE, HOUR, DAY, WEEK, MONTH = Frequency
RRULE: dict[Frequency, Any] = {
    MINUTE: rrule.MINUTELY,
    HOUR: rrule.HOURLY,
    DAY: rrule.DAILY,
    WEEK: rrule.WEEKLY,
    MONTH: rrule.MONTHLY,
}
SPAN = {MINUTE: 2, HOUR: 10, DAY: 60, WEEK: 200, MONTH: 1200}
"""Days in which occurrences are compared."""
MODEST = settings(max_examples=25, deadline=None)

STARTS = st.datetimes(datetime.fromisoformat("2001-01-01"), datetime.fromisoformat("2039-12-31")).map(
    lambda naive: naive.replace(microsecond=0, tzinfo=UTC)
)
HOURS = st.lists(st.integers(0, 23), min_size=1, max_size=4, unique=True).map(tuple)
MINUTES = st.lists(st.integers(0, 59), min_size=1, max_size=4, unique=True).map(tuple)
MONTH_DAYS = st.lists(st.integers(-31, 31).filter(bool), min_size=1, max_size=4, unique=True).map(tuple)
OCCURRENCES = st.lists(
    st.builds(MonthlyOccurrence, day=st.sampled_from(Weekday), occurrence=st.none() | st.integers(-5, 5).filter(bool)),
    min_size=1,
    max_size=3,
).map(tuple)
WEEK_DAYS = st.lists(st.sampled_from(Weekday), min_size=1, max_size=4, unique=True).map(tuple)


@st.composite
def recurrences(draw: st.DrawFn, frequency: Frequency) -> Recurrence:
    by_month = draw(st.sampled_from(["days", "occurrences", "both", "none"])) if frequency is MONTH else "none"
    schedule = Schedule(
        hours=draw(st.none() | HOURS),
        minutes=draw(st.none() | MINUTES),
        week_days=draw(st.none() | WEEK_DAYS) if frequency is WEEK else None,
        month_days=draw(MONTH_DAYS) if by_month in ("days", "both") else None,
        monthly_occurrences=draw(OCCURRENCES) if by_month in ("occurrences", "both") else None,
    )
    return Recurrence(frequency=frequency, interval=draw(st.integers(1, 18)), schedule=schedule)


def by_rrule(recurrence: Recurrence, start: datetime, until: datetime) -> list[datetime]:
    """Return the occurrences as dateutil's rrule sees them, of several rules together where days are a union."""
    frequency, schedule = recurrence.frequency, recurrence.schedule or Schedule()
    assert frequency is not None
    timed = schedule.hours is not None or schedule.minutes is not None
    every_hour = range(24) if timed and frequency in (DAY, WEEK, MONTH) else None
    options: dict[str, Any] = {
        "dtstart": start.replace(second=0) if frequency is MINUTE and timed else start,
        "until": until,
        "interval": recurrence.interval,
        "wkst": rrule.MO,
        "byhour": schedule.hours or every_hour,
        "byminute": schedule.minutes or (None if frequency is MINUTE or not timed else start.minute),
        "bysecond": 0 if timed else None,
    }
    try:
        rules = [rrule.rrule(RRULE[frequency], **options, **days) for days in _day_rules(schedule)]
        return sorted({due for rule in rules for due in rule if due >= start})
    except ValueError:  # how rrule says that a filter never meets the grid
        return []


def _day_rules(schedule: Schedule) -> list[dict[str, Any]]:
    """Return the day part of each rule; rrule would intersect what Leeward unites."""
    rules: list[dict[str, Any]] = [
        {"byweekday": rrule.weekday(wanted.day, wanted.occurrence)} for wanted in schedule.monthly_occurrences or ()
    ]
    if schedule.month_days:
        rules.append({"bymonthday": schedule.month_days})
    if schedule.week_days:
        rules.append({"byweekday": [rrule.weekday(day) for day in schedule.week_days]})
    return rules or [{}]


def between(table: Timetable, first: datetime, last: datetime) -> Iterator[datetime]:
    due = table.next_after(first - timedelta(milliseconds=1))
    while due is not None and due <= last:
        yield due
        due = table.next_after(due)


@pytest.mark.parametrize("frequency", list(RRULE))
@MODEST
@given(data=st.data(), start=STARTS)
def test_a_rule_in_utc_is_due_when_rrule_says(frequency: Frequency, data: st.DataObject, start: datetime) -> None:
    recurrence = data.draw(recurrences(frequency))
    until = start + timedelta(days=SPAN[frequency])
    ours = list(islice(between(timetable(recurrence, start, start), start, until), 400))
    theirs = by_rrule(recurrence, start, until)[:400]
    assert ours == theirs


@pytest.mark.parametrize("frequency", list(Frequency))
@MODEST
@given(data=st.data(), start=STARTS, zone=st.sampled_from([None, "Europe/Berlin", "Australia/Lord_Howe"]))
def test_the_next_due_instant_does_not_depend_on_where_one_asks_from(
    frequency: Frequency, data: st.DataObject, start: datetime, zone: str | None
) -> None:
    """So a step from years after the start gives what walking there would have given."""
    drawn = data.draw(recurrences(frequency))
    recurrence = Recurrence(frequency=frequency, interval=drawn.interval, schedule=drawn.schedule, time_zone=zone)
    walked = dues(recurrence, start, 12)
    table = timetable(recurrence, start, start)
    for earlier, later in pairwise(walked):
        assert earlier < later
        middle = earlier + (later - earlier) / 2
        assert table.next_after(middle) == later
        assert table.next_after(later - timedelta(milliseconds=1)) == later


CHANGES = {
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "Australia/Lord_Howe": ["2026-10-03T15:30", "2026-04-04T15:00"],
    "America/Havana": ["2026-03-08T05:00", "2026-11-01T05:00"],
    "Africa/Casablanca": ["2026-02-15T02:00", "2026-03-22T02:00"],
}


def every_minute(start: datetime, days: int) -> Iterator[datetime]:
    return (start + timedelta(minutes=minute) for minute in range(days * 1440))


@pytest.mark.parametrize("zone", list(CHANGES))
@MODEST
@given(data=st.data(), hours=st.none() | HOURS, minutes=MINUTES)
def test_a_daily_rule_around_a_clock_change_is_due_when_the_clock_first_shows_its_times(
    zone: str, data: st.DataObject, hours: tuple[int, ...] | None, minutes: tuple[int, ...]
) -> None:
    start = utc(data.draw(st.sampled_from(CHANGES[zone]))) - timedelta(hours=26)
    recurrence = Recurrence(frequency=DAY, time_zone=zone, schedule=Schedule(hours=hours, minutes=minutes))
    expected, previous = [], (start - timedelta(minutes=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    for instant in every_minute(start, 3):
        shown = instant.astimezone(ZoneInfo(zone))
        wall = shown.replace(tzinfo=None)
        skipped = (wall - timedelta(minutes=back) for back in range((wall - previous) // timedelta(minutes=1)))
        fresh = [] if shown.fold else [time for time in skipped if time > previous]
        if any(time.minute in minutes and (hours is None or time.hour in hours) for time in fresh):
            expected.append(instant)
        previous = max(previous, wall)
    assert list(between(timetable(recurrence, start, start), start, start + timedelta(days=3, minutes=-1))) == expected


@pytest.mark.parametrize("zone", list(CHANGES))
@MODEST
@given(data=st.data(), interval=st.integers(1, 90), hours=st.none() | HOURS, minutes=st.none() | MINUTES)
def test_a_filtered_minute_rule_around_a_clock_change_is_due_at_each_allowed_grid_minute(
    zone: str, data: st.DataObject, interval: int, hours: tuple[int, ...] | None, minutes: tuple[int, ...] | None
) -> None:
    start = utc(data.draw(st.sampled_from(CHANGES[zone]))) - timedelta(hours=26)
    recurrence = Recurrence(
        frequency=MINUTE, interval=interval, time_zone=zone, schedule=Schedule(hours=hours, minutes=minutes)
    )
    expected = []
    for instant in islice(every_minute(start, 3), 0, None, interval):
        wall = instant.astimezone(ZoneInfo(zone))
        if (hours is None or wall.hour in hours) and (minutes is None or wall.minute in minutes):
            expected.append(instant)
    assert list(between(timetable(recurrence, start, start), start, start + timedelta(days=3, minutes=-1))) == expected
