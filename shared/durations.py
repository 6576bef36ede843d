"""Durations as text: ISO 8601 and .NET's TimeSpan, the two dialects of the old clients (reference §0.2)."""

import re
from datetime import timedelta
from decimal import Decimal

_NUMBER = r"(\d{1,12}(?:[.,]\d{1,9})?)"
_ISO = re.compile(
    rf"([+-])?P(?=.)(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    # A day behind the T is wrong, yet Microsoft's own documents write PT1D.
    rf"(?:T(?=.)(?:{_NUMBER}D)?(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII,
)
_ISO_SECONDS = (604_800, 86_400, 86_400, 3_600, 60, 1)
# Hours end at 23: .NET itself reads 24:00:00 as 24 days in some versions and refuses it in others.
_TIMESPAN = re.compile(
    r"([+-])?(?:(\d{1,9})\.)?([01]?\d|2[0-3]):([0-5]?\d)(?::([0-5]?\d(?:\.\d{1,9})?))?",
    re.ASCII,
)
_TIMESPAN_SECONDS = (86_400, 3_600, 60, 1)
_HINT = "write ISO 8601 (PT30S, PT1M, P1D, P1DT2H) or [d.]hh:mm:ss (00:01:00, 1.00:00:00)"
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND


def parse_duration(text: str) -> timedelta:
    """Read either dialect to whole microseconds; raises ValueError that says what to write.

    Years and months have no fixed length and are refused.
    """
    stripped = text.strip()
    try:
        value = _read(_ISO, _ISO_SECONDS, stripped.upper()) or _read(_TIMESPAN, _TIMESPAN_SECONDS, stripped)
    except OverflowError as fault:
        raise ValueError(f"{text!r} is too long for a duration: {_HINT}") from fault
    if value is None:
        raise ValueError(f"{text!r} is not a duration: {_HINT}")
    return value[0]


def _read(pattern: re.Pattern[str], weights: tuple[int, ...], text: str) -> tuple[timedelta] | None:
    match = pattern.fullmatch(text)
    if match is None:
        return None
    sign, *numbers = match.groups(default="0")
    seconds = sum(Decimal(number.replace(",", ".")) * weight for number, weight in zip(numbers, weights, strict=True))
    value = timedelta(microseconds=int(seconds * _SECOND))
    return (-value if sign == "-" else value,)


def format_iso(value: timedelta) -> str:
    """Return the shortest ISO 8601 form in days, hours, minutes and seconds: PT1M30S, P1D, PT0S."""
    sign, days, hours, minutes, seconds, fraction = _parts(value)
    number = f"{seconds}.{fraction:06d}".rstrip("0").rstrip(".") if fraction else str(seconds)
    time = "".join(
        f"{amount}{unit}" for amount, unit in ((str(hours), "H"), (str(minutes), "M"), (number, "S")) if amount != "0"
    )
    date = f"{days}D" if days else ""
    if not date and not time:
        return "PT0S"
    return f"{sign}P{date}T{time}" if time else f"{sign}P{date}"


def format_timespan(value: timedelta) -> str:
    """Return .NET's constant ("c") form: 00:01:00, 1.00:00:00, 00:00:00.5000000."""
    sign, days, hours, minutes, seconds, fraction = _parts(value)
    date = f"{days}." if days else ""
    # .NET counts in ticks of 100 ns, so it writes seven digits.
    tail = f".{fraction * 10:07d}" if fraction else ""
    return f"{sign}{date}{hours:02d}:{minutes:02d}:{seconds:02d}{tail}"


def _parts(value: timedelta) -> tuple[str, int, int, int, int, int]:
    days, rest = divmod(abs(value) // _MICROSECOND, _DAY)
    whole, fraction = divmod(rest, _SECOND)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return ("-" if value < timedelta(0) else "", days, hours, minutes, seconds, fraction)
