"""The vectors of the reference (azure-scheduler §2.3-2.4) and the fine print of the design (§5)."""

from datetime import datetime, timedelta

import pytest

from services.scheduler.domain.recurrence import Frequency, MonthlyOccurrence, Recurrence, Schedule, Weekday
from services.scheduler.domain.timetable import first_due, timetable, upcoming
from tests.parts.instants import dues, shown, utc

START = utc("2026-01-01T09:30")
NOON = utc("2026-03-10T12:00")
MON, TUE, WED, THU, FRI, _SAT, SUN = Weekday
SECOND, MINUTE, HOUR, DAY, WEEK, MONTH = Frequency


def nth(day: Weekday, occurrence: int | None = None) -> MonthlyOccurrence:
    return MonthlyOccurrence(day=day, occurrence=occurrence)


def rule(frequency: Frequency, interval: int = 1, **schedule: object) -> Recurrence:
    given = Schedule(**schedule) if schedule else None  # type: ignore[arg-type]
    return Recurrence(frequency=frequency, interval=interval, schedule=given)


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (rule(DAY, 2), "01-01 09:30, 01-03 09:30, 01-05 09:30"),
        (rule(DAY, hours=(5,)), "01-02 05:30, 01-03 05:30"),
        (rule(DAY, minutes=(15,), hours=(5, 17)), "01-01 17:15, 01-02 05:15, 01-02 17:15"),
        (
            rule(DAY, minutes=(15, 45), hours=(5, 17)),
            "01-01 17:15, 01-01 17:45, 01-02 05:15, 01-02 05:45, 01-02 17:15",
        ),
        (rule(DAY, minutes=(0, 15, 30, 45)), "01-01 09:30, 01-01 09:45, 01-01 10:00, 01-01 10:15"),
        (rule(HOUR, minutes=(0, 30)), "01-01 09:30, 01-01 10:00, 01-01 10:30"),
        (rule(WEEK, week_days=(SUN,)), "01-04 09:30, 01-11 09:30, 01-18 09:30"),
        (
            rule(WEEK, week_days=(MON, WED, FRI), hours=(17,), minutes=(0,)),
            "01-02 17:00, 01-05 17:00, 01-07 17:00, 01-09 17:00",
        ),
        (rule(WEEK, 2, week_days=(TUE, THU)), "01-01 09:30, 01-13 09:30, 01-15 09:30, 01-27 09:30, 01-29 09:30"),
        (rule(WEEK, week_days=(FRI,), minutes=(0, 30)), "01-02 00:00, 01-02 00:30, 01-02 01:00"),
        (rule(MONTH, month_days=(31,)), "01-31 09:30, 03-31 09:30, 05-31 09:30, 07-31 09:30"),
        (
            rule(MONTH, month_days=(-1,), hours=(6,), minutes=(0,)),
            "01-31 06:00, 02-28 06:00, 03-31 06:00, 04-30 06:00",
        ),
        (rule(MONTH, month_days=(1, -1)), "01-01 09:30, 01-31 09:30, 02-01 09:30, 02-28 09:30, 03-01 09:30"),
        (rule(MONTH, month_days=(-31,)), "01-01 09:30, 03-01 09:30, 05-01 09:30, 07-01 09:30"),
        (
            rule(MONTH, monthly_occurrences=(nth(FRI, 1),), hours=(5,), minutes=(0,)),
            "01-02 05:00, 02-06 05:00, 03-06 05:00, 04-03 05:00",
        ),
        (
            rule(MONTH, monthly_occurrences=(nth(FRI, -3),)),
            "01-16 09:30, 02-13 09:30, 03-13 09:30, 04-10 09:30",
        ),
        (
            rule(MONTH, monthly_occurrences=(nth(FRI, 1), nth(FRI, -1)), hours=(5,), minutes=(15,)),
            "01-02 05:15, 01-30 05:15, 02-06 05:15, 02-27 05:15, 03-06 05:15",
        ),
        (
            rule(MONTH, monthly_occurrences=(nth(FRI, 5),)),
            "01-30 09:30, 05-29 09:30, 07-31 09:30, 10-30 09:30",
        ),
        (
            rule(MONTH, monthly_occurrences=(nth(WED, 3),), hours=(5, 17), minutes=(15, 45)),
            "01-21 05:15, 01-21 05:45, 01-21 17:15, 01-21 17:45, 02-18 05:15",
        ),
        (
            rule(MONTH, monthly_occurrences=(nth(SUN),)),
            "01-04 09:30, 01-11 09:30, 01-18 09:30, 01-25 09:30, 02-01 09:30",
        ),
        (
            rule(MONTH, month_days=(15,), monthly_occurrences=(nth(SUN, 1),)),
            "01-04 09:30, 01-15 09:30, 02-01 09:30, 02-15 09:30",
        ),
        (rule(MINUTE, 25, hours=(12,)), "01-01 12:00, 01-01 12:25, 01-01 12:50, 01-02 12:10"),
        (rule(HOUR, 5, hours=(4,)), "01-06 04:30, 01-11 04:30"),
        (rule(HOUR, hours=(11,), minutes=(10, 50)), "01-01 11:10, 01-01 11:50, 01-02 11:10"),
    ],
)
def test_the_first_occurrences_are_those_of_the_reference(recurrence: Recurrence, expected: str) -> None:
    wanted = expected.split(", ")
    assert shown(dues(recurrence, START, len(wanted))) == wanted


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (rule(WEEK), "2016-04-04T00:00"),
        (rule(DAY, hours=(5, 10, 15, 20), minutes=tuple(range(0, 60, 10))), "2016-03-30T20:00"),
        (rule(WEEK, week_days=(MON,), hours=(5, 10, 15, 20), minutes=tuple(range(0, 60, 10))), "2016-04-04T05:00"),
    ],
)
def test_a_start_of_last_year_gives_the_next_point_that_azure_recorded(recurrence: Recurrence, expected: str) -> None:
    assert first_due(recurrence, utc("2015-07-13T00:00"), utc("2016-03-30T19:36")) == utc(expected)


