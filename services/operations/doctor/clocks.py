"""This machine's clock held against the Date fields of others, which have whole seconds (RFC 9110 §6.6.1)."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from services.operations.doctor.findings import Notes

_TOLERANCE = timedelta(seconds=2)
_REMEDY = "set both clocks by NTP (chrony, systemd-timesyncd); a frozen VM catches up within a minute"


def judge_date(said: str, now: datetime, whose: str, notes: Notes) -> None:
    """Note how far this machine's clock is off the one behind a Date field, as far as that tells."""
    try:
        there = parsedate_to_datetime(said)
    except (TypeError, ValueError):
        notes.skip("clock", f"{whose} does not tell its time")
        return
    # A date without a zone is GMT by the standard. It is cut to seconds: half of one is the likeliest rest.
    at = (there if there.tzinfo else there.replace(tzinfo=UTC)) + timedelta(seconds=0.5)
    off = now - at
    if abs(off) > _TOLERANCE:
        way = "ahead of" if off > timedelta() else "behind"
        notes.warn("clock", f"this machine's clock is {abs(off).total_seconds():.0f} s {way} that of {whose}", _REMEDY)
    else:
        notes.ok("clock", f"this machine's clock and that of {whose} agree to a second or two")
