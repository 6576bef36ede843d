"""Cron expressions in zones (DESIGN §5)."""

import pytest

from services.scheduler.domain.recurrence import Recurrence
from services.scheduler.domain.timetable import timetable
from tests.parts.instants import dues, shown, utc

BERLIN = "Europe/Berlin"


def cron(expression: str, zone: str | None = None) -> Recurrence:
    return Recurrence(cron=expression, time_zone=zone)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/20 * * * *", "01-01 09:40, 01-01 10:00, 01-01 10:20"),
        ("30 9 * * *", "01-01 09:30, 01-02 09:30"),
        ("0 5 * * MON-FRI", "01-02 05:00, 01-05 05:00"),
        ("0 5 1 * MON", "01-05 05:00, 01-12 05:00, 01-19 05:00, 01-26 05:00, 02-01 05:00"),
        ("0 0 L * *", "01-31 00:00, 02-28 00:00"),
        ("0 0 * * 5#1", "01-02 00:00, 02-06 00:00"),
    ],
)
def test_an_expression_is_due_from_the_start_on(expression: str, expected: str) -> None:
    wanted = expected.split(", ")
    assert shown(dues(cron(expression), utc("2026-01-01T09:30"), len(wanted))) == wanted


def test_a_fixed_time_in_the_skipped_hour_runs_when_the_clock_goes_on() -> None:
    found = dues(cron("30 2 * * *", BERLIN), utc("2026-03-28T00:00"), 3)
    assert shown(found, BERLIN) == ["03-28 02:30", "03-29 03:00", "03-30 02:30"]


def test_a_fixed_time_in_the_doubled_hour_runs_once() -> None:
    found = dues(cron("30 2 * * *", BERLIN), utc("2026-10-24T00:00"), 3)
    assert shown(found) == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


def test_fixed_times_do_not_come_back_in_the_second_pass() -> None:
    table = timetable(cron("0,20,40 2 * * *", BERLIN), utc("2026-10-01T00:00"), utc("2026-10-01T00:00"))
    assert table.next_after(utc("2026-10-25T01:10")) == utc("2026-10-26T01:00")


def test_steps_go_by_elapsed_time_through_both_passes() -> None:
    found = dues(cron("*/30 2 * * *", BERLIN), utc("2026-10-25T00:00"), 5)
    assert shown(found) == ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-26 01:00"]


def test_the_end_time_is_inclusive_for_cron_too() -> None:
    ending = Recurrence(cron="0 5 * * *", end_time=utc("2026-01-02T05:00"))
    assert shown(dues(ending, utc("2026-01-01T00:00"), 5)) == ["01-01 05:00", "01-02 05:00"]
