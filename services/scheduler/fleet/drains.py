"""Drains: how far each host of an event is emptied, over all replicas, and telling the watchers so."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

import msgspec

from services.scheduler.domain.hosts import SCHEDULED, STARTED, Threat
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    DrainReport,
    EventRecord,
    HostDrain,
    Ownership,
    SessionId,
)
from services.scheduler.tracing.base import Mark
from shared.clock import Clock
from shared.logs import Details
from shared.messages import Drain, DrainState, encode
from shared.topics import HostKey, Topics

_details = Details(__name__)


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What this replica has to do with a host because of an event: runs there, was held for it, was moved off it."""

    running: int = 0
    held: int = 0
    rerouted: int = 0


Workload = Callable[[HostKey, Threat], Work]


class Keeper(Protocol):
    """The part of the bus that drains need."""

    def keep(self, topic: str, payload: bytes) -> None:
        """Own the retained state of a topic."""
        ...

    def clear(self, topic: str) -> None:
        """Have a topic's retained state forgotten."""
        ...


class Gate(Protocol):
    """Closes hosts to jobs that may use them up to their lead time."""

    def close(self, event_id: str, host: str) -> None:
        """Let nothing start there any more."""
        ...

    def is_closed(self, event_id: str, host: str) -> bool:
        """Whether it was closed."""
        ...


def state_of(before: str, running: int, *, complete: bool, deadline: datetime | None, now: datetime) -> DrainState:
    """Return how far a host is. OVERDUE stays: what crossed NotBefore was not drained in time."""
    if before == DrainState.OVERDUE:
        return DrainState.OVERDUE
    if complete and running == 0:
        return DrainState.DRAINED
    return DrainState.OVERDUE if deadline is not None and now >= deadline else DrainState.DRAINING


def summed(reports: Iterable[DrainReport]) -> DrainReport:
    """Add up the replicas' reports about one host and event; settled when all are."""
    first, *others = reports
    for each in others:
        first = msgspec.structs.replace(
            first,
            running=first.running + each.running,
            held=first.held + each.held,
            rerouted=first.rerouted + each.rerouted,
            settled=first.settled and each.settled,
        )
    return first


class _Look(msgspec.Struct, frozen=True, kw_only=True):
    """An event as this look finds it: who is alive, and what each has reported last."""

    owner: Ownership
    event: EventRecord
    threat: Threat
    alive: list[SessionId]
    reports: dict[str, dict[SessionId, DrainReport]]


class Drains:
    """Reports this replica's part to the store, adds up everybody's, and publishes the sum.

    Nothing running is not enough for an event that may be approved: jobs with a lead time may still start on the host.
    So each replica first closes the host to them, and says so (`settled`); only when all have, and still nothing runs,
    it is drained. One replica publishes, the one that has lived longest: two would overwrite each other's state.
    """

    def __init__(
        self,
        store: Store,
        bus: Keeper,
        topics: Topics,
        clock: Clock,
        workload: Workload,
        gate: Gate,
        metrics: Metrics,
        *,
        approvable: Callable[[EventRecord], bool],
        mark: Callable[[str], Mark] = lambda _: None,
    ) -> None:
        """`mark` says what leads to the trace of an event by its id."""
        self._store = store
        self._bus = bus
        self._topics = topics
        self._clock = clock
        self._workload = workload
        self._gate = gate
        self._metrics = metrics
        self._approvable = approvable
        self._mark = mark
        self._published: dict[tuple[HostKey, str], Drain] = {}

    async def follow(self, owner: Ownership, event: EventRecord, threat: Threat) -> dict[str, HostDrain]:
        """Bring an event's drains up to date and return them by host key."""
        reports: dict[str, dict[SessionId, DrainReport]] = {}
        for session, report in await self._store.drain_reports(event.event_id):
            reports.setdefault(report.host, {})[session] = report
        alive = await self._store.live_sessions()
        look = _Look(owner=owner, event=event, threat=threat, alive=alive, reports=reports)
        return {name: await self._follow_host(look, HostKey(name), before) for name, before in event.hosts.items()}

    async def _follow_host(self, look: _Look, host: HostKey, before: HostDrain) -> HostDrain:
        event, session = look.event, look.owner.session
        heard = look.reports.get(host, {})
        others = [report for reporter, report in heard.items() if reporter != session]
        own = self._own(look, host)
        if before.spared is None and not own.settled and not summed([own, *others]).running:
            self._gate.close(event.event_id, host)
            own = self._own(look, host)
        if heard.get(session) != own:
            await self._store.report_drain(look.owner, own)
        now, total = self._clock.now(), summed([own, *others])
        everybody = session in look.alive and set(look.alive) <= {session, *heard}
        deadline = now if event.status == STARTED else event.not_before
        complete = everybody and total.settled and before.spared is None
        state = state_of(before.drain, total.running, complete=complete, deadline=deadline, now=now)
        if state is DrainState.DRAINED and before.drain != state:
            took = max(0.0, (now - event.first_seen_at).total_seconds())
            self._metrics.drain_seconds.observe(took, self._mark(event.event_id))
        if look.alive[:1] == [session] and before.spared is None:
            self._publish(event, host, state, total, now)
        else:
            self.disown(host, event.event_id)
        return msgspec.structs.replace(
            before,
            drain=state,
            running=total.running,
            held=total.held,
            rerouted=total.rerouted,
            drained_at=before.drained_at or (now if state is DrainState.DRAINED else None),
        )

    def _own(self, look: _Look, host: HostKey) -> DrainReport:
        event = look.event
        work = self._workload(host, look.threat)
        must_close = event.status == SCHEDULED and self._approvable(event)
        return DrainReport(
            event_id=event.event_id,
            host=host,
            running=work.running,
            held=work.held,
            rerouted=work.rerouted,
            settled=not must_close or self._gate.is_closed(event.event_id, host),
        )

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
            _details(
                "drain told",
                event_id=event.event_id,
                host=host,
                state=state.value,
                running=total.running,
                held=total.held,
                rerouted=total.rerouted,
            )
            self._bus.keep(self._topics.drain(host, event.event_id), encode(drain))

    def disown(self, host: HostKey, event_id: str) -> None:
        """Stop insisting on a drain that is no longer true, or that another replica publishes now and puts back."""
        if (host, event_id) in self._published:
            self.clear(host, event_id)

    def clear(self, host: HostKey, event_id: str) -> None:
        """Take a drain off the bus: its event is over."""
        self._published.pop((host, event_id), None)
        self._bus.clear(self._topics.drain(host, event_id))
