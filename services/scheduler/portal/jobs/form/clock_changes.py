"""What the clock changes of a zone do to a rule: wall times that a day skips or has twice (DESIGN §5)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import msgspec

from services.scheduler.domain.grids import MILLISECOND
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.domain.timetable import upcoming
from services.scheduler.domain.zones import WallClock

AHEAD_DAYS = 370
"""How far to look: a zone that changes its clocks does so twice within it."""
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_TOLD = 3


class Change(msgspec.Struct, frozen=True):
    """An instant at which a clock is set on or back."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def is_gap(self) -> bool:
        """Whether it is set on, so that wall times are skipped."""
        return self.after > self.before

    @property
    def walls(self) -> tuple[datetime, datetime]:
        """The wall times that are skipped or come twice, the second one excluded."""
        first, second = sorted((self.at + self.before, self.at + self.after))
        return first.replace(tzinfo=None), second.replace(tzinfo=None)


def clock_warnings(rule: Recurrence, start: datetime | None, now: datetime) -> list[str]:
    """Return what the clock changes of the coming year do to the times of a rule that keeps the wall clock."""
    if rule.time_zone is None or not _keeps_the_clock(rule):
        return []
    clock = WallClock(rule.time_zone)
    return list(islice(_told(rule, clock, start or now, now), _TOLD))


def _told(rule: Recurrence, clock: WallClock, start: datetime, now: datetime) -> Iterator[str]:
    for change in _changes(clock, now):
        if rule.end_time is not None and change.at > rule.end_time:
            return
        for wall in islice(_walls(rule, clock.read(start), change), 1):
            day, hour = f"{wall:%Y-%m-%d}", f"{wall:%H:%M}"
            if change.is_gap:
                yield f"{day}: the clocks of {rule.time_zone} skip {hour}; it runs at {clock.read(change.at):%H:%M}."
            else:
                yield f"{day}: {hour} comes twice in {rule.time_zone}; it runs the first time only."


def _walls(rule: Recurrence, start: datetime, change: Change) -> Iterator[datetime]:
    """Yield the rule's wall times that a change skips or repeats, found as if the clock were never changed."""
    first, end = (wall.replace(tzinfo=UTC) for wall in change.walls)
    bare = msgspec.structs.replace(rule, time_zone=None, end_time=None)
    since = start.replace(tzinfo=UTC)
    return takewhile(lambda wall: wall < end, upcoming(bare, since, since, first - MILLISECOND, None))


def _changes(clock: WallClock, now: datetime) -> Iterator[Change]:
    for number in range(AHEAD_DAYS):
        early, late = now + number * _DAY, now + (number + 1) * _DAY
        if clock.offset(early) != clock.offset(late):
            at = _moment(clock, early, late)
            yield Change(at, clock.offset(early), clock.offset(at))


def _moment(clock: WallClock, early: datetime, late: datetime) -> datetime:
    """Return the first whole second in (early, late] at which the clock shows the new offset."""
    offset = clock.offset(early)
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        if clock.offset(middle) == offset:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def _keeps_the_clock(rule: Recurrence) -> bool:
    """Whether wall times decide: minute and hour rules, and cron with wildcards or steps, go by elapsed time."""
    if rule.cron is not None:
        minute, hour, *_ = rule.cron.split()
        return not minute.startswith("*") and not hour.startswith("*")
    return rule.frequency in (Frequency.DAY, Frequency.WEEK, Frequency.MONTH)
