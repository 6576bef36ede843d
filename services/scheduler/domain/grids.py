"""The ways in which due instants follow each other, each found by arithmetic; start and end are not looked at here.

Every `next_after` takes about the same time however old the origin is. Elapsed rules (seconds, minutes, hours) count
real time; calendar rules (days, weeks, months) count days and keep the wall clock (DESIGN §5).
"""

from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from math import lcm

from services.scheduler.domain.days import Days
from services.scheduler.domain.recurrence import Timetable
from services.scheduler.domain.zones import WallClock

MILLISECOND = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_MINUTES_PER_HOUR = 60
_MINUTES_PER_DAY = 1440
_ZONE_YEAR = timedelta(days=400)
_LAST_DAY = date.max.toordinal() - 1


class Grid:
    """Every `step` from `origin`."""

    def __init__(self, origin: datetime, step: timedelta) -> None:
        """Both in whole milliseconds."""
        self._origin = origin
        self._step = step

    def next_after(self, instant: datetime) -> datetime:
        """Return the first grid point later than `instant`, before the origin too."""
        return self._origin + ((instant - self._origin) // self._step + 1) * self._step


class HourCells:
    """Certain minutes of every n-th hour: the hours go by elapsed time, the minutes are those the clock shows."""

    def __init__(self, origin: datetime, step: timedelta, minutes: tuple[int, ...], clock: WallClock) -> None:
        """`origin` lies anywhere in the first hour; `step` is in whole hours."""
        wall = clock.read(origin)
        self._first = origin - timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
        self._step = step
        self._minutes = sorted(set(minutes))
        self._clock = clock

    def next_after(self, instant: datetime) -> datetime:
        """Return the first such minute later than `instant`."""
        cell = self._first + (instant - self._first) // self._step * self._step
        later = [point for point in self._points(cell) if point > instant]
        return min(later) if later else min(self._points(cell + self._step))

    def _points(self, cell: datetime) -> list[datetime]:
        """Return the cell's instants. Its own minute is 0 unless the zone has moved by part of an hour since."""
        moved = self._clock.read(cell).minute
        return [cell + (minute - moved) % _MINUTES_PER_HOUR * MINUTE for minute in self._minutes]


class Filtered:
    """The points of a grid at which the clock shows one of the allowed hours and minutes."""

    def __init__(
        self,
        grid: Timetable,
        step: timedelta,
        clock: WallClock,
        hours: tuple[int, ...] | None,
        minutes: tuple[int, ...] | None,
    ) -> None:
        """`step` is the grid's; None allows every hour or minute."""
        self._grid = grid
        self._clock = clock
        self._allowed = minutes_of_day(
            range(24) if hours is None else hours, range(_MINUTES_PER_HOUR) if minutes is None else minutes
        )
        # Grid and day repeat together after their common multiple; a zone may shift them once more within a year.
        common = lcm(step // MILLISECOND, DAY // MILLISECOND) * MILLISECOND
        self._reach = common if clock.zone is None else common + _ZONE_YEAR

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first allowed point later than `instant`; None when the grid never meets the filter."""
        due = self._grid.next_after(instant)
        while due is not None and due - instant <= self._reach:
            wait = self._wait(due)
            if not wait:
                return due
            due = self._grid.next_after(max(due, due + wait - MILLISECOND))
        return None

    def _wait(self, due: datetime) -> timedelta:
        """Return how long after `due` no allowed minute begins; zero when `due` is in one.

        The wall distance is real time only while the offset stands, so a jump across a change is cut in half until it
        does not cross; within a minute nothing changes.
        """
        wall = self._clock.read(due)
        minute = wall.hour * _MINUTES_PER_HOUR + wall.minute
        place = bisect_left(self._allowed, minute)
        allowed = self._allowed[place] if place < len(self._allowed) else self._allowed[0] + _MINUTES_PER_DAY
        if allowed == minute:
            return timedelta()
        into = timedelta(seconds=wall.second, microseconds=wall.microsecond)
        wait = (allowed - minute) * MINUTE - into
        while wait > MINUTE - into and self._clock.offset(due + wait) != self._clock.offset(due):
            wait = max(wait / 2, MINUTE - into)
        return wait


class Calendar:
    """Certain wall times of certain days; times that fall on one instant are one occurrence."""

    def __init__(self, days: Days, times: list[timedelta], clock: WallClock) -> None:
        """`times` since midnight, ascending."""
        self._days = days
        self._times = times
        self._clock = clock

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first such instant later than `instant`; None when no day fits."""
        wall = self._next_wall(self._clock.read(instant))
        while wall is not None:
            due = self._clock.instant(wall)
            if due > instant:
                return due
            # `instant` lies in the second pass of an hour, whose wall times counted in the first.
            wall = self._next_wall(wall)
        return None

    def _next_wall(self, wall: datetime) -> datetime | None:
        today = wall.toordinal()
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        place = bisect_right(self._times, wall - midnight)
        if place < len(self._times) and self._days.on_or_after(today) == today:
            return midnight + self._times[place]
        day = self._days.on_or_after(today + 1) if today < _LAST_DAY else None
        return None if day is None or day > _LAST_DAY else datetime.fromordinal(day) + self._times[0]


def minutes_of_day(hours: range | tuple[int, ...], minutes: range | tuple[int, ...]) -> list[int]:
    """Return every combination as minutes since midnight, ascending."""
    return sorted({hour * _MINUTES_PER_HOUR + minute for hour in hours for minute in minutes})
