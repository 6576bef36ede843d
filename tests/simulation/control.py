"""The scheduler's side of events: the real fleet, drains, approvals and holds, in simulated time.

Their loops look when something has happened or is due, not every second; what they do at a look is their own.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from services.scheduler.dispatch.announcer import Announcer
from services.scheduler.dispatch.cases import Cases
from services.scheduler.dispatch.held import Holds
from services.scheduler.dispatch.moves import Moves
from services.scheduler.domain.hosts import NOBODY, FleetView, HostView, Threat
from services.scheduler.feed import Feed
from services.scheduler.fleet.approvals import AGAIN, Approvals, allowed, due
from services.scheduler.fleet.drains import Drains, Work
from services.scheduler.fleet.fleet import Fleet
from services.scheduler.fleet.hosts import Load
from services.scheduler.fleet.reports import Reports
from services.scheduler.fleet.rules import FleetRules
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Approve, Settings
from services.scheduler.store.records import EventRecord, Ownership
from shared.messages import DrainState
from shared.topics import HostKey, Topics
from tests.simulation.agenda import Agenda
from tests.simulation.bus import SimulatedBus
from tests.simulation.executions import Executions
from tests.simulation.stores import SimulationStore

LEASE = timedelta(days=1)
REPLICA = "simulated"


class Control:
    """One replica's view of the fleet, and what it does about events. `await begin()`, then `look` when `is_wanted`."""

    def __init__(
        self,
        agenda: Agenda,
        bus: SimulatedBus,
        reports: Reports,
        store: SimulationStore,
        executions: Executions,
        moves: Moves,
        cases: Cases,
        approve: Approve,
    ) -> None:
        self.drained: dict[tuple[str, str], float] = {}
        self.overdue = 0
        self.on_host: Callable[[HostView], None] = lambda _: None
        self.fleet = Fleet(store, agenda, reports, FleetRules(), Feed(), lambda _: Load())
        self._agenda = agenda
        self._bus = bus
        self._store = store
        self._executions = executions
        self._moves = moves
        self._approve = approve
        self._metrics = Metrics("simulation")
        self._topics = Topics()
        self._drains = self._make_drains()
        self._approvals = self._make_approvals()
        self._holds = self._make_holds(cases)
        self._seen: FleetView = NOBODY
        self._events: set[str] = set()
        self._deadlines: dict[str, datetime] = {}
        self._asks = False
        self._owner: Ownership | None = None

    def _make_drains(self) -> Drains:
        return Drains(
            self._store,
            self._bus,
            self._topics,
            self._agenda,
            self._work,
            self.fleet,
            self._metrics,
            approvable=lambda event: allowed(event, self._approve),
        )

    def _make_approvals(self) -> Approvals:
        return Approvals(
            self.fleet,
            self._store,
            self._bus,
            self._topics,
            self._agenda,
            setting=self._approve,
            replica=REPLICA,
            metrics=self._metrics,
        )

    def _make_holds(self, cases: Cases) -> Holds:
        ids = count(1)
        announcer = Announcer(
            self._bus,
            self._topics,
            Feed(),
            self._agenda,
            self._metrics,
            replica=REPLICA,
            new_id=lambda: f"notice-{next(ids)}",
        )
        return Holds(
            self._store,
            self._agenda,
            announcer,
            fleet=lambda: self.fleet.views,
            cases=cases,
            load=self._executions.load,
            rate=Settings().release_rate,
            released=lambda: None,
            metrics=self._metrics,
        )

    async def begin(self) -> None:
        """Register with the store, and follow the fleet from now on."""
        self._owner = await self._store.register(REPLICA, self._agenda.now(), LEASE)
        self.fleet.on_change(self._changed)

    async def leave(self) -> None:
        """End this life: the next one knows what the store does."""
        if self._owner is not None:
            await self._store.resign(self._owner)

    @property
    def is_wanted(self) -> bool:
        """Whether anything has happened that asks for a look."""
        return bool(self._events) or self._asks or self._store.is_worth_a_look

    async def look(self) -> None:
        """Follow the events that something has happened to: their drains, their approval; let go what may run."""
        while self._events:
            event_id = min(self._events)
            self._events.discard(event_id)
            await self._follow(event_id)
        if self._asks:
            self._asks = False
            await self._ask()
        await self.fleet.save()
        for over in self.fleet.conclude():
            self._approvals.end_blocks(over)
            for host in over.hosts:
                self._drains.clear(HostKey(host), over.event_id)
        if self._store.is_worth_a_look:
            await self._holds.look()

    def freed(self, host: HostKey) -> None:
        """An execution on a host has ended: it may be empty now."""
        view = self._seen.get(host)
        if view is not None and view.threats:
            self._events.update(threat.event_id for threat in view.threats)

    def _work(self, host: HostKey, threat: Threat) -> Work:
        moved = self._moves.of(host, threat.event_id)
        running = self._executions.against_drain(host, threat)
        return Work(running=running, held=moved.held, rerouted=moved.rerouted)

    def _changed(self) -> None:
        """Obey what has changed of any host, and look at its events and at what waits for it or its pool."""
        before, self._seen = self._seen, self.fleet.views
        for key, view in self._seen.items():
            earlier = before.get(key)
            if earlier is view or earlier == view:
                continue
            self._events.update(threat.event_id for threat in view.threats)
            self._note_deadlines(view)
            self.on_host(view)
            self._store.note_change(key)
            for pool in view.pools:
                self._store.note_change(pool)
                for member in self._seen.members(pool):
                    self._store.note_change(member.key)

    def _note_deadlines(self, view: HostView) -> None:
        """Have events looked at when their NotBefore comes: what is not drained then is overdue."""
        for threat in view.threats:
            at = threat.not_before
            if at is not None and self._deadlines.get(threat.event_id) != at:
                self._deadlines[threat.event_id] = at
                self._agenda.at(at, lambda event_id=threat.event_id: self._events.add(event_id))  # type: ignore[misc]

    async def _follow(self, event_id: str) -> None:
        known = self.fleet.active(event_id)
        threat = self._threat(known.record) if known is not None else None
        if known is None or threat is None or self._owner is None:
            return
        before = known.record
        after = await self._drains.follow(self._owner, before, threat)
        self.fleet.learn(event_id, hosts=after)
        for host, drain in after.items():
            if drain.drain != before.hosts[host].drain:
                self._note_drain(before, host, drain.drain)

    def _note_drain(self, event: EventRecord, host: str, state: str) -> None:
        """Keep when a host was found empty; if jobs used it again, when it was the last time."""
        if state == DrainState.DRAINED:
            self.drained[event.event_id, host] = (self._agenda.now() - event.first_seen_at).total_seconds()
            self._asks = True
        elif state == DrainState.OVERDUE:
            self.overdue += 1

    async def _ask(self) -> None:
        """Ask for the approvals that are due, and again a while later as long as any is."""
        await self._approvals.look()
        await self._approvals.answered()
        self.fleet.refresh()
        if any(due(known.record, self._approve) for known in self.fleet.active_events()):
            self._agenda.at(self._agenda.now() + AGAIN, self._ask_again)

    def _ask_again(self) -> None:
        self._asks = True

    def _threat(self, event: EventRecord) -> Threat | None:
        """Return the threat that an event is to its hosts; None when it threatens none."""
        views = (self._seen.get(HostKey(host)) for host in event.hosts)
        threats = (threat for view in views if view is not None for threat in view.threats)
        return next((threat for threat in threats if threat.event_id == event.event_id), None)
