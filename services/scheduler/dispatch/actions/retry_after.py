"""Reads `Retry-After`: how long a target asks to be left alone (RFC 9110 §10.2.3)."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST = timedelta(days=365)
"""More is read as this; the retry policy caps it further."""

_SECONDS = re.compile(r"[0-9]+", re.ASCII)
_MOST = 10**9
_CHARACTERS = 64
"""No date is longer; what a target sends is bounded before it is looked at."""
_NONE = timedelta(0)


def read_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Return how long after `now` the header's seconds or HTTP date lie; None for no header and for nonsense.

    A date that has passed is no wait at all.
    """
    stripped = (text or "")[: _CHARACTERS + 1].strip()
    if not stripped or len(stripped) > _CHARACTERS:
        return None
    if _SECONDS.fullmatch(stripped):
        return min(timedelta(seconds=min(int(stripped), _MOST)), LONGEST)
    return _until(stripped, now)


def _until(text: str, now: datetime) -> timedelta | None:
    try:
        when = parsedate_to_datetime(text)
        # An asctime date, the oldest of the three forms, names no zone: HTTP's dates are UTC.
        wait = (when if when.tzinfo else when.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError, IndexError):
        return None
    return min(max(wait, _NONE), LONGEST)
