"""Which events statistics are about."""

from datetime import UTC, datetime

import msgspec
from aiohttp import web

from services.scheduler.api.filters import BOUNDS, Clause, instant_of, read_span, refusal
from services.scheduler.store.records import EventRecord

_USAGE = "join by and: type eq <type>, firstSeenAt ge <time>, firstSeenAt lt <time>"
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a type (None: any) that were first seen from `since` on and before `until`."""

    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def admits(self, event: EventRecord) -> bool:
        """Whether an event is one of those."""
        if self.type is not None and event.type.lower() != self.type.lower():
            return False
        return (self.since or _EARLIEST) <= event.first_seen_at < (self.until or _LATEST)


def read_event_filter(request: web.Request) -> EventFilter:
    """Return the filter, which may be empty. Raises InvalidInputError."""
    return read_span(request, EventFilter(), _meaning, _USAGE)


def _meaning(request: web.Request, clause: Clause) -> tuple[str, object]:
    """Return what a condition sets of the filter, and to what."""
    match clause.field.lower(), clause.relation:
        case "firstseenat", relation if relation in BOUNDS:
            return BOUNDS[relation], instant_of(clause)
        case "type", "eq":
            return "type", clause.value
        case _:
            raise refusal(request, _USAGE)
