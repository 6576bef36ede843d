"""Wall clocks: what a zone's clock shows at an instant, and when it shows a given time (DESIGN §5, times)."""

from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from services.scheduler.errors import InvalidInputError

_SECOND = timedelta(seconds=1)


class WallClock:
    """The clock of one zone; UTC when `time_zone` is None."""

    def __init__(self, time_zone: str | None) -> None:
        """Raise InvalidInputError, with the nearest known name, when the zone does not exist."""
        self.zone: ZoneInfo | None = None if time_zone is None or time_zone == "UTC" else _load(time_zone)

    def read(self, instant: datetime) -> datetime:
        """Return what the clock shows at `instant`, without zone; `fold` is 1 in the second pass of an hour."""
        shown = instant if self.zone is None else instant.astimezone(self.zone)
        return shown.replace(tzinfo=None)

    def instant(self, wall: datetime) -> datetime:
        """Return the UTC instant at which the clock first shows `wall`.

        A time that the clock skips becomes the first valid instant after the gap; of two passes the first counts.
        Later wall times never give earlier instants.
        """
        if self.zone is None:
            return wall.replace(tzinfo=UTC)
        first = wall.replace(tzinfo=self.zone, fold=0)
        second = first.replace(fold=1)
        if _offset(second) > _offset(first):
            return self._end_of_gap(second.astimezone(UTC), first.astimezone(UTC))
        return first.astimezone(UTC)

    def offset(self, instant: datetime) -> timedelta:
        """Return how far the clock is ahead of UTC at `instant`."""
        return timedelta() if self.zone is None else _offset(instant.astimezone(self.zone))

    def _end_of_gap(self, before: datetime, after: datetime) -> datetime:
        """Return the instant in (before, after] at which the offset changes; changes fall on whole seconds."""
        offset = self.offset(before)
        while after - before > _SECOND:
            middle = before + (after - before) // (2 * _SECOND) * _SECOND
            if self.offset(middle) == offset:
                before = middle
            else:
                after = middle
        return after.replace(microsecond=0)


def localize(naive: datetime, time_zone: str | None) -> datetime:
    """Return the UTC instant at which the zone's clock shows `naive`; no zone means UTC.

    A skipped time is the first valid instant after the gap, a doubled one its first pass. Raises InvalidInputError
    for an unknown zone.
    """
    return WallClock(time_zone).instant(naive)


def _offset(shown: datetime) -> timedelta:
    return shown.utcoffset() or timedelta()


def _load(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder or a file that is no zone, too
        raise InvalidInputError("recurrence.timeZone", f"there is no time zone {name!r}; {_advice(name)}") from error


def _advice(name: str) -> str:
    by_lower = {zone.lower(): zone for zone in available_timezones()}
    near = get_close_matches(name.lower().replace(" ", "_"), sorted(by_lower), n=1, cutoff=0.5)
    return f"did you mean {by_lower[near[0]]}?" if near else "use an IANA name such as Europe/Berlin"
