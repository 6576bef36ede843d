"""Which events statistics are about."""

from datetime import UTC, datetime

import msgspec
from aiohttp import web
from msgspec.structs import replace

from services.scheduler.api.filters import BEFORE, EQUAL, FROM, PARAMETER, Clause, read_clauses, refusal
from services.scheduler.api.schemas.timing import instant
from services.scheduler.api.schemas.values import Time
from services.scheduler.errors import InvalidInputError
from services.scheduler.store.records import EventRecord

_USAGE = "join by and: type eq <type>, firstSeenAt ge <time>, firstSeenAt lt <time>"
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_BOUNDS = {FROM: "since", BEFORE: "until"}


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
    wanted = EventFilter()
    for clause in read_clauses(request, _USAGE, (EQUAL, FROM, BEFORE)):
        field, value = _meaning(request, clause)
        if getattr(wanted, field) is not None:
            raise InvalidInputError(PARAMETER, f"{clause.field} {clause.relation} stands there twice")
        wanted = replace(wanted, **{field: value})
    return wanted


def _meaning(request: web.Request, clause: Clause) -> tuple[str, object]:
    """Return what a condition sets of the filter, and to what."""
    match clause.field.lower(), clause.relation:
        case "firstseenat", relation if relation in _BOUNDS:
            return _BOUNDS[relation], _instant(clause.value)
        case "type", "eq":
            return "type", clause.value
        case _:
            raise refusal(request, _USAGE)


def _instant(text: str) -> object:
    try:
        return instant(Time.parse(text), None, PARAMETER)
    except ValueError as fault:
        raise InvalidInputError(PARAMETER, str(fault)) from fault
