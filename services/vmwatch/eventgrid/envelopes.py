"""Reads what Event Grid posts: one or many events in its own schema or as CloudEvents 1.0. Pure.

The page that describes scheduled events in Event Grid calls their type by two names that contradict each other
(reference §1.11, §1.17); which one Azure sends is UNVERIFIED, so both are taken. Nothing else knows these names.
"""

from datetime import datetime
from typing import Any, Final

import msgspec

from services.vmwatch.documents import parse_instant, parse_resource_event
from services.vmwatch.errors import DocumentError
from shared.messages import Event

VALIDATION_TYPE: Final = "microsoft.eventgrid.subscriptionvalidationevent"
SCHEDULED_EVENT_TYPES: Final = frozenset(
    {
        "microsoft.resourcenotifications.maintenanceresources.scheduledeventemitted",
        "microsoft.maintenance/scheduledevents/write",
    }
)
"""Compared without case."""
MOST_IN_ONE: Final = 5000
"""Event Grid batches at most so many (its limit for `max-events-per-batch`)."""
_LONGEST_ID: Final = 256
_NO_DATA: Final = msgspec.Raw(b"null")


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """Event Grid asks whether this endpoint wants its events; the code is the answer."""

    code: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One scheduled event as Event Grid tells it; `scope` is the ARM id of what it is about, in lower case.

    `envelope_id` is the same when the same thing is told twice. `at` is the envelope's time, None when unreadable.
    """

    envelope_id: str
    event: Event
    scope: str
    at: datetime | None
    doubts: tuple[str, ...] = ()


class Unrelated(msgspec.Struct, frozen=True, kw_only=True):
    """An event of another type: nothing to do with it."""

    type: str


Envelope = Validation | Told | Unrelated


class _Wire(msgspec.Struct, rename="camel"):
    """An event of either schema; CloudEvents say `type` and `time`, Event Grid's own `eventType` and `eventTime`."""

    id: str = ""
    data: msgspec.Raw = _NO_DATA
    event_type: str = ""
    type: str = ""
    subject: Any = None
    event_time: Any = None
    time: Any = None


class _ValidationData(msgspec.Struct, rename="camel"):
    validation_code: str


class _ResourceInfo(msgspec.Struct):
    properties: msgspec.Raw
    id: str = ""


class _ResourceData(msgspec.Struct, rename="camel"):
    resource_info: _ResourceInfo


def read_envelopes(body: bytes) -> tuple[Envelope, ...]:
    """Return the events in a body, in its order. Raises DocumentError, never anything else, on whatever bytes arrive.

    One event that cannot be read condemns the body: Event Grid keeps what was refused, if it is told to.
    """
    try:
        listed = body.lstrip()[:1] == b"["
        found = msgspec.json.decode(body, type=list[_Wire]) if listed else [msgspec.json.decode(body, type=_Wire)]
        if len(found) > MOST_IN_ONE:
            raise DocumentError(f"not from Event Grid: {len(found)} events at once are more than {MOST_IN_ONE}")
        return tuple(map(_read, found))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise DocumentError(f"not from Event Grid: {fault}") from fault


def _read(wire: _Wire) -> Envelope:
    kind = (wire.event_type or wire.type).lower()
    if kind == VALIDATION_TYPE:
        return Validation(code=msgspec.json.decode(wire.data, type=_ValidationData).validation_code)
    if kind not in SCHEDULED_EVENT_TYPES:
        return Unrelated(type=kind[:_LONGEST_ID])
    if not 0 < len(wire.id) <= _LONGEST_ID:
        raise DocumentError(f"not from Event Grid: an id must have 1 to {_LONGEST_ID} characters")
    info = msgspec.json.decode(wire.data, type=_ResourceData).resource_info
    event, doubts = parse_resource_event(bytes(info.properties))
    subject = wire.subject if isinstance(wire.subject, str) else ""
    return Told(
        envelope_id=wire.id,
        event=event,
        scope=(info.id or subject).lower(),
        at=_instant(wire.event_time or wire.time),
        doubts=doubts,
    )


def _instant(value: object) -> datetime | None:
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None
