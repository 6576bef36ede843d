"""The only place that reads the time of day."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Clock(Protocol):
    """Tells the time; a parameter wherever time matters, so that tests can turn it."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC, cut to whole milliseconds."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC, cut to whole milliseconds (what the store keeps)."""
        return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)

    def precise(self) -> datetime:
        """Return the machine's time in UTC, to the microsecond: what other clocks are set by."""
        return datetime.fromtimestamp(time.time(), UTC)


def to_milliseconds_precision(instant: datetime) -> datetime:
    """Cut `instant` to whole milliseconds, so that it survives the store unchanged."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def to_epoch_ms(instant: datetime) -> int:
    """Return milliseconds since 1970-01-01T00:00:00Z, rounded down."""
    return (instant - EPOCH) // _MILLISECOND


def from_epoch_ms(milliseconds: int) -> datetime:
    """Return the aware UTC instant for milliseconds since 1970-01-01T00:00:00Z."""
    return EPOCH + _MILLISECOND * milliseconds
