"""Drains: how far each host of an event is emptied, over all replicas, and telling the watchers so."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from services.scheduler.domain.hosts import STARTED, Threat
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import DrainReport, EventRecord, HostDrain, Ownership, SessionId, Store
from shared.bus import Bus
from shared.clock import Clock
from shared.messages import Drain, DrainState, encode
from shared.topics import HostKey, Topics


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What this replica has to do with a host because of an event: runs there, was held for it, was moved off it."""

    running: int = 0
    held: int = 0
    rerouted: int = 0


Workload = Callable[[HostKey, Threat], Work]


def state_of(before: str, running: int, *, complete: bool, deadline: datetime | None, now: datetime) -> DrainState:
    """Return how far a host is. OVERDUE stays: what crossed NotBefore was not drained in time."""
    if before == DrainState.OVERDUE:
        return DrainState.OVERDUE
    if complete and running == 0:
        return DrainState.DRAINED
    return DrainState.OVERDUE if deadline is not None and now >= deadline else DrainState.DRAINING


def summed(reports: list[DrainReport]) -> DrainReport:
    """Add up the replicas' reports about one host and event."""
    first = reports[0]
    return msgspec.structs.replace(
        first,
        running=sum(each.running for each in reports),
        held=sum(each.held for each in reports),
        rerouted=sum(each.rerouted for each in reports),
    )


class Drains:
    """Reports this replica's part to the store, adds up everybody's, and publishes the sum.

    One replica publishes, the first by session of those alive: two would overwrite each other's retained state.
    """

    def __init__(
        self, store: Store, bus: Bus, topics: Topics, clock: Clock, workload: Workload, metrics: Metrics
    ) -> None:
        self._store = store
        self._bus = bus
        self._topics = topics
        self._clock = clock
        self._workload = workload
        self._metrics = metrics
        self._published: dict[tuple[HostKey, str], Drain] = {}

    async def follow(self, owner: Ownership, event: EventRecord, threat: Threat) -> dict[str, HostDrain]:
        """Bring an event's drains up to date and return them by host key."""
        return {
            name: await self._follow_host(owner, event, HostKey(name), threat, before)
            for name, before in event.hosts.items()
        }

    async def _follow_host(
        self, owner: Ownership, event: EventRecord, host: HostKey, threat: Threat, before: HostDrain
    ) -> HostDrain:
        work = self._workload(host, threat)
        own = DrainReport(
            event_id=event.event_id,
            host=host,
            running=work.running,
            held=work.held,
            rerouted=work.rerouted,
            settled=True,
        )
        await self._store.report_drain(owner, own)
        now = self._clock.now()
        reports = {
            session: report
            for session, report in await self._store.drain_reports(event.event_id, now)
            if report.host == host
        }
        alive = await self._store.live_sessions(now)
        total = summed(list(reports.values()) or [own])
        deadline = now if event.status == STARTED else event.not_before
        complete = set(alive) <= reports.keys()
        drain = state_of(before.drain, total.running, complete=complete, deadline=deadline, now=now)
        if drain is DrainState.DRAINED and before.drain != drain:
            self._metrics.drain_seconds.observe((now - event.first_seen_at).total_seconds())
        if _publishes(owner, alive):
            self._publish(event, host, drain, total, now)
        return HostDrain(drain=drain, running=total.running, held=total.held, rerouted=total.rerouted)

    def _publish(self, event: EventRecord, host: HostKey, state: DrainState, total: DrainReport, now: datetime) -> None:
        drain = Drain(
            event_id=event.event_id,
            host=host,
            state=state,
            running=total.running,
            held=total.held,
            rerouted=total.rerouted,
            deadline=event.not_before,
            at=now,
        )
        known = self._published.get((host, event.event_id))
        if known is None or msgspec.structs.replace(known, at=now) != drain:
            self._published[host, event.event_id] = drain
            self._bus.keep(self._topics.drain(host, event.event_id), encode(drain))

    def clear(self, host: HostKey, event_id: str) -> None:
        """Take a drain off the bus: its event is over."""
        self._published.pop((host, event_id), None)
        self._bus.clear(self._topics.drain(host, event_id))


def _publishes(owner: Ownership, alive: list[SessionId]) -> bool:
    return min(alive, default=owner.session) == owner.session
