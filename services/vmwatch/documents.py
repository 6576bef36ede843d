"""Reads Azure's Scheduled Events documents; nothing else knows their field names and date formats.

Azure really sends RFC 1123 dates, ISO dates from mocks, `""` once started, fewer keys in older versions and names it
has not documented. A body that is no document raises DocumentError: an error must never look like "no events". Inside
a document the fields that decide (id, type, status, resources) must be right or the whole document is refused; a field
that only describes is taken as unknown when it cannot be read, and named in `doubts`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import msgspec

from services.vmwatch.errors import DocumentError
from shared.clock import to_milliseconds_precision
from shared.messages import Event

API_VERSION: Final = "2020-07-01"
UNDERSCORE_VERSION: Final = "2017-03-01"
"""The version that puts a `_` before IaaS resource names (reference §1.2)."""
MAX_BODY_BYTES: Final = 256 * 1024
"""A placement group has at most 100 VMs, and an event takes about 500 bytes: five times what Azure can need."""
STARTED: Final = "Started"
SCHEDULED: Final = "Scheduled"
COMPLETED: Final = "Completed"
CANCELED: Final = "Canceled"
"""How an event ended, which Azure's control plane says and its metadata service never does (reference §1.11)."""

T = TypeVar("T")
_EVENT_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHOWN_CHARACTERS = 60


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of the service: its events in the document's order, ids in upper case, none twice.

    `spellings` are the ids as the service writes them, by upper-case id: an approval names the event in its own words.
    """

    incarnation: int
    events: tuple[Event, ...]
    spellings: dict[str, str] = {}
    doubts: tuple[str, ...] = ()


class _DoubtError(ValueError):
    """A value that cannot be read and does not decide."""


class _WireEvent(msgspec.Struct, rename="pascal"):
    event_id: str
    event_type: str
    event_status: str
    resources: list[str]
    not_before: Any = None
    description: Any = None
    event_source: Any = None
    duration_in_seconds: Any = None


class _WireDocument(msgspec.Struct, rename="pascal"):
    document_incarnation: int
    events: list[_WireEvent]


def parse_document(body: bytes, *, api_version: str = API_VERSION) -> Document:
    """Read a Scheduled Events body asked for with `api_version` (reference §1.2-1.3).

    Raises DocumentError, never anything else, on whatever bytes arrive.
    """
    wire = decode_body(body, _WireDocument, "Scheduled Events document")
    doubts: list[str] = []
    events = [_read_event(event, api_version, doubts) for event in wire.events]
    return Document(
        incarnation=wire.document_incarnation,
        events=_merge(events),
        spellings={event.event_id.upper(): event.event_id for event in wire.events},
        doubts=tuple(doubts),
    )


def parse_resource_event(body: bytes) -> tuple[Event, tuple[str, ...]]:
    """Read one event as Azure's control plane tells it, with what could not be read (reference §1.11).

    It has the fields of the document above, and two more statuses: Completed and Canceled. Raises DocumentError.
    """
    doubts: list[str] = []
    event = _read_event(decode_body(body, _WireEvent, "scheduled event"), API_VERSION, doubts)
    return event, tuple(doubts)


def parse_instant(text: str) -> datetime:
    """Read an RFC 1123 or ISO 8601 date as aware UTC in whole milliseconds; without an offset it is UTC.

    The weekday is not checked: Azure's own samples have it wrong. Raises ValueError.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        instant = _parse_mail_date(text)
    try:
        aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except OverflowError as fault:
        raise ValueError(f"{_shown(text)} is outside the calendar") from fault
    return to_milliseconds_precision(aware)


def _parse_mail_date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError) as fault:
        raise ValueError(f"{_shown(text)} is no date") from fault


def decode_body(body: bytes, kind: type[T], name: str) -> T:
    """Read JSON bytes as `kind`; raises DocumentError that says what is wrong and how the body begins."""
    if len(body) > MAX_BODY_BYTES:
        raise DocumentError(f"not a {name}: {len(body)} bytes are more than {MAX_BODY_BYTES}")
    try:
        return msgspec.json.decode(body.removeprefix(_BYTE_ORDER_MARK), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        shown = body[:_SHOWN_CHARACTERS].decode("ascii", "replace")
        raise DocumentError(f"not a {name}: {fault}; it begins {shown!r}") from fault


def _read_event(wire: _WireEvent, api_version: str, doubts: list[str]) -> Event:
    if not _EVENT_ID.fullmatch(wire.event_id):
        raise DocumentError(f"not a Scheduled Events document: {wire.event_id[:_SHOWN_CHARACTERS]!r} is no event id")
    event_id = wire.event_id.upper()

    def tolerant(read: Callable[[object], T], value: object, unknown: T) -> T:
        try:
            return read(value)
        except ValueError as fault:
            doubts.append(f"event {event_id}: {fault}; taken as unknown")
            return unknown

    return Event(
        event_id=event_id,
        type=wire.event_type,
        status=wire.event_status,
        resources=_resource_names(wire.resources, api_version),
        not_before=None if wire.event_status == STARTED else tolerant(_not_before, wire.not_before, None),
        description=tolerant(_text, wire.description, ""),
        source=tolerant(_text, wire.event_source, ""),
        duration_seconds=tolerant(_duration, wire.duration_in_seconds, None),
    )


def _resource_names(names: list[str], api_version: str) -> tuple[str, ...]:
    plain = (name.removeprefix("_") if api_version == UNDERSCORE_VERSION else name for name in names)
    return tuple(dict.fromkeys(name for name in plain if name))


def _not_before(value: object) -> datetime | None:
    return parse_instant(text) if (text := _text(value)) else None


def _duration(value: object) -> int | None:
    """Azure's -1 says "unknown", and so does every other negative number."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _DoubtError(f"{_shown(value)} is no whole number of seconds")
    return value if value >= 0 else None


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _DoubtError(f"{_shown(value)} is no text")
    return value


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN_CHARACTERS]


def _merge(events: list[Event]) -> tuple[Event, ...]:
    """Make one event of entries with the same id: the later entry's fields, the resources of all."""
    merged: dict[str, Event] = {}
    for event in events:
        earlier = merged.get(event.event_id)
        resources = dict.fromkeys((*(earlier.resources if earlier else ()), *event.resources))
        merged[event.event_id] = msgspec.structs.replace(event, resources=tuple(resources))
    return tuple(merged.values())
