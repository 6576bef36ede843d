"""Which days a day, week or month rule falls on; days are proleptic ordinals (`date.toordinal`)."""

from calendar import monthrange
from datetime import MAXYEAR, date
from typing import Protocol

from services.scheduler.domain.recurrence import MonthlyOccurrence, Schedule, Weekday

_WEEK = 7
_YEAR = 12
_CYCLE = 400 * _YEAR
"""Months until the calendar repeats itself: a rule that skips this many of its months in a row never occurs."""


class Days(Protocol):
    """The days of a rule, found by arithmetic."""

    def on_or_after(self, day: int) -> int | None:
        """Return the rule's first day that is not before `day`; None when there is none."""
        ...


class EveryDays:
    """Every `interval` days from `first`."""

    def __init__(self, first: date, interval: int) -> None:
        """Count from `first`."""
        self._first = first.toordinal()
        self._interval = interval

    def on_or_after(self, day: int) -> int:
        """Return the first grid day that is not before `day`."""
        return day + (self._first - day) % self._interval


class Weeks:
    """Certain days of every `interval`-th week; weeks start on Monday (DESIGN §5)."""

    def __init__(self, first: date, interval: int, week_days: tuple[Weekday, ...] | None) -> None:
        """Count from the week of `first`, whose weekday stands in when none is given."""
        self._monday = first.toordinal() - first.weekday()
        self._interval = interval
        self._week_days = sorted(set(week_days or (first.weekday(),)))

    def on_or_after(self, day: int) -> int:
        """Return the first such day that is not before `day`."""
        week, weekday = divmod(day - self._monday, _WEEK)
        wait = -week % self._interval
        if wait == 0:
            later = next((wanted for wanted in self._week_days if wanted >= weekday), None)
            if later is not None:
                return day + later - weekday
            wait = self._interval
        return self._monday + (week + wait) * _WEEK + self._week_days[0]


class Months:
    """Certain days of every `interval`-th month; months without such a day are passed over."""

    def __init__(self, first: date, interval: int, schedule: Schedule) -> None:
        """Count from the month of `first`, whose day stands in when the schedule names none."""
        self._first = _month_index(first)
        self._interval = interval
        self._occurrences = schedule.monthly_occurrences or ()
        given = schedule.month_days is not None or schedule.monthly_occurrences is not None
        self._month_days = (schedule.month_days or ()) if given else (first.day,)

    def on_or_after(self, day: int) -> int | None:
        """Return the first such day that is not before `day`."""
        asked = date.fromordinal(day)
        wait = (self._first - _month_index(asked)) % self._interval
        index, earliest = _month_index(asked) + wait, 1 if wait else asked.day
        for month in range(index, index + _CYCLE * self._interval, self._interval):
            year, zero_based = divmod(month, _YEAR)
            if year > MAXYEAR:
                return None
            fitting = [found for found in self._days_of(year, zero_based + 1) if found >= earliest]
            if fitting:
                return date(year, zero_based + 1, min(fitting)).toordinal()
            earliest = 1
        return None

    def _days_of(self, year: int, month: int) -> set[int]:
        """Return the month's days that the rule names, by number or by weekday."""
        weekday_of_first, length = monthrange(year, month)
        days = {day if day > 0 else length + 1 + day for day in self._month_days}
        for wanted in self._occurrences:
            days.update(_nth_days(wanted, weekday_of_first, length))
        return {day for day in days if 1 <= day <= length}


def _month_index(day: date) -> int:
    return day.year * _YEAR + day.month - 1


def _nth_days(wanted: MonthlyOccurrence, weekday_of_first: int, length: int) -> list[int]:
    """Return the days of a month that are its n-th such weekday; all of them without n, none when it has no n-th."""
    every = list(range(1 + (wanted.day - weekday_of_first) % _WEEK, length + 1, _WEEK))
    if wanted.occurrence is None:
        return every
    index = wanted.occurrence - 1 if wanted.occurrence > 0 else len(every) + wanted.occurrence
    return every[index : index + 1] if index >= 0 else []
