"""When a recurring job is due: Azure Scheduler's rules (reference azure-scheduler §2.3-2.4), zones and cron.

`timetable` computes the due instants, `recurrence_check` says what is refused.
"""

from datetime import datetime
from enum import IntEnum
from typing import Protocol

import msgspec

from services.scheduler.domain.choices import CaseInsensitive


class Frequency(CaseInsensitive):
    """The unit of `interval`."""

    SECOND = "Second"
    MINUTE = "Minute"
    HOUR = "Hour"
    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"


class Weekday(IntEnum):
    """Days as `datetime.weekday()` numbers them."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class MonthlyOccurrence(msgspec.Struct, frozen=True, kw_only=True):
    """The n-th such day of a month, counted from its end when negative; every such day when None."""

    day: Weekday
    occurrence: int | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that refine a frequency; None means not given."""

    minutes: tuple[int, ...] | None = None
    hours: tuple[int, ...] | None = None
    week_days: tuple[Weekday, ...] | None = None
    month_days: tuple[int, ...] | None = None
    monthly_occurrences: tuple[MonthlyOccurrence, ...] | None = None


class Recurrence(msgspec.Struct, frozen=True, kw_only=True):
    """A job's rule: frequency x interval with a schedule, or `cron`; `end_time` is inclusive."""

    frequency: Frequency | None = None
    interval: int = 1
    count: int | None = None
    end_time: datetime | None = None
    schedule: Schedule | None = None
    time_zone: str | None = None
    cron: str | None = None


class Timetable(Protocol):
    """Every due instant of one job, computed on demand; `count` is not looked at."""

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first due instant strictly later than `instant`, in UTC; None when there is none."""
        ...
