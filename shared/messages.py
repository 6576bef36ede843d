"""The payloads of the bus contract: frozen structs and their JSON form (docs/topics.md).

Unknown fields are ignored, so that the contract can grow; wrong types are refused.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from shared.errors import PermanentError

T = TypeVar("T")
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset: one without cannot be compared with any other, so it is refused at the door."""
_ENCODER = msgspec.json.Encoder()


class Refusal(StrEnum):
    """Why a message was refused; the closed set of `leeward_messages_refused_total{reason}`.

    INVALID: no valid message of its topic. TOO_LARGE: above the contract's limit. OUTBOX_FULL: our own, with too much
    waiting already. UNASKED: a reply that nobody waits for, or from somebody else than was asked. NOT_ENTITLED: words
    about a host from one that may not speak for it. FLOOD: more than anybody has to say.
    """

    INVALID = "invalid"
    TOO_LARGE = "too-large"
    OUTBOX_FULL = "outbox-full"
    UNASKED = "unasked"
    NOT_ENTITLED = "not-entitled"
    FLOOD = "flood"


class MessageRefusedError(PermanentError):
    """A message that is not taken, and the reason that it counts under."""

    def __init__(self, message: str, reason: Refusal = Refusal.INVALID) -> None:
        """Keep the reason beside the message."""
        super().__init__(message)
        self.reason = reason


