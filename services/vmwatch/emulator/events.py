"""The scheduled events of one emulated fleet, from announcement to end. Pure: time comes in, nothing runs by itself."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from services.vmwatch.documents import SCHEDULED, STARTED
from services.vmwatch.emulator.clock import Pace
from services.vmwatch.errors import RehearsalError, UnknownEventError


class Approvals(StrEnum):
    """How many VMs of an event must approve before it starts early."""

    ANY = "any"
    ALL = "all"


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How Azure takes approvals: `start_delay` seconds pass before an approved event starts."""

    approvals: Approvals = Approvals.ANY
    start_delay: float = 1.0


class Draft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An event to raise. Seconds are Azure's; what is left out follows the type (reference §1.5).

    `startedSeconds` is how long it stays Started; by default its duration, or half a minute when that is unknown.
    A status other than Scheduled or Started (such as Advisory) just stands for `startedSeconds` after NotBefore.
    """

    type: str
    resources: tuple[str, ...]
    id: str | None = None
    status: str = SCHEDULED
    source: str = "Platform"
    description: str = ""
    notice_seconds: float | None = None
    duration_seconds: int | None = None
    started_seconds: float | None = None


class RehearsedEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One live event. `start_at` is NotBefore, or earlier once approved; `end_at` is known once it has started."""

    id: str
    type: str
    status: str
    resources: tuple[str, ...]
    source: str
    description: str
    duration_seconds: int
    started_seconds: float
    not_before: datetime
    start_at: datetime
    end_at: datetime | None = None
    approved_by: tuple[str, ...] = ()


class Ending(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event that is over, and how it ended: `completed` or `cancelled`."""

    event: RehearsedEvent
    outcome: str
    at: datetime


_NOTICES: Final = {"freeze": 900.0, "reboot": 900.0, "redeploy": 600.0, "preempt": 30.0, "terminate": 300.0}
_DURATIONS: Final = {"freeze": 5}
_UNKNOWN_DURATION: Final = -1
_STARTED_SECONDS: Final = 30.0
_REMEMBERED_ENDINGS: Final = 1000


class Board:
    """The events of all VMs that share a document. Call `advance` before reading: it lets time take effect."""

    def __init__(self, pace: Pace, habits: Habits) -> None:
        """Begin calm, at incarnation 1."""
        self.incarnation = 1
        self.endings: list[Ending] = []
        self._pace = pace
        self._habits = habits
        self._events: dict[str, RehearsedEvent] = {}

    def advance(self, now: datetime) -> tuple[RehearsedEvent, ...]:
        """Start what is due, end what has lasted, and return the live events in the order of their announcement."""
        for event in tuple(self._events.values()):
            current = event
            if current.end_at is None and current.start_at <= now:
                current = self._begin(current, current.start_at)
            if current.end_at is not None and current.end_at <= now:
                self._end(current, "completed", current.end_at)
        return tuple(self._events.values())

    def schedule(self, draft: Draft, event_id: str, now: datetime) -> RehearsedEvent:
        """Announce an event under `event_id`; one drafted as Started is born so. Raises RehearsalError."""
        if event_id in self._events:
            raise RehearsalError(f"event {event_id} exists already; choose another id or finish it first")
        event = self._announced(draft, event_id, now)
        self._put(event)
        return self._begin(event, now) if event.status == STARTED else event

    def approve(self, event_id: str, vm: str, resources: Iterable[str], now: datetime) -> bool:
        """Take a VM's StartRequest; False when no live event has that id. Approving again changes nothing.

        `resources` are the event's VMs that exist here, which must all approve under `Approvals.ALL`.
        """
        event = self._events.get(event_id.upper())
        if event is None:
            return False
        approved_by = tuple(dict.fromkeys((*event.approved_by, vm)))
        enough = self._habits.approvals is Approvals.ANY or set(resources) <= set(approved_by)
        if event.status == SCHEDULED:
            start_at = now + self._pace.span(self._habits.start_delay) if enough else event.start_at
            start_at = min(start_at, event.start_at)
            # Approvals do not show in the document, so its incarnation stays.
            self._events[event.id] = msgspec.structs.replace(event, approved_by=approved_by, start_at=start_at)
        return True

    def start(self, event_id: str, now: datetime) -> RehearsedEvent:
        """Start an event at once, as Azure does when it will not wait. Raises UnknownEventError."""
        event = self._require(event_id)
        return event if event.end_at is not None else self._begin(event, now)

    def finish(self, event_id: str, now: datetime) -> None:
        """End an event as completed. Raises UnknownEventError."""
        event = self._require(event_id)
        self._end(event if event.end_at else self._begin(event, now), "completed", now)

    def cancel(self, event_id: str, now: datetime) -> None:
        """Withdraw an event that has not started. Raises UnknownEventError, RehearsalError."""
        event = self._require(event_id)
        if event.end_at is not None:
            raise RehearsalError(f"event {event.id} has started and cannot be cancelled; finish it")
        self._end(event, "cancelled", now)

    def reschedule(self, event_id: str, notice_seconds: float, now: datetime) -> RehearsedEvent:
        """Move NotBefore to so many seconds from now. Raises UnknownEventError, RehearsalError."""
        event = self._require(event_id)
        if event.end_at is not None:
            raise RehearsalError(f"event {event.id} has started; its NotBefore is over")
        not_before = now + self._pace.span(notice_seconds)
        moved = msgspec.structs.replace(event, not_before=not_before, start_at=not_before)
        self._put(moved)
        return moved

    def reset(self, incarnation: int = 1) -> None:
        """Let the incarnation fall or jump without any change of events (reference §1.3)."""
        self.incarnation = incarnation

    def _announced(self, draft: Draft, event_id: str, now: datetime) -> RehearsedEvent:
        kind = draft.type.lower()
        notice = draft.notice_seconds if draft.notice_seconds is not None else _NOTICES.get(kind, 900.0)
        duration = draft.duration_seconds
        if duration is None:
            duration = _DURATIONS.get(kind, _UNKNOWN_DURATION)
        not_before = now + self._pace.span(notice)
        return RehearsedEvent(
            id=event_id,
            type=draft.type,
            status=draft.status,
            resources=draft.resources,
            source=draft.source,
            description=draft.description,
            duration_seconds=duration,
            started_seconds=_time_started(draft.started_seconds, duration),
            not_before=not_before,
            start_at=not_before,
        )

    def _begin(self, event: RehearsedEvent, at: datetime) -> RehearsedEvent:
        status = STARTED if event.status == SCHEDULED else event.status
        end_at = at + self._pace.span(event.started_seconds)
        begun = msgspec.structs.replace(event, status=status, start_at=at, end_at=end_at)
        self._put(begun)
        return begun

    def _put(self, event: RehearsedEvent) -> None:
        self._events[event.id] = event
        self.incarnation += 1

    def _end(self, event: RehearsedEvent, outcome: str, at: datetime) -> None:
        del self._events[event.id]
        self.incarnation += 1
        self.endings.append(Ending(event=event, outcome=outcome, at=at))
        del self.endings[:-_REMEMBERED_ENDINGS]

    def _require(self, event_id: str) -> RehearsedEvent:
        try:
            return self._events[event_id.upper()]
        except KeyError:
            raise UnknownEventError(f"no live event {event_id}") from None


def _time_started(asked: float | None, duration: int) -> float:
    if asked is not None:
        return asked
    return float(duration) if duration > 0 else _STARTED_SECONDS
