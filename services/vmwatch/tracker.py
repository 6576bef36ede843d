"""Compares what was known with a new document: which events came, moved, started and ended. Pure.

Azure never says how an event ended, so the last status decides (reference §1.4): gone from `Started` is completed, gone
from anything else is cancelled. The incarnation is not looked at: it may fall, jump, or stay while events change.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from services.vmwatch.documents import STARTED
from shared.messages import Event, NoticeKind

_EARLY: Final = timedelta(seconds=5)
"""Azure's whole seconds, the time between two readings and a clock that is a little off."""


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to one event between two readings.

    `event` is its newest form, the last known one when it is over; `previous` is None at first sight.
    """

    kind: NoticeKind
    event: Event
    previous: Event | None = None


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """What is known after a reading, in the document's order, and what changed: endings first."""

    events: tuple[Event, ...]
    transitions: tuple[Transition, ...]


def advance(
    known: Iterable[Event], read: Iterable[Event], now: datetime, endings: Mapping[str, NoticeKind | None] | None = None
) -> Advance:
    """Take a new reading in; each event keeps the instant of its first sight, new ones get `now`.

    `endings` are how events have ended by a source that says so, None where that must not be guessed; of any other the
    last status decides.
    """
    before = {event.event_id: event for event in known}
    events = tuple(_dated(event, before.get(event.event_id), now) for event in read)
    transitions = (*_endings(before, events, endings or {}), *_changes(before, events))
    return Advance(events=events, transitions=transitions)


def started_early(transition: Transition, now: datetime) -> bool:
    """Whether an event has started well before its NotBefore: then somebody let it, as Azure itself waits (§1.4)."""
    deadline = transition.previous.not_before if transition.previous else None
    return transition.kind is NoticeKind.STARTED and deadline is not None and now < deadline - _EARLY


def _dated(event: Event, previous: Event | None, now: datetime) -> Event:
    first_seen_at = now if previous is None else previous.first_seen_at
    return msgspec.structs.replace(event, first_seen_at=first_seen_at)


def _endings(
    before: dict[str, Event], events: tuple[Event, ...], told: Mapping[str, NoticeKind | None]
) -> Iterator[Transition]:
    present = {event.event_id for event in events}
    for event in before.values():
        if event.event_id not in present:
            kind = NoticeKind.COMPLETED if event.status == STARTED else NoticeKind.CANCELLED
            ending = told.get(event.event_id, kind)
            if ending is not None:
                yield Transition(kind=ending, event=event, previous=event)


def _changes(before: dict[str, Event], events: tuple[Event, ...]) -> Iterator[Transition]:
    for event in events:
        previous = before.get(event.event_id)
        kind = _first_kind(event) if previous is None else _kind_of_change(previous, event)
        if kind is not None:
            yield Transition(kind=kind, event=event, previous=previous)


def _first_kind(event: Event) -> NoticeKind:
    return NoticeKind.STARTED if event.status == STARTED else NoticeKind.SCHEDULED


def _kind_of_change(previous: Event, event: Event) -> NoticeKind | None:
    """Anything somebody acts upon counts as rescheduled: the deadline, the hosts, the type, an unexpected status."""
    if event.status == STARTED != previous.status:
        return NoticeKind.STARTED
    same = (
        event.status == previous.status
        and event.type == previous.type
        and event.not_before == previous.not_before
        and set(event.resources) == set(previous.resources)
    )
    return None if same else NoticeKind.RESCHEDULED
