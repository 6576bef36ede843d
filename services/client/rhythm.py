"""What people write for lengths of time: `--every` as a recurrence, others as ISO 8601 durations."""

import re
from datetime import timedelta
from typing import Any

import click

from shared.clock import SystemClock
from shared.durations import format_iso, parse_duration

_PART = re.compile(r"(\d+)\s*(mo|w|d|h|m|s)")
_COMPACT = re.compile(rf"(?:{_PART.pattern}\s*)+")
_UNITS = {"mo": "Month", "w": "Week", "d": "Day", "h": "Hour", "m": "Minute", "s": "Second"}
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_HINT = "write 30s, 5m, 1h30m, 1d, 2w, 1mo, or ISO 8601 such as PT5M"


def parse_every(text: str) -> dict[str, Any]:
    """Return frequency and interval for `5m`, `1h30m`, `2w`, `1mo` or an ISO 8601 duration; raises BadParameter.

    One unit is taken as written, since `24h` is elapsed time and `1d` keeps the wall clock.
    """
    compact = text.strip().lower()
    if _COMPACT.fullmatch(compact):
        parts = _PART.findall(compact)
        if len(parts) == 1:
            return _rule(parts[0][1], int(parts[0][0]))
        if all(unit in _SECONDS for _, unit in parts):
            return _of_seconds(sum(int(amount) * _SECONDS[unit] for amount, unit in parts))
        raise click.BadParameter(f"{text!r}: months stand alone; {_HINT}", param_hint="--every")
    try:
        duration = parse_duration(text)
    except ValueError as fault:
        raise click.BadParameter(f"{text!r} is no interval; {_HINT}", param_hint="--every") from fault
    if duration.microseconds:
        raise click.BadParameter(f"{text!r} is no whole number of seconds", param_hint="--every")
    return _of_seconds(duration.days * 86_400 + duration.seconds)


def iso_length(text: str | None) -> str | None:
    """Return `30s`, `5m`, `1h30m`, `1d` or `2w` as ISO 8601; anything else as it is, for the scheduler to judge."""
    length = parse_length(text or "")
    return text if length is None else format_iso(length)


def parse_length(text: str) -> timedelta | None:
    """Return `30s`, `5m`, `1h30m`, `1d` or `2w` as a length; None for anything else."""
    compact = text.strip().lower()
    parts = _PART.findall(compact) if _COMPACT.fullmatch(compact) else []
    if not parts or any(unit not in _SECONDS for _, unit in parts):
        return None
    return timedelta(seconds=sum(int(amount) * _SECONDS[unit] for amount, unit in parts))


def instant_of(text: str) -> str:
    """Return a time as it is written, for the scheduler to judge; a length as the instant so long ago."""
    length = parse_length(text)
    return text if length is None else (SystemClock().now() - length).isoformat()


def _of_seconds(seconds: int) -> dict[str, Any]:
    unit = next((unit for unit, size in _SECONDS.items() if seconds % size == 0), "s")
    return _rule(unit, seconds // _SECONDS[unit])


def _rule(unit: str, interval: int) -> dict[str, Any]:
    if interval < 1:
        raise click.BadParameter("must be longer than nothing", param_hint="--every")
    return {"frequency": _UNITS[unit], "interval": interval}
