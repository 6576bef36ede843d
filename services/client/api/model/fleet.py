"""Hosts, the events that providers announce about them, and what happens as it happens."""

from datetime import datetime
from typing import Any

import msgspec

from services.client.api.model.base import UNKNOWN, Reply, Word


class HostCondition(Word):
    """How a host stands."""

    AVAILABLE = "available"
    CORDONED = "cordoned"
    DRAINED = "drained"
    INTERRUPTED = "interrupted"
    SILENT = "silent"
    UNKNOWN = UNKNOWN


class EventOutcome(Word):
    """How an event ended; ACTIVE until it has."""

    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = UNKNOWN


class ApprovalState(Word):
    """How far the approval of an event is; FOREIGN: it started early and not by us."""

    NONE = "none"
    ASKED = "asked"
    APPROVED = "approved"
    FOREIGN = "foreign"
    UNKNOWN = UNKNOWN


class Spared(Word):
    """Why an event does not keep jobs off a host that it names."""

    SHARE = "share"
    HOLD = "hold"
    UNKNOWN = UNKNOWN


class Loss(Reply, frozen=True, kw_only=True):
    """The event that took a host away for good."""

    event_id: str
    type: str
    at: datetime


class Host(Reply, frozen=True, kw_only=True):
    """A host; `running` and `held` are None for callers who are confined to some collections."""

    host: str
    condition: HostCondition
    watcher: str
    pools: tuple[str, ...]
    addresses: tuple[str, ...]
    events: tuple[str, ...]
    running: int | None = None
    held: int | None = None
    reason: str | None = None
    until: datetime | None = None
    last_seen_at: datetime | None = None
    lost: Loss | None = None


class HostDrain(Reply, frozen=True, kw_only=True):
    """How far one host of an event is emptied."""

    drain: str
    running: int | None = None
    held: int | None = None
    rerouted: int | None = None
    spared: Spared | None = None
    drained_at: datetime | None = None


class Approval(Reply, frozen=True, kw_only=True):
    """Who let the event start early, when and why."""

    state: ApprovalState
    at: datetime | None
    by: str | None
    reason: str | None


class Event(Reply, frozen=True, kw_only=True):
    """One event, present or past; `hosts` are drains by host."""

    event_id: str
    type: str
    status: str
    resources: tuple[str, ...]
    not_before: datetime | None
    duration_seconds: int | None
    source: str
    description: str
    outcome: EventOutcome
    hosts: dict[str, HostDrain]
    approval: Approval
    first_seen_at: datetime
    ended_at: datetime | None
    announced_for: datetime | None = None
    started_at: datetime | None = None


class PoolForesight(Reply, frozen=True, kw_only=True):
    """A pool: how many of its `hosts` would be `left` for its `jobs`; with `uncounted` it has more of these."""

    pool: str
    hosts: int
    left: int
    jobs: int
    uncounted: bool


class Foresight(Reply, frozen=True, kw_only=True):
    """What a rehearsal would do to `jobs`; with `uncounted` there are more than were looked at."""

    hosts: list[str]
    jobs: int
    rerouted: int
    held: int
    ignoring: int
    uncounted: bool
    pools: list[PoolForesight]


class Span(Reply, frozen=True, kw_only=True):
    """What one measure came to over `count` events."""

    count: int
    median_seconds: float
    p90_seconds: float


class EventStatistics(Reply, frozen=True, kw_only=True):
    """What came of the events of one type; a measure that no event has is None."""

    type: str
    count: int
    outcomes: dict[EventOutcome, int]
    notice: Span | None = None
    drain: Span | None = None
    approval_to_start: Span | None = None
    duration: Span | None = None


class Update(Reply, frozen=True, kw_only=True):
    """One thing that happened; `kind` is host, event, execution or job, `summary` a plain sentence."""

    kind: str
    at: datetime
    summary: str
    data: dict[str, Any] = msgspec.field(default_factory=dict)


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """The stream broke off; it is tried again until it comes back."""

    why: str


class Regained(msgspec.Struct, frozen=True, kw_only=True):
    """The stream is back; what happened meanwhile was not heard, so read again whatever you keep."""
