"""A job's rule in a sentence: `every 2 weeks on weekdays at 09:00, Europe/Berlin`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import product

from services.scheduler.domain.recurrence import Frequency, MonthlyOccurrence, Recurrence, Schedule, Weekday
from services.scheduler.domain.zones import WallClock

_WEEKDAYS = tuple(day for day in Weekday if day < Weekday.SATURDAY)
_WEEKEND = (Weekday.SATURDAY, Weekday.SUNDAY)
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_TEEN = range(11, 14)
_MANY = 6
"""Times of a day that are told one by one."""
_DAILY = (Frequency.DAY, Frequency.WEEK, Frequency.MONTH)


def rhythm_words(rule: Recurrence | None, start: datetime | None) -> str:
    """Return when a job runs, in words; `start` is told of one that runs once."""
    if rule is None:
        return "once, as soon as it is saved" if start is None else f"once, {start:%Y-%m-%d %H:%M:%S} UTC"
    words = f"by cron {rule.cron}" if rule.cron is not None else _every(rule)
    return ", ".join((words, *_bounds(rule)))


def listed(words: Iterable[str]) -> str:
    """Return words as a list in a sentence: `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _every(rule: Recurrence) -> str:
    unit = (rule.frequency or Frequency.MINUTE).value.lower()
    every = f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"
    schedule = rule.schedule or Schedule()
    return " ".join((every, *_days(schedule), *_times(schedule, rule.frequency)))


def _days(schedule: Schedule) -> Iterator[str]:
    if schedule.week_days is not None:
        yield _week(tuple(sorted(set(schedule.week_days))))
    days = [_day_of_month(day) for day in sorted(set(schedule.month_days or ()), key=lambda day: (day < 0, day))]
    if days:
        yield f"on the {listed(days)}"
    if schedule.monthly_occurrences:
        yield f"{'and ' if days else ''}on {listed(map(_nth, schedule.monthly_occurrences))}"


def _week(days: Sequence[Weekday]) -> str:
    if days == _WEEKDAYS:
        return "on weekdays"
    if days == _WEEKEND:
        return "at the weekend"
    return "on every day" if len(days) == len(Weekday) else f"on {listed(_name(day) for day in days)}"


def _day_of_month(day: int) -> str:
    if day == -1:
        return "last day"
    number = abs(day)
    ending = "th" if number % 100 in _TEEN else _ENDINGS.get(number % 10, "th")
    return f"{number}{ending}" if day > 0 else f"{number}{ending} last day"


def _nth(one: MonthlyOccurrence) -> str:
    if one.occurrence is None:
        return f"every {_name(one.day)}"
    word = _NTH.get(one.occurrence) or f"{_NTH[-one.occurrence]} last"
    return f"the {word} {_name(one.day)}"


def _times(schedule: Schedule, frequency: Frequency | None) -> Iterator[str]:
    hours, minutes = sorted(set(schedule.hours or ())), sorted(set(schedule.minutes or ()))
    if frequency in _DAILY and hours and minutes and len(hours) * len(minutes) <= _MANY:
        yield f"at {listed(f'{hour:02d}:{minute:02d}' for hour, minute in product(hours, minutes))}"
        return
    if hours:
        yield f"in {'hour' if len(hours) == 1 else 'hours'} {_runs(hours)}"
    if minutes:
        yield f"at {'minute' if len(minutes) == 1 else 'minutes'} {_runs(minutes)}"


def _runs(numbers: Sequence[int]) -> str:
    """Return numbers with those that follow each other as `8 to 17`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    spans = ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(one) for one in run] for run in runs)
    return listed(word for span in spans for word in span)


def _bounds(rule: Recurrence) -> Iterator[str]:
    if rule.count is not None:
        yield "once" if rule.count == 1 else f"{rule.count} times"
    if rule.end_time is not None:
        yield f"until {WallClock(rule.time_zone).read(rule.end_time):%Y-%m-%d %H:%M}"
    yield rule.time_zone or "UTC"


def _name(day: Weekday) -> str:
    return day.name.capitalize()
