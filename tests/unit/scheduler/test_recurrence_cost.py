"""A step costs the same however old the start is: counted in calls, not in seconds."""

import sys
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

import pytest

from services.scheduler.domain.recurrence import Frequency, MonthlyOccurrence, Recurrence, Schedule, Weekday
from services.scheduler.domain.timetable import timetable
from tests.parts.instants import utc

BERLIN = "Europe/Berlin"
FIRST_SUNDAY = MonthlyOccurrence(day=Weekday.SUNDAY, occurrence=1)
RECURRENCES = [
    Recurrence(frequency=Frequency.SECOND),
    Recurrence(frequency=Frequency.MINUTE, interval=7, schedule=Schedule(hours=(5,))),
    Recurrence(frequency=Frequency.HOUR, interval=5, time_zone=BERLIN, schedule=Schedule(minutes=(0, 30))),
    Recurrence(frequency=Frequency.DAY, interval=3, time_zone=BERLIN),
    Recurrence(frequency=Frequency.WEEK, interval=2, time_zone=BERLIN, schedule=Schedule(hours=(5, 17))),
    Recurrence(frequency=Frequency.MONTH, schedule=Schedule(monthly_occurrences=(FIRST_SUNDAY,))),
    Recurrence(cron="0 5 * * MON", time_zone=BERLIN),
]


def calls(work: Callable[[], object]) -> int:
    """Return how many functions, built-in ones included, were called."""
    count = 0

    def tally(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tally)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_a_step_from_a_century_old_start_costs_as_much_as_from_a_fresh_one(recurrence: Recurrence) -> None:
    now = utc("2026-06-10T12:00:30")
    for years in (0, 10, 100):
        start = now - timedelta(days=1 + 365 * years)
        table = timetable(recurrence, start, start)
        assert table.next_after(now) is not None
        assert calls(lambda table=table: table.next_after(now)) < 200  # type: ignore[misc]


@pytest.mark.parametrize(
    ("recurrence", "shift"),
    [
        (Recurrence(frequency=Frequency.SECOND, interval=7), timedelta(seconds=7)),
        (Recurrence(frequency=Frequency.HOUR, interval=5, schedule=Schedule(minutes=(0, 30))), timedelta(hours=5)),
        (Recurrence(frequency=Frequency.DAY, interval=3), timedelta(days=3)),
        (Recurrence(frequency=Frequency.WEEK, interval=2), timedelta(weeks=2)),
    ],
)
def test_a_start_moved_back_along_its_grid_changes_nothing(recurrence: Recurrence, shift: timedelta) -> None:
    now, start = utc("2026-06-10T12:00:30"), utc("2026-06-01T08:15:20")
    old = start - 1000 * shift
    recent = timetable(recurrence, start, start)
    assert timetable(recurrence, old, old).next_after(now) == recent.next_after(now)
