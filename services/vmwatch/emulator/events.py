"""The scheduled events of one emulated fleet, from announcement to end. Pure: time comes in, nothing runs by itself."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from services.vmwatch.documents import SCHEDULED, STARTED
from services.vmwatch.emulator.clock import Length, Notice, Pace
from services.vmwatch.emulator.kinds import TERMINATE, kind_of
from services.vmwatch.errors import RehearsalError, UnknownEventError


class Approvals(StrEnum):
    """How many VMs of an event must approve before it starts early."""

    ANY = "any"
    ALL = "all"


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How Azure takes approvals: `start_delay` seconds pass before an approved event starts."""

    approvals: Approvals = Approvals.ANY
    start_delay: float = 1.0


class Impact(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The VMs of an event stand still for `seconds`, beginning `at` seconds after its start (reference §1.4)."""

    at: Length = 0.0
    seconds: Length


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
    description: str | None = None
    notice_seconds: Notice | None = None
    duration_seconds: int | None = None
    started_seconds: Length | None = None
    impacts: tuple[Impact, ...] = ()


class RehearsedEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One live event. `start_at` is NotBefore, or earlier once approved; `end_at` is known once it has started.

    `approved_at` is when enough VMs had approved, `released_at` when nothing else held the early start up any more.
    """

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
    approved_at: datetime | None = None
    released_at: datetime | None = None
    impacts: tuple[Impact, ...] = ()

    @property
    def is_scheduled(self) -> bool:
        """Whether it may still start, move or be withdrawn; an advisory never is."""
        return self.end_at is None and self.status == SCHEDULED

    @property
    def shown_not_before(self) -> datetime:
        """NotBefore as the document shows it: in whole seconds."""
        return self.not_before.replace(microsecond=0)

    def concerns(self, vm: str) -> bool:
        """Whether it names this VM; Azure compares names without case."""
        return vm.lower() in map(str.lower, self.resources)

    @property
    def due_at(self) -> datetime:
        """When time changes it next: at its start, then at its end."""
        return self.end_at or self.start_at


class Ending(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event that is over, and how it ended: `completed` or `cancelled`."""

    event: RehearsedEvent
    outcome: str
    at: datetime


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
        while due := [event for event in self._events.values() if event.due_at <= now]:
            event = min(due, key=lambda each: each.due_at)
            if event.end_at is None:
                self._put(self._begun(event, event.start_at))
            else:
                self._end(event, "completed", event.end_at)
            self._release(event.due_at)
        return tuple(self._events.values())

    def event(self, event_id: str) -> RehearsedEvent:
        """Return a live event, whatever the case of its id. Raises UnknownEventError."""
        try:
            return self._events[event_id.upper()]
        except KeyError:
            raise UnknownEventError(f"no live event {event_id}") from None

    def schedule(self, draft: Draft, event_id: str, now: datetime) -> RehearsedEvent:
        """Announce an event under `event_id`; one drafted as Started is born so. Raises RehearsalError."""
        if event_id in self._events:
            raise RehearsalError(f"event {event_id} exists already; choose another id or finish it first")
        event = self._announced(draft, event_id, now)
        if event.status == STARTED:
            event = self._begun(event, now)
        self._put(event)
        return event

    def approve(self, event_id: str, vm: str, resources: Iterable[str], now: datetime) -> bool:
        """Take a VM's StartRequest; False when no live event has that id. Approving again changes nothing.

        `resources` are the event's VMs that exist here, which must all approve under `Approvals.ALL`.
        """
        event = self._events.get(event_id.upper())
        if event is None:
            return False
        if event.is_scheduled:
            approved_by = tuple(dict.fromkeys((*event.approved_by, vm)))
            enough = self._habits.approvals is Approvals.ANY or set(resources) <= set(approved_by)
            approved_at = event.approved_at or (now if enough else None)
            # Approvals do not show in the document, so its incarnation stays.
            self._events[event.id] = replace(event, approved_by=approved_by, approved_at=approved_at)
            self._release(now)
        return True

    def start(self, event_id: str, now: datetime) -> RehearsedEvent:
        """Start an event at once, as Azure does when it will not wait. Raises UnknownEventError."""
        event = self.event(event_id)
        if event.end_at is not None:
            return event
        begun = self._put(self._begun(event, now))
        self._release(now)
        return begun

    def finish(self, event_id: str, now: datetime) -> None:
        """End an event as completed. Raises UnknownEventError."""
        event = self.event(event_id)
        self._end(event if event.end_at else self._put(self._begun(event, now)), "completed", now)
        self._release(now)

    def cancel(self, event_id: str, now: datetime) -> None:
        """Withdraw an event that has not started. Raises UnknownEventError, RehearsalError."""
        event = self.event(event_id)
        if event.end_at is not None:
            raise RehearsalError(f"event {event.id} has started and cannot be cancelled; finish it")
        self._end(event, "cancelled", now)
        self._release(now)

    def reschedule(self, event_id: str, notice_seconds: float, now: datetime) -> RehearsedEvent:
        """Move NotBefore to so many seconds from now. Raises UnknownEventError, RehearsalError."""
        event = self.event(event_id)
        if event.end_at is not None:
            raise RehearsalError(f"event {event.id} has started; its NotBefore is over")
        not_before = now + self._pace.span(notice_seconds)
        start_at = min(event.start_at, not_before) if event.released_at else not_before
        moved = self._put(replace(event, not_before=not_before, start_at=start_at))
        self._release(now)
        return moved

    def interrupt(self, event_id: str, seconds: float, now: datetime) -> RehearsedEvent:
        """Let a started event's VMs stand still once more from now. Raises UnknownEventError, RehearsalError."""
        event = self.event(event_id)
        if event.end_at is None:
            raise RehearsalError(f"event {event.id} has not started; nothing is interrupted before")
        since = (now - event.start_at).total_seconds() * self._pace.speed
        hit = replace(event, impacts=(*event.impacts, Impact(at=since, seconds=seconds)))
        self._events[event.id] = hit
        return hit

    def still_until(self, vm: str, now: datetime) -> datetime | None:
        """Return when a VM that stands still now goes on; None when it runs."""
        hit = (event for event in self._events.values() if event.end_at and event.concerns(vm))
        windows = (self._window(event, impact) for event in hit for impact in event.impacts)
        return max((end for begin, end in windows if begin <= now < end), default=None)

    def reset(self, incarnation: int = 1) -> None:
        """Let the incarnation fall or jump without any change of events (reference §1.3)."""
        self.incarnation = incarnation

    def _announced(self, draft: Draft, event_id: str, now: datetime) -> RehearsedEvent:
        usual = kind_of(draft.type)
        notice = usual.notice if draft.notice_seconds is None else draft.notice_seconds
        duration = usual.duration if draft.duration_seconds is None else draft.duration_seconds
        not_before = now + self._pace.span(notice)
        return RehearsedEvent(
            id=event_id,
            type=draft.type,
            status=draft.status,
            resources=draft.resources,
            source=draft.source,
            description=usual.words(draft.source) if draft.description is None else draft.description,
            duration_seconds=duration,
            started_seconds=_time_started(draft.started_seconds, duration),
            not_before=not_before,
            start_at=not_before,
            impacts=draft.impacts,
        )

    def _begun(self, event: RehearsedEvent, at: datetime) -> RehearsedEvent:
        status = STARTED if event.status == SCHEDULED else event.status
        return replace(event, status=status, start_at=at, end_at=at + self._pace.span(event.started_seconds))

    def _release(self, now: datetime) -> None:
        """Let approved events start early that nothing holds up any more."""
        for event in tuple(self._events.values()):
            if event.is_scheduled and event.approved_at and not event.released_at and not self._waits(event):
                start_at = min(now + self._pace.span(self._habits.start_delay), event.start_at)
                self._events[event.id] = replace(event, start_at=start_at, released_at=now)

    def _waits(self, event: RehearsedEvent) -> bool:
        """Whether an approved deletion waits for one that is due no later and not approved (reference §1.10)."""
        if event.type.lower() != TERMINATE:
            return False
        others = (other for other in self._events.values() if other.type.lower() == TERMINATE and other.is_scheduled)
        return any(other.approved_at is None and other.shown_not_before <= event.shown_not_before for other in others)

    def _window(self, event: RehearsedEvent, impact: Impact) -> tuple[datetime, datetime]:
        begin = event.start_at + self._pace.span(impact.at)
        return begin, begin + self._pace.span(impact.seconds)

    def _put(self, event: RehearsedEvent) -> RehearsedEvent:
        """Keep an event; the incarnation grows when the document shows the difference."""
        earlier = self._events.get(event.id)
        self._events[event.id] = event
        if earlier is None or earlier.status != event.status or earlier.shown_not_before != event.shown_not_before:
            self.incarnation += 1
        return event

    def _end(self, event: RehearsedEvent, outcome: str, at: datetime) -> None:
        del self._events[event.id]
        self.incarnation += 1
        self.endings.append(Ending(event=event, outcome=outcome, at=at))
        del self.endings[:-_REMEMBERED_ENDINGS]


def _time_started(asked: float | None, duration: int) -> float:
    if asked is not None:
        return asked
    return float(duration) if duration > 0 else _STARTED_SECONDS
