"""Lengths of time within their limits."""

from datetime import timedelta

from services.scheduler.api.schemas.values import Duration
from services.scheduler.errors import InvalidInputError

ZERO = timedelta(0)


def within(duration: Duration | None, field: str, default: timedelta, least: timedelta, most: timedelta) -> timedelta:
    """Return the length, or the default where none is given; raises InvalidInputError outside of `least` to `most`."""
    if duration is None:
        return default
    if duration.value < least:
        raise InvalidInputError(field, f"is too short: at least {Duration(least)} is needed")
    if duration.value > most:
        raise InvalidInputError(field, f"is too long: at most {Duration(most)} is allowed")
    return duration.value
