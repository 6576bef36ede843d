"""Rehearsals in memory."""

from datetime import datetime

from msgspec.structs import replace

from services.scheduler.store.audit import Actor
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import Bid, called_off, check_room, event_key
from services.scheduler.store.records import EventRecord, Rehearsal, rehearsal_ends
from services.scheduler.store.trail import rehearsal_announced, rehearsal_cancelled


class RehearsalVerbs:
    """The verbs about events that operators announce."""

    _state: State

    async def put_rehearsal(self, rehearsal: Rehearsal, *, most: int, by: Actor | None = None) -> None:
        """See the port."""
        check_room(self._state.rehearsals.values(), rehearsal, most)
        self._state.rehearsals[event_key(rehearsal.event.event_id)] = rehearsal
        self._state.record(rehearsal_announced(by, rehearsal))

    async def cancel_rehearsal(self, event_id: str, at: datetime, *, by: Actor | None = None) -> Rehearsal:
        """See the port."""
        key = event_key(event_id)
        before = self._state.rehearsals.get(key)
        after = called_off(before, event_id, at)
        self._state.rehearsals[key] = after
        self._state.record(rehearsal_cancelled(by, before or after, after))
        return after

    async def list_rehearsals(self, *, since: datetime) -> list[Rehearsal]:
        """See the port."""
        found = [each for each in self._state.rehearsals.values() if rehearsal_ends(each.event) > since]
        return sorted(found, key=lambda each: (each.event.first_seen_at, each.event.event_id))

    async def list_rehearsed(self, *, limit: int) -> list[EventRecord]:
        """See the port."""
        found = [
            replace(self._state.events[key], approval=self._state.bids.get(key, Bid()).approval)
            for key in sorted(self._state.rehearsals)
            if key in self._state.events
        ]
        return sorted(found, key=lambda event: event.first_seen_at, reverse=True)[:limit]
