"""Which recurrences are refused, where the message points and what it says."""

from datetime import datetime, timedelta

import pytest

from services.scheduler.domain.recurrence import Frequency, MonthlyOccurrence, Recurrence, Schedule, Weekday
from services.scheduler.domain.recurrence_check import check, check_window
from services.scheduler.errors import ConflictError, InvalidInputError
from tests.parts.instants import utc

START = utc("2026-02-10T09:05")
SECOND, MINUTE, HOUR, DAY, WEEK, MONTH = Frequency
FIFTH = MonthlyOccurrence(day=Weekday.FRIDAY, occurrence=5)


def rule(frequency: Frequency, interval: int = 1, **schedule: object) -> Recurrence:
    given = Schedule(**schedule) if schedule else None  # type: ignore[arg-type]
    return Recurrence(frequency=frequency, interval=interval, schedule=given)


@pytest.mark.parametrize(
    ("recurrence", "field", "message"),
    [
        (Recurrence(), "recurrence.frequency", "Minute"),
        (rule(MINUTE, 0), "recurrence.interval", "1 to 1000"),
        (rule(HOUR, 1001), "recurrence.interval", "1 to 1000"),
        (rule(DAY, 549), "recurrence.interval", "1 to 548"),
        (rule(WEEK, 79), "recurrence.interval", "1 to 78"),
        (rule(MONTH, 19), "recurrence.interval", "1 to 18"),
        (Recurrence(frequency=DAY, count=0), "recurrence.count", "1 to 2147483647"),
        (rule(DAY, minutes=(60,)), "recurrence.schedule.minutes", "60 is not allowed; give 0 to 59"),
        (rule(DAY, hours=(3, 24)), "recurrence.schedule.hours", "24 is not allowed; give 0 to 23"),
        (rule(DAY, hours=()), "recurrence.schedule.hours", "empty"),
        (rule(DAY, week_days=(Weekday.MONDAY,)), "recurrence.schedule.weekDays", "needs frequency Week, not Day"),
        (rule(WEEK, month_days=(1,)), "recurrence.schedule.monthDays", "needs frequency Month"),
        (rule(MONTH, month_days=(0,)), "recurrence.schedule.monthDays", "1 to 31 or -1 to -31"),
        (rule(MONTH, month_days=(-32,)), "recurrence.schedule.monthDays", "-32"),
        (rule(DAY, monthly_occurrences=(FIFTH,)), "recurrence.schedule.monthlyOccurrences", "needs frequency Month"),
        (
            rule(MONTH, monthly_occurrences=(MonthlyOccurrence(day=Weekday.FRIDAY, occurrence=6),)),
            "recurrence.schedule.monthlyOccurrences",
            "Occurrence of 1 to 5",
        ),
        (Recurrence(cron="0 5 * * *", frequency=DAY), "recurrence.frequency", "beside cron"),
        (Recurrence(cron="0 5 * * *", interval=2), "recurrence.interval", "beside cron"),
        (Recurrence(cron="0 5 * * *", schedule=Schedule()), "recurrence.schedule", "beside cron"),
        (Recurrence(cron="0 0 5 * * *"), "recurrence.cron", "five fields"),
        (Recurrence(cron="0 25 * * *"), "recurrence.cron", "hour field"),
        (Recurrence(cron="0 0 30 2 *"), "recurrence.cron", "day-of-month"),
        (Recurrence(frequency=DAY, time_zone="America/NewYork"), "recurrence.timeZone", "America/New_York"),
        (rule(MONTH, 12, month_days=(30,)), "recurrence", "never occurs"),
        (rule(MINUTE, 15, minutes=(0,)), "recurrence", "never occurs"),
        (rule(HOUR, 24, hours=(10,)), "recurrence", "never occurs"),
        (
            Recurrence(frequency=DAY, schedule=Schedule(hours=(5,)), end_time=utc("2026-02-10T12:00")),
            "recurrence.endTime",
            "before the first occurrence",
        ),
    ],
)
def test_what_cannot_work_is_refused_by_field(recurrence: Recurrence, field: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refusal:
        check(recurrence, START)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("recurrence", "start"),
    [
        (rule(DAY), None),
        (rule(MONTH, 12, month_days=(29,)), START),
        (rule(MONTH, 12, monthly_occurrences=(FIFTH,)), START),
        (rule(MONTH, month_days=(-31, 31), monthly_occurrences=(MonthlyOccurrence(day=Weekday.SUNDAY),)), START),
        (rule(MINUTE, 997, hours=(5,), minutes=(1,)), START),
        (Recurrence(frequency=HOUR, interval=24, schedule=Schedule(hours=(11,)), time_zone="Europe/Berlin"), START),
        (Recurrence(frequency=WEEK, count=10000, end_time=utc("2026-03-01T00:00")), utc("2015-07-13T00:00")),
        (Recurrence(frequency=DAY, end_time=utc("9999-12-31T23:59:59.999")), START),
        (Recurrence(frequency=DAY, end_time=utc("2020-01-01T00:00")), None),
        (Recurrence(cron="0 0 29 2 *", time_zone="Asia/Kolkata"), None),
    ],
)
def test_what_can_work_is_accepted(recurrence: Recurrence, start: datetime | None) -> None:
    check(recurrence, start)


