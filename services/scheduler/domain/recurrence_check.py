"""Which recurrences are accepted (reference azure-scheduler §2.3-2.4, DESIGN §5); each refusal says what to change."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import msgspec

from services.scheduler.domain.grids import MILLISECOND
from services.scheduler.domain.limits import MAX_COUNT
from services.scheduler.domain.recurrence import Frequency, Recurrence, Schedule
from services.scheduler.domain.timetable import timetable, upcoming
from services.scheduler.errors import ConflictError, InvalidInputError
from shared.durations import format_iso

_LARGEST_INTERVAL = {
    Frequency.SECOND: 1000,
    Frequency.MINUTE: 1000,
    Frequency.HOUR: 1000,
    Frequency.DAY: 548,
    Frequency.WEEK: 78,
    Frequency.MONTH: 18,
}
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 9000
_REFERENCE = datetime(2024, 1, 1, tzinfo=UTC)
"""Any instant will do where a rule is looked at without a start."""
LONGEST_WINDOW = timedelta(days=1)
_SAMPLE = 200
"""Occurrences looked at for the shortest distance; every combination of minutes has shown itself by then."""


def check(recurrence: Recurrence, start: datetime | None, *, fastest: timedelta | None = None) -> None:
    """Refuse a recurrence that breaks a rule.

    Raises InvalidInputError with the JSON path of the culprit, and ConflictError when two due instants may be nearer
    to each other than the plan's `fastest` (DESIGN §5: plan violations are conflicts).
    """
    _check_kind(recurrence)
    if recurrence.count is not None and not 1 <= recurrence.count <= MAX_COUNT:
        raise InvalidInputError("recurrence.count", f"must be 1 to {MAX_COUNT}; leave it out to repeat for ever")
    if recurrence.schedule is not None:
        _check_schedule(recurrence.schedule, recurrence.frequency)
    if start is not None and not _EARLIEST_YEAR <= start.year <= _LATEST_YEAR:
        raise InvalidInputError("startTime", f"must lie in the years {_EARLIEST_YEAR} to {_LATEST_YEAR}")
    _check_occurs(recurrence, start)
    if fastest is not None:
        check_pace(recurrence, start, fastest)


def check_pace(recurrence: Recurrence, start: datetime | None, fastest: timedelta) -> None:
    """Raise ConflictError when two due instants may be nearer to each other than `fastest`."""
    shortest = _shortest(recurrence, start, fastest)
    if shortest < fastest:
        raise ConflictError(
            f"recurrence: the collection's quota or plan allows a run every {format_iso(fastest)}, "
            f"this rule has two {format_iso(shortest)} apart; slow it down or choose another plan"
        )


def check_window(window: timedelta, recurrence: Recurrence | None, start: datetime | None) -> None:
    """Raise InvalidInputError when a flexible window is longer than a day, or reaches past the next due time.

    Within that bound occurrences start in the order in which they came due, and none makes the next one give way.
    """
    if window > LONGEST_WINDOW:
        raise InvalidInputError("flexibleWindow", f"is too long: at most {format_iso(LONGEST_WINDOW)} is allowed")
    if recurrence is None:
        return
    # Without a start the first due time is the moment of creation, near to the second as it may be.
    shortest = _shortest(recurrence, start, window, since_first=start is not None)
    if shortest < window:
        raise InvalidInputError(
            "flexibleWindow",
            f"is too long: two due times of this recurrence are only {format_iso(shortest)} apart; shorten it to that",
        )


def _shortest(
    recurrence: Recurrence, start: datetime | None, wanted: timedelta, *, since_first: bool = True
) -> timedelta:
    """Return the shortest distance of two due instants, or `wanted` where it is known to be at least that."""
    if recurrence.frequency is not Frequency.SECOND and wanted <= timedelta(minutes=1):
        return wanted
    if recurrence.frequency is Frequency.SECOND and recurrence.schedule is None:
        return timedelta(seconds=recurrence.interval)
    # Without zone: a clock change may bring two occurrences together, which no plan minds.
    rule = msgspec.structs.replace(recurrence, end_time=None, time_zone=None)
    since = _REFERENCE if start is None else start
    dues = islice(upcoming(rule, since, since, since - MILLISECOND, None), 0 if since_first else 1, _SAMPLE)
    return min((later - earlier for earlier, later in pairwise(dues)), default=wanted)


def _check_kind(recurrence: Recurrence) -> None:
    """Refuse what is neither a frequency with an interval in range nor a cron expression alone."""
    frequency = recurrence.frequency
    if recurrence.cron is not None:
        for name, excluded in (
            ("frequency", frequency is not None),
            ("interval", recurrence.interval != 1),
            ("schedule", recurrence.schedule is not None),
        ):
            if excluded:
                raise InvalidInputError(f"recurrence.{name}", "cannot stand beside cron; leave one of them out")
    elif frequency is None:
        raise InvalidInputError("recurrence.frequency", f"is missing; give {_either(Frequency)} (or cron instead)")
    elif not 1 <= recurrence.interval <= _LARGEST_INTERVAL[frequency]:
        limits = f"must be 1 to {_LARGEST_INTERVAL[frequency]} with frequency {frequency}"
        raise InvalidInputError("recurrence.interval", limits)


def _check_schedule(schedule: Schedule, frequency: Frequency | None) -> None:
    _check_values("minutes", schedule.minutes, range(60), "0 to 59")
    _check_values("hours", schedule.hours, range(24), "0 to 23")
    _check_frequency("weekDays", schedule.week_days, frequency, Frequency.WEEK)
    _check_values("weekDays", schedule.week_days, range(7), "names of days")
    _check_frequency("monthDays", schedule.month_days, frequency, Frequency.MONTH)
    _check_values("monthDays", schedule.month_days, [*range(-31, 0), *range(1, 32)], "1 to 31 or -1 to -31")
    _check_frequency("monthlyOccurrences", schedule.monthly_occurrences, frequency, Frequency.MONTH)
    if schedule.monthly_occurrences is not None:
        numbers = [1 if wanted.occurrence is None else wanted.occurrence for wanted in schedule.monthly_occurrences]
        _check_values(
            "monthlyOccurrences", numbers, [*range(-5, 0), *range(1, 6)], "an Occurrence of 1 to 5 or -1 to -5"
        )


def _check_values(name: str, values: Iterable[int] | None, allowed: Iterable[int], words: str) -> None:
    if values is None:
        return
    given = list(values)
    if not given:
        raise InvalidInputError(f"recurrence.schedule.{name}", "is empty; give a value or leave it out")
    wrong = next((value for value in given if value not in allowed), None)
    if wrong is not None:
        raise InvalidInputError(f"recurrence.schedule.{name}", f"{wrong} is not allowed; give {words}")


def _check_frequency(name: str, value: object, frequency: Frequency | None, needed: Frequency) -> None:
    if value is not None and frequency is not needed:
        raise InvalidInputError(
            f"recurrence.schedule.{name}", f"needs frequency {needed}, not {frequency}; change one of them"
        )


def _check_occurs(recurrence: Recurrence, start: datetime | None) -> None:
    """Refuse a rule without a single occurrence. Without a start only a cron expression can be judged."""
    since = _REFERENCE if start is None else start
    endless = msgspec.structs.replace(recurrence, end_time=None)
    due = timetable(endless, since, since).next_after(since - MILLISECOND)
    if start is None and recurrence.cron is None:
        return
    if due is None:
        culprit = "recurrence" if recurrence.cron is None else "recurrence.cron"
        raise InvalidInputError(culprit, "never occurs; no date and time satisfy all of it, so loosen a part")
    if start is not None and recurrence.end_time is not None and due > recurrence.end_time:
        raise InvalidInputError("recurrence.endTime", f"lies before the first occurrence at {due.isoformat()}; move it")


def _either(choices: Iterable[str]) -> str:
    *most, last = choices
    return f"{', '.join(most)} or {last}"
