"""Daylight saving time, both ways: calendar rules keep the wall clock, elapsed rules keep the distance."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.recurrence import Frequency, Recurrence, Schedule, Weekday
from services.scheduler.domain.timetable import timetable
from services.scheduler.domain.zones import WallClock, localize
from services.scheduler.errors import InvalidInputError
from tests.parts.instants import dues, shown, utc

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Casablanca",
]
BERLIN = "Europe/Berlin"
EARLIEST, LATEST = datetime.fromisoformat("2005-01-01"), datetime.fromisoformat("2035-01-01")


def daily(hour: int, minute: int, zone: str) -> Recurrence:
    return Recurrence(frequency=Frequency.DAY, time_zone=zone, schedule=Schedule(hours=(hour,), minutes=(minute,)))


def at(text: str, zone: str) -> datetime:
    return localize(datetime.fromisoformat(text), zone)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        (None, "2026-03-29T02:30", "2026-03-29T02:30"),
        (BERLIN, "2026-01-01T12:00", "2026-01-01T11:00"),
        (BERLIN, "2026-03-29T02:00", "2026-03-29T01:00"),
        (BERLIN, "2026-03-29T02:30:15.250", "2026-03-29T01:00"),
        (BERLIN, "2026-03-29T03:00", "2026-03-29T01:00"),
        (BERLIN, "2026-10-25T02:30", "2026-10-25T00:30"),
        ("America/New_York", "2026-03-08T02:59:59", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
        ("America/Havana", "2026-03-08T00:30", "2026-03-08T05:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),
    ],
)
def test_a_wall_time_becomes_its_first_valid_instant(zone: str | None, wall: str, instant: str) -> None:
    assert localize(datetime.fromisoformat(wall), zone) == utc(instant)


def test_an_unknown_zone_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidInputError, match=r"recurrence\.timeZone: .*did you mean Europe/Berlin\?"):
        localize(EARLIEST, "Europe/Berln")
    with pytest.raises(InvalidInputError, match="such as Europe/Berlin"):
        localize(EARLIEST, "../../etc")


def test_a_daily_job_keeps_its_wall_time_in_summer_and_winter() -> None:
    found = dues(daily(7, 0, BERLIN), utc("2026-03-27T00:00"), 4)
    assert shown(found) == ["03-27 06:00", "03-28 06:00", "03-29 05:00", "03-30 05:00"]
    assert shown(found, BERLIN) == ["03-27 07:00", "03-28 07:00", "03-29 07:00", "03-30 07:00"]


def test_a_daily_job_in_the_skipped_hour_runs_when_the_clock_goes_on() -> None:
    found = dues(daily(2, 30, BERLIN), utc("2026-03-28T00:00"), 3)
    assert shown(found, BERLIN) == ["03-28 02:30", "03-29 03:00", "03-30 02:30"]


def test_a_daily_job_in_the_doubled_hour_runs_once_in_the_first_pass() -> None:
    found = dues(daily(1, 30, "America/New_York"), utc("2026-10-31T00:00"), 3)
    assert shown(found) == ["10-31 05:30", "11-01 05:30", "11-02 06:30"]


def test_skipped_times_that_fall_on_one_instant_are_one_occurrence() -> None:
    quarters = Recurrence(
        frequency=Frequency.DAY, time_zone=BERLIN, schedule=Schedule(hours=(1, 2, 3), minutes=(0, 15, 30, 45))
    )
    found = dues(quarters, utc("2026-03-29T00:30"), 3)
    assert shown(found, BERLIN) == ["03-29 01:30", "03-29 01:45", "03-29 03:00"]
    assert dues(quarters, utc("2026-03-29T00:30"), 4)[3] == utc("2026-03-29T01:15")


def test_a_planned_second_pass_of_an_hour_does_not_bring_its_times_back() -> None:
    minutely = Recurrence(frequency=Frequency.DAY, time_zone=BERLIN, schedule=Schedule(minutes=tuple(range(0, 60, 20))))
    second_pass = utc("2026-10-25T01:10")
    table = timetable(minutely, utc("2026-10-01T00:00"), second_pass)
    assert table.next_after(second_pass) == at("2026-10-25T03:00", BERLIN)


def test_weekly_and_monthly_jobs_keep_the_wall_clock_of_their_zone() -> None:
    start = at("2026-03-23T23:30", "America/New_York")
    weekly = Recurrence(frequency=Frequency.WEEK, time_zone="America/New_York")
    assert shown(dues(weekly, start, 2), "America/New_York") == ["03-23 23:30", "03-30 23:30"]
    lasts = Recurrence(frequency=Frequency.MONTH, time_zone="America/New_York", schedule=Schedule(month_days=(-1,)))
    assert shown(dues(lasts, start, 2), "America/New_York") == ["03-31 23:30", "04-30 23:30"]


def test_weekdays_are_those_of_the_zone() -> None:
    mondays = Recurrence(
        frequency=Frequency.WEEK, time_zone="Asia/Tokyo", schedule=Schedule(week_days=(Weekday.MONDAY,), hours=(1,))
    )
    assert shown(dues(mondays, at("2026-01-01T00:00", "Asia/Tokyo"), 1)) == ["01-04 16:00"]


def test_an_hour_rule_goes_by_elapsed_time_across_both_changes() -> None:
    every_six = Recurrence(frequency=Frequency.HOUR, interval=6, time_zone=BERLIN)
    for start in (utc("2026-03-28T12:00"), utc("2026-10-24T12:00")):
        found = dues(every_six, start, 8)
        assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(hours=6)}


def test_a_filtered_minute_rule_runs_through_both_passes_of_an_hour() -> None:
    half_hours = Recurrence(frequency=Frequency.MINUTE, interval=30, time_zone=BERLIN, schedule=Schedule(hours=(2,)))
    found = dues(half_hours, utc("2026-10-24T22:00"), 6)
    assert shown(found) == ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-26 01:00", "10-26 01:30"]


def test_a_filtered_minute_rule_skips_the_hour_that_does_not_exist() -> None:
    half_hours = Recurrence(frequency=Frequency.MINUTE, interval=30, time_zone=BERLIN, schedule=Schedule(hours=(2, 3)))
    found = dues(half_hours, utc("2026-03-29T00:30"), 3)
    assert shown(found, BERLIN) == ["03-29 03:00", "03-29 03:30", "03-30 02:00"]


def test_an_hour_rules_minutes_are_the_clocks_where_zones_move_by_half_an_hour() -> None:
    hourly = Recurrence(frequency=Frequency.HOUR, time_zone="Australia/Lord_Howe", schedule=Schedule(minutes=(0,)))
    found = dues(hourly, at("2026-10-04T00:30", "Australia/Lord_Howe"), 4)
    assert shown(found, "Australia/Lord_Howe") == ["10-04 01:00", "10-04 03:00", "10-04 04:00", "10-04 05:00"]


def test_a_start_in_the_second_pass_runs_at_its_own_instant() -> None:
    start = utc("2026-10-25T01:30")
    found = dues(Recurrence(frequency=Frequency.DAY, time_zone=BERLIN), start, 2)
    assert found == [start, utc("2026-10-26T01:30")]


@settings(deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    instant=st.datetimes(EARLIEST, LATEST).map(lambda naive: naive.replace(tzinfo=UTC)),
)
def test_reading_the_clock_and_finding_the_time_again_agree(zone: str, instant: datetime) -> None:
    clock = WallClock(zone)
    found = clock.instant(clock.read(instant))
    assert found <= instant
    assert clock.read(found) == clock.read(instant)


@settings(deadline=None)
@given(zone=st.sampled_from(ZONES), walls=st.lists(st.datetimes(EARLIEST, LATEST), min_size=2))
def test_later_wall_times_never_give_earlier_instants(zone: str, walls: list[datetime]) -> None:
    clock = WallClock(zone)
    instants = [clock.instant(wall) for wall in sorted(walls)]
    assert instants == sorted(instants)