@pytest.mark.parametrize("start", ["1899-12-31T00:00", "9001-01-01T00:00"])
def test_a_start_in_a_far_year_is_refused(start: str) -> None:
    with pytest.raises(InvalidInputError, match="startTime"):
        check(rule(DAY), utc(start))


@pytest.mark.parametrize(
    ("recurrence", "fastest"),
    [
        (rule(SECOND, 59), timedelta(minutes=1)),
        (rule(MINUTE, 59), timedelta(hours=1)),
        (rule(DAY, minutes=(0, 30)), timedelta(hours=1)),
        (rule(HOUR, hours=(5,), minutes=(0, 59)), timedelta(hours=1)),
        (Recurrence(cron="*/5 * * * *"), timedelta(hours=1)),
        (Recurrence(cron="0 5 * * *"), timedelta(days=7)),
    ],
)
def test_a_rule_faster_than_the_plan_is_a_conflict(recurrence: Recurrence, fastest: timedelta) -> None:
    with pytest.raises(ConflictError, match="plan allows a run every"):
        check(recurrence, START, fastest=fastest)


@pytest.mark.parametrize(
    ("recurrence", "fastest"),
    [
        (rule(SECOND), timedelta(seconds=1)),
        (rule(SECOND, 60), timedelta(minutes=1)),
        (rule(MINUTE), timedelta(minutes=1)),
        (rule(DAY, hours=(5, 6)), timedelta(hours=1)),
        (rule(WEEK, week_days=(Weekday.MONDAY,)), timedelta(days=7)),
        (Recurrence(cron="0 * * * *", time_zone="Europe/Berlin"), timedelta(hours=1)),
    ],
)
def test_a_rule_as_slow_as_the_plan_is_accepted(recurrence: Recurrence, fastest: timedelta) -> None:
    check(recurrence, START, fastest=fastest)


MINUTES, HOURS = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("recurrence", "window", "says"),
    [
        (None, 25 * HOURS, "at most P1D"),
        (rule(WEEK), 25 * HOURS, "at most P1D"),
        (rule(SECOND, 5), timedelta(seconds=6), "only PT5S apart"),
        (rule(MINUTE, 15), 16 * MINUTES, "only PT15M apart"),
        (rule(DAY, hours=(5, 6)), 2 * HOURS, "only PT1H apart"),
        (Recurrence(cron="0 9,17 * * *"), 9 * HOURS, "only PT8H apart"),
    ],
)
def test_a_window_that_reaches_past_the_next_due_time_is_refused(
    recurrence: Recurrence | None, window: timedelta, says: str
) -> None:
    with pytest.raises(InvalidInputError, match=says) as refused:
        check_window(window, recurrence, START)
    assert refused.value.field == "flexibleWindow"


@pytest.mark.parametrize(
    ("recurrence", "start", "window"),
    [
        (None, None, 24 * HOURS),
        (rule(SECOND, 5), START, timedelta(seconds=5)),
        (rule(MINUTE), START, MINUTES),
        (rule(DAY, hours=(5,)), None, 24 * HOURS),
        (Recurrence(cron="0 9 * * *", time_zone="Europe/Berlin"), START, 24 * HOURS),
        (rule(MONTH), START, 24 * HOURS),
    ],
)
def test_a_window_up_to_the_next_due_time_is_accepted(
    recurrence: Recurrence | None, start: datetime | None, window: timedelta
) -> None:
    check_window(window, recurrence, start)
