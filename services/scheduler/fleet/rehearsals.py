"""Rehearsals on their way into the fleet: read from the store as cordons are, and played by the clock alone."""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from services.scheduler.domain.hosts import SCHEDULED, STARTED, HostView
from services.scheduler.domain.rehearsals import AT_ONCE, SOURCE, RehearsalPlan, described, is_rehearsal
from services.scheduler.fleet.events import Known
from services.scheduler.store.audit import Actor
from services.scheduler.store.base import Store
from services.scheduler.store.records import EventOutcome, EventRecord, HostDrain, Rehearsal, rehearsal_ends
from shared.clock import Clock
from shared.messages import DrainState

LINGERING = timedelta(minutes=5)
"""How long one that is over is still read: a replica that was held up must hear that it was called off."""


class Stage:
    """The rehearsals that this replica knows of."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._announced: dict[str, Rehearsal] = {}
        self._writes = 0

    async def reload(self) -> bool:
        """Read what operators have announced and called off, here or elsewhere; True when that is news."""
        writes, since = self._writes, self._clock.now() - LINGERING
        found = {each.event.event_id: each for each in await self._store.list_rehearsals(since=since)}
        if writes != self._writes or found == self._announced:
            return False  # what was written here while the list was on its way is not in it
        self._announced = found
        return True

    async def announce(self, event: EventRecord, *, by: Actor) -> None:
        """Have an event rehearsed on every replica. Raises ConflictError when too many are on."""
        rehearsal = Rehearsal(event=event, by=by.caller)
        await self._store.put_rehearsal(rehearsal, most=AT_ONCE, by=by)
        self._keep(rehearsal)

    async def cancel(self, event_id: str, *, by: Actor) -> None:
        """Call one off. Raises NotFoundError, and ConflictError when it is over."""
        self._keep(await self._store.cancel_rehearsal(event_id, self._clock.now(), by=by))

    def played(self, known: Mapping[str, Known], past: Container[str], now: datetime) -> dict[str, Known]:
        """Return all rehearsals, announced ones and those remembered of `known`, as they stand at an instant.

        One that is remembered and not read any more ends by its own times: nobody need be there to end it. `past` are
        those that were seen to end.
        """
        events = {event_id: each.record for event_id, each in known.items() if is_rehearsal(event_id)}
        for event_id, rehearsal in self._announced.items():
            if event_id not in events and event_id not in past:
                events[event_id] = rehearsal.event
        return {event_id: self._played(event, now) for event_id, event in events.items()}

    def _played(self, event: EventRecord, now: datetime) -> Known:
        rehearsal = self._announced.get(event.event_id)
        record = played(event, now, cancelled_at=rehearsal.cancelled_at if rehearsal is not None else None)
        return Known(record=record, reporters=frozenset())

    def _keep(self, rehearsal: Rehearsal) -> None:
        self._writes += 1
        self._announced = {**self._announced, rehearsal.event.event_id: rehearsal}


def staged(plan: RehearsalPlan, event_id: str, hosts: Iterable[HostView], now: datetime) -> EventRecord:
    """Return the event that a plan comes to for these hosts, as of its announcement."""
    hit = tuple(hosts)
    not_before = now + plan.notice
    return EventRecord(
        event_id=event_id,
        type=plan.type,
        status=SCHEDULED,
        resources=tuple(view.name for view in hit),
        not_before=not_before,
        duration_seconds=int(plan.duration.total_seconds()),
        source=SOURCE,
        description=described(plan.description),
        first_seen_at=now,
        hosts={view.key: HostDrain(drain=DrainState.DRAINING) for view in sorted(hit, key=lambda view: view.key)},
        announced_for=not_before,
        witnessed=False,
    )


def played(event: EventRecord, now: datetime, *, cancelled_at: datetime | None) -> EventRecord:
    """Return a rehearsal as it stands at an instant: Scheduled until NotBefore, Started for its duration, then over.

    It ends at the instant that was set, whenever somebody looks.
    """
    if event.outcome is not EventOutcome.ACTIVE:
        return event
    ends_at, starts_at = rehearsal_ends(event), event.not_before or event.first_seen_at
    over_at = ends_at if cancelled_at is None else min(cancelled_at, ends_at)
    if starts_at <= min(now, over_at) and event.status != STARTED:
        event = replace(event, status=STARTED, started_at=starts_at)
    if now < over_at:
        return event
    outcome = EventOutcome.COMPLETED if over_at == ends_at else EventOutcome.CANCELLED
    return replace(event, outcome=outcome, ended_at=over_at)
