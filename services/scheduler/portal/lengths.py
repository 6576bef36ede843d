"""Spans of time in plain words, and sizes."""

from datetime import timedelta

_UNITS = ("B", "KB", "MB", "GB", "TB")
_STEP = 1000


def length_words(span: timedelta) -> str:
    """Return a span in two figures or so: `40 ms`, `1.5 s`, `12 s`, `14 min 30 s`, `6 h 5 min`, `3 days`."""
    seconds = span.total_seconds()
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def size_words(size: int) -> str:
    """Return bytes in the unit that fits: `80 MB`."""
    number, unit = float(size), 0
    while number >= _STEP and unit < len(_UNITS) - 1:
        number, unit = number / _STEP, unit + 1
    return f"{number:.0f} {_UNITS[unit]}" if number >= 10 or not unit else f"{number:.1f} {_UNITS[unit]}"
