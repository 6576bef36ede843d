"""From a recurrence to its due instants: what is due first, and what follows (reference azure-scheduler §2.3-2.4).

Where Leeward decides itself: a job without start time runs once at its anchor and then by its rule, except under
cron, which has no such first run; a second rule's schedule filters it as a minute rule's does and keeps its seconds.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

from services.scheduler.domain.cron import CronTable
from services.scheduler.domain.days import Days, EveryDays, Months, Weeks
from services.scheduler.domain.grids import HOUR, MILLISECOND, MINUTE, Calendar, Filtered, Grid, HourCells
from services.scheduler.domain.grids import minutes_of_day as combine
from services.scheduler.domain.recurrence import Frequency, Recurrence, Schedule, Timetable
from services.scheduler.domain.zones import WallClock
from shared.clock import to_milliseconds_precision

STEPS = {Frequency.SECOND: timedelta(seconds=1), Frequency.MINUTE: MINUTE, Frequency.HOUR: HOUR}
"""The elapsed time of the frequencies that do not follow the calendar."""


class _Once:
    """A job without recurrence."""

    def __init__(self, due: datetime) -> None:
        self._due = due

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the one due instant if it is later than `instant`."""
        return self._due if self._due > instant else None


class _Bounded:
    """A rule between its start and its end. The start itself is due when `opens` says so, whatever the rule says."""

    def __init__(self, rule: Timetable, start: datetime, end: datetime | None, *, opens: bool) -> None:
        self._rule = rule
        self._start = start
        self._end = end
        self._opens = opens

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first due instant later than `instant`, never before the start nor after the end."""
        if instant < self._start and self._opens:
            due: datetime | None = self._start
        else:
            due = self._by_rule(max(instant, self._start - MILLISECOND))
        return due if due is None or self._end is None or due <= self._end else None

    def _by_rule(self, instant: datetime) -> datetime | None:
        try:
            return self._rule.next_after(instant)
        except OverflowError:  # past year 9999 there is no calendar
            return None


def timetable(recurrence: Recurrence | None, start: datetime | None, anchor: datetime) -> Timetable:
    """Return the due instants of a job: UTC, whole milliseconds, `end_time` inclusive, `count` not looked at.

    `anchor` is the instant an absent `start` stands for. Raises InvalidInputError for what `check` would refuse at
    sight (an unknown zone, an unreadable cron expression).
    """
    first = to_milliseconds_precision(anchor if start is None else start)
    if recurrence is None:
        return _Once(first)
    clock = WallClock(recurrence.time_zone)
    if recurrence.cron is not None:
        return _Bounded(CronTable(recurrence.cron, clock), first, recurrence.end_time, opens=False)
    schedule = recurrence.schedule or Schedule()
    opens = start is None or schedule == Schedule()
    return _Bounded(_rule(recurrence, schedule, first, clock), first, recurrence.end_time, opens=opens)


def first_due(recurrence: Recurrence | None, start: datetime | None, now: datetime) -> datetime | None:
    """Return when a job written now is due first (the table of reference §2.3); None when it never is.

    A one-time job runs now unless its start lies ahead. A recurring one takes the first point of its timetable that
    is not past; without a start that is now. Past points are not made up for.
    """
    if recurrence is None:
        return now if start is None else max(to_milliseconds_precision(start), now)
    return timetable(recurrence, start, now).next_after(now - MILLISECOND)


def upcoming(
    recurrence: Recurrence | None, start: datetime | None, anchor: datetime, after: datetime, count_left: int | None
) -> Iterator[datetime]:
    """Yield the due instants later than `after`, at most `count_left` of them; endless if nothing limits the job."""
    table = timetable(recurrence, start, anchor)
    due = table.next_after(after)
    for _ in count() if count_left is None else range(count_left):
        if due is None:
            return
        yield due
        due = table.next_after(due)


def times_of_day(schedule: Schedule, wall: datetime) -> list[timedelta]:
    """Return a calendar rule's times since midnight, `wall` being what the clock showed at the start (reference §2.4).

    Minutes without hours mean every hour, hours without minutes the start's minute; seconds are then 0. Neither: the
    start's own time, to the millisecond.
    """
    if schedule.hours is None and schedule.minutes is None:
        return [wall - wall.replace(hour=0, minute=0, second=0, microsecond=0)]
    hours = range(24) if schedule.hours is None else schedule.hours
    minutes = (wall.minute,) if schedule.minutes is None else schedule.minutes
    return [minute * MINUTE for minute in combine(hours, minutes)]


def _rule(recurrence: Recurrence, schedule: Schedule, first: datetime, clock: WallClock) -> Timetable:
    frequency = recurrence.frequency
    if frequency in STEPS:
        return _elapsed(frequency, recurrence.interval * STEPS[frequency], schedule, first, clock)
    wall = clock.read(first)
    return Calendar(_days(recurrence, schedule, wall), times_of_day(schedule, wall), clock)


def _elapsed(frequency: Frequency, step: timedelta, schedule: Schedule, first: datetime, clock: WallClock) -> Timetable:
    """Return a second, minute or hour rule: an hour rule's minutes expand it, everything else filters."""
    hours, minutes = schedule.hours, schedule.minutes
    if hours is None and minutes is None:
        return Grid(first, step)
    if frequency is Frequency.HOUR:
        cells = HourCells(first, step, minutes or (clock.read(first).minute,), clock)
        return cells if hours is None else Filtered(cells, step, clock, hours, None)
    origin = first.replace(second=0, microsecond=0) if frequency is Frequency.MINUTE else first
    return Filtered(Grid(origin, step), step, clock, hours, minutes)


def _days(recurrence: Recurrence, schedule: Schedule, wall: datetime) -> Days:
    if recurrence.frequency is Frequency.MONTH:
        return Months(wall.date(), recurrence.interval, schedule)
    if recurrence.frequency is Frequency.WEEK:
        return Weeks(wall.date(), recurrence.interval, schedule.week_days)
    return EveryDays(wall.date(), recurrence.interval)
