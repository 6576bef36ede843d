"""What became of a job's occurrences, and why; who changed what."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.client.api.model.base import UNKNOWN, Reply, Word
from services.client.api.model.policies import Level, Strategy


class HistoryStatus(Word):
    """How an attempt, or an occurrence that did not run, ended."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    POSTPONED = "Postponed"
    SKIPPED = "Skipped"
    MISSED = "Missed"
    UNKNOWN = UNKNOWN


class AttemptOf(Word):
    """Which action an attempt was of."""

    MAIN = "MainAction"
    ERROR = "ErrorAction"
    UNKNOWN = UNKNOWN


class Verdict(Word):
    """What was decided about an occurrence."""

    RAN = "ran"
    REROUTED = "rerouted"
    HELD = "held"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    MISSED = "missed"
    UNKNOWN = UNKNOWN


class Standing(Word):
    """How a host stood in a decision."""

    CHOSEN = "chosen"
    BUSIER = "busier"
    RELATED = "related"
    THREATENED = "threatened"
    FULL = "full"
    WARMING_UP = "warming_up"
    UNKNOWN = UNKNOWN


class HistoryRow(Reply, frozen=True, kw_only=True):
    """One attempt, or one occurrence that did not run and why."""

    occurrence_id: str
    scheduled_time: datetime
    start_time: datetime
    end_time: datetime
    action_name: AttemptOf
    status: HistoryStatus
    attempt: int
    host: str | None
    reason: str
    message: str
    retry_count: int
    repeat_count: int


class DecisiveEvent(Reply, frozen=True, kw_only=True):
    """The event behind a decision; `event_id` is `cordon` for an operator's cordon."""

    event_id: str
    type: str
    not_before: datetime | None = None


class DecisivePolicy(Reply, frozen=True, kw_only=True):
    """The strategy that applied, and which level set it."""

    strategy: Strategy
    answered_by: Level = msgspec.field(name="from")


class WeighedHost(Reply, frozen=True, kw_only=True):
    """A host that was considered, how it stood, and the event that was it."""

    host: str
    standing: Standing
    event_id: str | None = None


class Decision(Reply, frozen=True, kw_only=True):
    """Why an occurrence ran where and when it did, was held, moved, broken off, or did not run."""

    occurrence_id: str
    scheduled_time: datetime
    at: datetime
    attempt: int
    decision: Verdict
    cause: str
    explanation: str
    host: str | None = None
    away_from: str | None = None
    held_for: str | None = None
    held_under: str | None = None
    event: DecisiveEvent | None = None
    policy: DecisivePolicy | None = None
    expected_duration: timedelta | None = None
    considered: int | None = None
    hosts: tuple[WeighedHost, ...] = ()


class AuditEntry(Reply, frozen=True, kw_only=True):
    """One change: who made it, when, by which request, from where, and how it stood before and after."""

    id: int | None = None
    at: datetime
    caller: str
    request_id: str
    address: str | None = None
    action: str
    subscription: str | None = None
    resource_group: str | None = None
    collection: str | None = None
    job: str | None = None
    host: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    secrets: list[str] = msgspec.field(default_factory=list)
