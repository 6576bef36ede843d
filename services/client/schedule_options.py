"""The flags that say when a job runs: a rhythm, a schedule within it, or a cron expression."""

import re
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from services.client.action_options import given
from services.client.flags import flag
from services.client.rhythm import parse_every

_SECTION = "When it runs"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_RANGE = re.compile(r"(?P<first>-?\d+)(?:-(?P<last>\d+))?")
_NTH = re.compile(r"(?P<nth>[-\w]+)\s+(?P<day>[a-z]+)", re.IGNORECASE)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
_SUFFIX = re.compile(r"(-?\d+)(?:st|nd|rd|th)?")
TIMING_OPTIONS = (
    flag(_SECTION, "--every", metavar="LENGTH", help="Repeat: 30s, 5m, 1h30m, 1d, 2w, 1mo or PT5M."),
    flag(_SECTION, "--minutes", metavar="LIST", help="… only at these minutes: 0,30 or 10-20."),
    flag(_SECTION, "--hours", metavar="LIST", help="… in these hours: 5,17 or 8-18 (each day, without --every)."),
    flag(_SECTION, "--weekdays", metavar="LIST", help="… on these days: Mon,Thu or Mon-Fri (each week)."),
    flag(_SECTION, "--monthdays", metavar="LIST", help="… of the month: 1,15 or -1, which is the last (each month)."),
    flag(
        _SECTION,
        "--monthly",
        multiple=True,
        metavar="'NTH DAY'",
        help="… 'first Monday' or 'last Friday' of each month; may be repeated.",
    ),
    flag(_SECTION, "--cron", metavar="EXPRESSION", help='Repeat by a five-field cron expression, such as "0 5 * * 1".'),
    flag(_SECTION, "--at", metavar="TIME", help="First (or only) time: 2026-01-31T09:30:00, with Z or in --time-zone."),
    flag(_SECTION, "--time-zone", metavar="ZONE", help="IANA zone of a recurrence, such as Europe/Berlin."),
    flag(_SECTION, "--count", type=int, help="Stop after so many occurrences."),
    flag(_SECTION, "--end", metavar="TIME", help="Stop after this time."),
)


class TimingFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What was given of when a job runs."""

    every: str | None = None
    minutes: str | None = None
    hours: str | None = None
    weekdays: str | None = None
    monthdays: str | None = None
    monthly: tuple[str, ...] = ()
    cron: str | None = None
    at: str | None = None
    time_zone: str | None = None
    count: int | None = None
    end: str | None = None


def recurrence_document(flags: TimingFlags) -> dict[str, Any]:
    """Return the part of `recurrence` that the flags speak of; raises BadParameter, UsageError."""
    schedule = _schedule(flags)
    if flags.every and flags.cron:
        raise click.UsageError("--every does not go with --cron; give one of them")
    if flags.cron and schedule:
        raise click.UsageError(
            "--cron has a schedule of its own; leave out --minutes, --hours, --weekdays and the like"
        )
    return given(
        **(parse_every(flags.every) if flags.every else {}),
        schedule=schedule,
        cron=flags.cron,
        timeZone=flags.time_zone,
        count=flags.count,
        endTime=flags.end,
    )


def with_rhythm(recurrence: dict[str, Any]) -> dict[str, Any]:
    """Return a new job's recurrence, the rhythm its schedule implies filled in. Raises UsageError for minutes alone."""
    schedule = recurrence.get("schedule", {})
    if not schedule or "frequency" in recurrence:
        return recurrence
    implied = {"monthDays": "Month", "monthlyOccurrences": "Month", "weekDays": "Week", "hours": "Day"}
    frequency = next((implied[name] for name in implied if name in schedule), None)
    if frequency is None:
        raise click.UsageError("--minutes of what? Give --every 1h, or --hours as well")
    return {"frequency": frequency, "interval": 1, **recurrence}


def _schedule(flags: TimingFlags) -> dict[str, Any]:
    return given(
        minutes=_numbers(flags.minutes, "--minutes", 0, 59),
        hours=_numbers(flags.hours, "--hours", 0, 23),
        weekDays=list(_week_days(flags.weekdays)) or None,
        monthDays=_numbers(flags.monthdays, "--monthdays", -31, 31),
        monthlyOccurrences=[_nth(text) for text in flags.monthly] or None,
    )


def _numbers(text: str | None, option: str, least: int, most: int) -> list[int] | None:
    if text is None:
        return None
    found = [number for part in text.split(",") for number in _range(part.strip(), option)]
    if wrong := [number for number in found if not least <= number <= most]:
        raise click.BadParameter(f"{wrong[0]} is not within {least} and {most}", param_hint=option)
    return list(dict.fromkeys(found))


def _range(part: str, option: str) -> list[int]:
    match = _RANGE.fullmatch(part)
    if match is None:
        raise click.BadParameter(f"{part!r}: write numbers such as 0,30 or 10-20", param_hint=option)
    first = int(match["first"])
    last = first if match["last"] is None else int(match["last"])
    if last < first:
        raise click.BadParameter(f"{part!r} runs backwards; write it as two ranges", param_hint=option)
    return list(range(first, last + 1))


def _week_days(text: str | None) -> Iterator[str]:
    """Yield the days of `Mon,Thu` or `Fri-Mon`, which may go over the week's end, each once."""
    found: dict[str, None] = {}
    for part in (text or "").split(",") if text is not None else ():
        first, dash, last = part.partition("-")
        start = _day(first, "--weekdays")
        end = _day(last, "--weekdays") if dash else start
        length = (end - start) % len(_DAYS)
        found |= dict.fromkeys(_DAYS[(start + step) % len(_DAYS)] for step in range(length + 1))
    yield from found


def _day(text: str, option: str) -> int:
    """Return the number of a day, which three letters are enough for."""
    name = text.strip().lower()
    for number, day in enumerate(_DAYS):
        if len(name) >= 3 and day.lower().startswith(name):
            return number
    raise click.BadParameter(f"{text.strip()!r} is no day; write Mon, Tue, … or Mon-Fri", param_hint=option)


def _nth(text: str) -> dict[str, Any]:
    match = _NTH.fullmatch(text.strip())
    if match is None:
        raise click.BadParameter(f"{text!r}: write 'first Monday' or 'last Friday'", param_hint="--monthly")
    return {"day": _DAYS[_day(match["day"], "--monthly")], "occurrence": _ordinal(match["nth"], text)}


def _ordinal(word: str, text: str) -> int:
    number = _SUFFIX.fullmatch(word.lower())
    nth = int(number[1]) if number else _ORDINALS.get(word.lower(), 0)
    if nth == 0 or abs(nth) > 5:
        raise click.BadParameter(
            f"{text!r}: which one? Write first to fifth, last, or 1st, 2nd, …", param_hint="--monthly"
        )
    return nth