class _Payload(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Common form: camelCase on the wire."""


class Presence(StrEnum):
    """Whether a process says that it lives."""

    ONLINE = "online"
    OFFLINE = "offline"


class MetadataState(StrEnum):
    """How the metadata service stands for one watcher (reference §1.7).

    WAITING: the first answer is awaited, which may take two minutes. ACTIVATING: it answers, but may only just have
    been switched on, and then events come within five minutes. ACTIVE: events come. FAILING: it does not answer, or
    not with a document; what was read last stands. NONE: this watcher is on none of the VMs that it speaks for, and has
    another source (docs/eventgrid.md).
    """

    WAITING = "waiting"
    ACTIVATING = "activating"
    ACTIVE = "active"
    FAILING = "failing"
    NONE = "none"


class HostStatus(_Payload, frozen=True, kw_only=True):
    """`hosts/{host}/status`: the watcher's heartbeat and will. `session` changes at each start.

    `metadata` is how the metadata service stands, one of `MetadataState`, since `metadata_since`; plain text, so that a
    new word does no harm.
    """

    host: str
    session: str
    state: Presence
    at: Instant
    poll_ok: bool = False
    last_poll_at: Instant | None = None
    started_at: Instant | None = None
    metadata: str = ""
    metadata_since: Instant | None = None


class Inventory(_Payload, frozen=True, kw_only=True):
    """`hosts/{host}/inventory`: who the host is; `group` is shared by hosts that see the same document.

    `instance` is the number of a uniform scale set's member. Events name hosts by `host` alone, never by another name.
    """

    host: str
    resource: str = ""
    vm_id: str = ""
    computer_name: str = ""
    addresses: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    group: str = ""
    zone: str = ""
    scale_set: str = ""
    instance: str = ""
    placement_group: str = ""
    fault_domain: str = ""
    update_domain: str = ""
    location: str = ""
    subscription: str = ""
    resource_group: str = ""
    size: str = ""
    priority: str = ""
    eviction_policy: str = ""
    tags: dict[str, str] = {}


class Event(_Payload, frozen=True, kw_only=True):
    """A provider's notice about hosts, normalised. Types and statuses not known here pass through.

    `not_before` is None once started or when unknown; `duration_seconds` is None when unknown (Azure's -1).
    """

    event_id: str
    type: str
    status: str
    resources: tuple[str, ...]
    not_before: Instant | None = None
    description: str = ""
    source: str = ""
    duration_seconds: int | None = None
    first_seen_at: Instant | None = None


class EndedEvent(_Payload, frozen=True, kw_only=True):
    """How an event has ended, by a source that says so: `outcome` is `completed` or `cancelled`.

    Plain text, so that a new word does no harm.
    """

    event_id: str
    outcome: str
    at: Instant


class EventSnapshot(_Payload, frozen=True, kw_only=True):
    """`hosts/{host}/events`: everything one watcher sees, at once. Lower `sequence` of a session is stale.

    `ended` are events that are over for certain, for a day: they end at once, whoever still lists them. Most watchers
    never know for certain; then an event that is not listed any more is over.
    """

    host: str
    session: str
    sequence: int
    incarnation: int | None
    observed_at: Instant
    events: tuple[Event, ...]
    ended: tuple[EndedEvent, ...] = ()


class NoticeKind(StrEnum):
    """What happened to an event between two looks; the last level of a notice's topic."""

    SCHEDULED = "scheduled"
    RESCHEDULED = "rescheduled"
    STARTED = "started"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class DrainState(StrEnum):
    """How far a host is emptied: still running, done, or NotBefore came first."""

    DRAINING = "draining"
    DRAINED = "drained"
    OVERDUE = "overdue"


class Drain(_Payload, frozen=True, kw_only=True):
    """`hosts/{host}/drains/{eventId}`: counts of occurrences running on, held for, rerouted from the host."""

    event_id: str
    host: str
    state: DrainState
    running: int
    held: int
    rerouted: int
    deadline: Instant | None
    at: Instant


class ApproveCommand(_Payload, frozen=True, kw_only=True):
    """`hosts/{host}/commands/approve`: let Azure start the event now."""

    event_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    reason: Annotated[str, msgspec.Meta(max_length=500)]
    decided_by: Annotated[str, msgspec.Meta(max_length=255)]


OBJECTED = 409


class ApproveReply(_Payload, frozen=True, kw_only=True):
    """The watcher's answer: Azure's HTTP status, or `error` with status 0 when Azure was not reached.

    OBJECTED: the watcher itself is against it, because a responder is not done, or in a dry run; nobody else is asked.
    """

    event_id: str
    status: int
    error: str | None = None


class Block(_Payload, frozen=True, kw_only=True):
    """`hosts/{host}/blocks/{name}`: approvals wait until it is cleared, or `until`, or the event's end."""

    reason: str
    until: Instant | None = None


class ReplicaStatus(_Payload, frozen=True, kw_only=True):
    """`scheduler/{replica}/status`: a scheduler's heartbeat and will."""

    replica: str
    session: str
    state: Presence
    at: Instant
    version: str


class CloudEvent(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """CloudEvents 1.0 in structured JSON mode; `id` is unique per notification, not per Azure event."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: Instant
    datacontenttype: str = "application/json"
    data: T


class EventNotice(_Payload, frozen=True, kw_only=True):
    """Data of `notices/{host}/{type}`."""

    host: str
    event: Event
    previous_status: str | None = None
    previous_not_before: Instant | None = None


class ExecutionKind(StrEnum):
    """What became of an occurrence; last part of the CloudEvent type `io.leeward.execution.*`."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HELD = "held"
    RELEASED = "released"
    REROUTED = "rerouted"
    MISSED = "missed"


class ExecutionNotice(_Payload, frozen=True, kw_only=True):
    """Data of `executions/{collection}/{job}`.

    `cause` is why an attempt started where it did, was moved or broken off, or why an occurrence is held or was missed,
    one word of a closed set (docs/rest.md, Decisions); empty for `released`, and for an attempt that ended by itself.
    `event_id` names the event behind it, `cordon` for an operator's cordon, None where there is none.
    """

    collection: str
    job: str
    occurrence_id: str
    scheduled_time: Instant
    attempt: int
    host: str | None = None
    from_host: str | None = None
    reason: str = ""
    message: str = ""
    cause: str = ""
    event_id: str | None = None


CLOUD_EVENT_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
JSON_CONTENT_TYPE = "application/json"


def encode(message: msgspec.Struct) -> bytes:
    """Return the UTF-8 JSON form of a message."""
    return _ENCODER.encode(message)


def decode(payload: bytes, kind: type[T]) -> T:
    """Read a payload as `kind`; raises MessageRefusedError, never anything else, on whatever bytes arrive."""
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise MessageRefusedError(f"not a valid {kind.__name__}: {fault}") from fault


def to_builtins(message: msgspec.Struct) -> Any:
    """Return the message as plain JSON values (dicts, lists, strings)."""
    return msgspec.to_builtins(message)