@pytest.mark.parametrize("start", ["2015-04-07T14:00", "2015-04-05T14:00", "2015-04-01T14:00"])
def test_a_past_start_gives_the_grid_of_the_documentation(start: str) -> None:
    found = dues(rule(DAY, 2), utc(start), 4, since=utc("2015-04-08T13:00"))
    assert shown(found) == ["04-09 14:00", "04-11 14:00", "04-13 14:00", "04-15 14:00"]


@pytest.mark.parametrize(
    ("recurrence", "start", "expected"),
    [
        (None, None, "2026-03-10T12:00"),
        (None, "2026-03-10T11:00", "2026-03-10T12:00"),
        (None, "2026-03-10T13:00", "2026-03-10T13:00"),
        (rule(HOUR), None, "2026-03-10T12:00"),
        (rule(HOUR), "2026-03-10T09:20", "2026-03-10T12:20"),
        (rule(HOUR), "2026-03-10T12:00", "2026-03-10T12:00"),
        (rule(HOUR), "2026-03-10T15:20", "2026-03-10T15:20"),
        (rule(DAY, hours=(5,)), None, "2026-03-10T12:00"),
        (rule(DAY, hours=(5,)), "2026-03-01T00:10", "2026-03-11T05:10"),
        (rule(DAY, hours=(5,)), "2026-03-12T05:00", "2026-03-12T05:00"),
        (rule(DAY, hours=(5,)), "2026-03-12T06:00", "2026-03-13T05:00"),
        (Recurrence(cron="0 5 * * *"), None, "2026-03-11T05:00"),
        (Recurrence(cron="0 5 * * *"), "2026-03-20T05:00", "2026-03-20T05:00"),
        (Recurrence(cron="0 5 * * *"), "2026-03-20T05:00:01", "2026-03-21T05:00"),
    ],
)
def test_the_first_run_follows_the_table_of_start_times(
    recurrence: Recurrence | None, start: str | None, expected: str
) -> None:
    assert first_due(recurrence, None if start is None else utc(start), NOON) == utc(expected)


