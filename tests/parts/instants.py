"""Short ways to write instants and to look at the first ones of a recurrence."""

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from services.scheduler.domain.grids import MILLISECOND
from services.scheduler.domain.recurrence import Recurrence
from services.scheduler.domain.timetable import upcoming


def utc(text: str) -> datetime:
    """Return the instant of an ISO text without offset, read as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dues(recurrence: Recurrence, start: datetime, number: int, *, since: datetime | None = None) -> list[datetime]:
    """Return the first due instants not earlier than `since` (the start when absent)."""
    after = (start if since is None else since) - MILLISECOND
    return list(islice(upcoming(recurrence, start, start, after, None), number))


def shown(instants: list[datetime], zone: str = "UTC") -> list[str]:
    """Return what the zone's clock shows at each instant, `MM-DD HH:MM`."""
    return [f"{instant.astimezone(ZoneInfo(zone)):%m-%d %H:%M}" for instant in instants]
