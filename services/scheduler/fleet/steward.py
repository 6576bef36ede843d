"""The follow-up work of the fleet: records, drains, metrics. One loop, woken by every change."""

from collections.abc import Callable

from services.scheduler.domain.hosts import HostCondition, Threat
from services.scheduler.duty import Duty
from services.scheduler.fleet.drains import Drains
from services.scheduler.fleet.fleet import Fleet
from services.scheduler.metrics import KNOWN_EVENT_TYPES, OTHER, Metrics, event_label
from services.scheduler.store.records import (
    EventRecord,
    Ownership,
)
from shared.messages import DrainState, Presence
from shared.topics import HostKey

TICK_SECONDS = 1.0
"""Deadlines come and other replicas report without a message; so events are looked at this often at least."""


class Steward:
    """Keeps the store, the bus and the metrics in step with the fleet; `over` hears of each event that has ended."""

    def __init__(
        self,
        fleet: Fleet,
        drains: Drains,
        metrics: Metrics,
        *,
        owner: Callable[[], Ownership],
        over: Callable[[EventRecord], None] = lambda _: None,
    ) -> None:
        self._fleet = fleet
        self._drains = drains
        self._metrics = metrics
        self._owner = owner
        self._over = over
        self._duty = Duty("steward", self.look, metrics)
        fleet.on_change(self.wake)

    def wake(self) -> None:
        """Look at once: a host changed, or an execution on a threatened one has ended."""
        self._duty.wake()

    def ended(self, host: HostKey) -> None:
        """An execution has ended; on a host that nothing threatens that is no reason to look at a thousand others."""
        view = self._fleet.views.get(host)
        if view is not None and view.threats:
            self.wake()

    async def run(self) -> None:
        """Work until cancelled."""
        await self._duty.run()

    async def look(self) -> float:
        """Bring everything up to date once; return when to look again."""
        self._measure()
        await self._fleet.reload_cordons()
        await self._fleet.reload_rehearsals()
        await self._save()
        for known in self._fleet.active_events():
            threat = self._threat(known.record)
            if threat is not None:
                drains = await self._drains.follow(self._owner(), known.record, threat)
                self._fleet.learn(known.record.event_id, hosts=drains)
            for host, drain in known.record.hosts.items():
                if drain.spared is not None:
                    self._drains.disown(HostKey(host), known.record.event_id)
        await self._save()
        return TICK_SECONDS

    async def _save(self) -> None:
        await self._fleet.save()
        for over in self._fleet.conclude():
            for host in over.hosts:
                self._drains.clear(HostKey(host), over.event_id)
            self._over(over)

    def _threat(self, event: EventRecord) -> Threat | None:
        """Return the threat that an event is to its hosts; None when it threatens none (advisory, ignored freeze)."""
        views = (self._fleet.views.get(HostKey(host)) for host in event.hosts)
        threats = (threat for view in views if view is not None for threat in view.threats)
        return next((threat for threat in threats if threat.event_id == event.event_id), None)

    def drain_heard(self, host: HostKey, event_id: str) -> None:
        """Clear a drain on the bus whose event is over: its scheduler died before it could."""
        if self._fleet.active(event_id) is None:
            self._drains.clear(host, event_id)

    def _measure(self) -> None:
        reports = self._fleet.reports()
        conditions = [report.condition for report in reports]
        for condition in HostCondition:
            self._metrics.hosts.labels(condition.value).set(conditions.count(condition))
        self._metrics.hosts_lost.set(sum(report.lost is not None for report in reports))
        watchers = [report.watcher for report in reports if report.lost is None]
        for presence in Presence:
            self._metrics.watchers.labels(presence.value).set(watchers.count(presence))
        kinds = [event_label(known.record.type) for known in self._fleet.active_events()]
        for kind in (*KNOWN_EVENT_TYPES, OTHER):
            self._metrics.events_active.labels(kind).set(kinds.count(kind))
        self._measure_drains()

    def _measure_drains(self) -> None:
        """Count how far hosts are for events that keep jobs off them; for others nothing is emptied."""
        minded = (known.record for known in self._fleet.active_events() if self._threat(known.record) is not None)
        drains = [host.drain for event in minded for host in event.hosts.values() if host.spared is None]
        for state in DrainState:
            self._metrics.drains.labels(state.value).set(drains.count(state))