def test_a_job_without_start_runs_at_its_anchor_and_then_by_its_schedule() -> None:
    found = upcoming(rule(DAY, hours=(5,)), None, NOON, NOON - timedelta(seconds=1), 3)
    assert shown(list(found)) == ["03-10 12:00", "03-11 05:00", "03-12 05:00"]


def test_seconds_are_zero_once_a_schedule_sets_hours_or_minutes() -> None:
    start = utc("2026-01-01T09:30:20.125")
    assert dues(rule(DAY), start, 1) == [start]
    assert dues(rule(WEEK, week_days=(THU,)), start, 1) == [start]
    assert dues(rule(DAY, minutes=(30, 31)), start, 1) == [utc("2026-01-01T09:31")]
    assert dues(rule(MINUTE, hours=(9,)), start, 1) == [utc("2026-01-01T09:31")]
    assert dues(rule(HOUR, hours=(9, 10)), start, 1) == [utc("2026-01-01T10:30")]


def test_a_second_rule_runs_by_the_second_and_its_schedule_filters_it() -> None:
    start = utc("2026-01-01T09:30:05")
    assert dues(rule(SECOND, 20), start, 3) == [start, start + timedelta(seconds=20), start + timedelta(seconds=40)]
    filtered = dues(rule(SECOND, 20, minutes=(0,)), start, 4)
    assert [f"{due:%H:%M:%S}" for due in filtered] == ["10:00:05", "10:00:25", "10:00:45", "11:00:05"]


@pytest.mark.parametrize("day", [29, 30, 31])
def test_a_month_rule_that_starts_late_in_a_month_skips_shorter_ones(day: int) -> None:
    found = dues(rule(MONTH), datetime(2026, 1, day, 8, tzinfo=START.tzinfo), 12)
    assert all(due.day == day for due in found)
    assert found == sorted(set(found))


def test_a_rare_rule_is_found_across_decades() -> None:
    leap = rule(MONTH, 12, month_days=(29,))
    assert dues(leap, utc("2095-02-01T00:00"), 2) == [utc("2096-02-29T00:00"), utc("2104-02-29T00:00")]
    fifth_friday = rule(MONTH, 12, monthly_occurrences=(nth(FRI, 5),))
    assert dues(fifth_friday, utc("2009-02-01T00:00"), 2) == [utc("2036-02-29T00:00"), utc("2064-02-29T00:00")]


def test_the_end_time_is_inclusive() -> None:
    ending = Recurrence(frequency=DAY, end_time=utc("2026-01-03T09:30"))
    assert shown(dues(ending, START, 9)) == ["01-01 09:30", "01-02 09:30", "01-03 09:30"]


def test_nothing_is_due_when_the_end_is_past() -> None:
    ended = Recurrence(frequency=DAY, end_time=utc("2026-01-03T09:30"))
    assert first_due(ended, None, NOON) is None
    assert first_due(ended, START, NOON) is None


def test_the_preview_stops_when_the_count_is_used_up() -> None:
    assert len(list(upcoming(rule(DAY), START, START, NOON, 3))) == 3
    assert list(upcoming(rule(DAY), START, START, NOON, 0)) == []
    assert list(upcoming(None, START, START, NOON, None)) == []
    assert list(upcoming(None, NOON, START, START, None)) == [NOON]


def test_the_timetable_ends_with_the_calendar() -> None:
    for frequency in Frequency:
        table = timetable(rule(frequency, 18), utc("9999-12-01T00:00"), START)
        assert table.next_after(utc("9999-12-31T23:59:59.900")) is None
