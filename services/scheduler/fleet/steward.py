"""The follow-up work of the fleet: records, drains, metrics. One loop, woken by every change."""

import asyncio
from collections.abc import Callable

from services.scheduler.domain.hosts import HostCondition, Threat
from services.scheduler.errors import LeaseLostError, StoreUnavailableError
from services.scheduler.fleet.drains import Drains
from services.scheduler.fleet.fleet import Fleet
from services.scheduler.metrics import KNOWN_EVENT_TYPES, OTHER, Metrics, event_label
from services.scheduler.store.base import EventRecord, Ownership
from shared.logs import get_logger
from shared.topics import HostKey

log = get_logger(__name__)

TICK_SECONDS = 1.0
"""Freshness runs out and deadlines come without a message; so the fleet is looked at this often at least."""


class Steward:
    """Keeps the store, the bus and the metrics in step with the fleet; `looked` is called at each look."""

    def __init__(
        self,
        fleet: Fleet,
        drains: Drains,
        metrics: Metrics,
        *,
        owner: Callable[[], Ownership],
        looked: Callable[[], None],
    ) -> None:
        self._fleet = fleet
        self._drains = drains
        self._metrics = metrics
        self._owner = owner
        self._looked = looked
        self._woken = asyncio.Event()
        fleet.on_change(self.wake)

    def wake(self) -> None:
        """Look at once: a host changed, or an execution on a threatened one has ended."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; a store that is away is waited for."""
        while True:
            try:
                await self._cycle()
            except (StoreUnavailableError, LeaseLostError) as fault:
                log.warning("fleet records wait", error=str(fault))
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                self._fleet.refresh()
            self._woken.clear()

    async def _cycle(self) -> None:
        self._looked()
        self._measure()
        await self._fleet.reload_cordons()
        await self._save()
        for known in self._fleet.active_events():
            threat = self._threat(known.record)
            if threat is not None:
                drains = await self._drains.follow(self._owner(), known.record, threat)
                self._fleet.learn(known.record.event_id, hosts=drains)
        await self._save()

    async def _save(self) -> None:
        for over in await self._fleet.save():
            for host in over.hosts:
                self._drains.clear(HostKey(host), over.event_id)

    def _threat(self, event: EventRecord) -> Threat | None:
        """Return the threat that an event is to its hosts; None when it threatens none (advisory, ignored freeze)."""
        views = (self._fleet.views.get(HostKey(host)) for host in event.hosts)
        threats = (threat for view in views if view is not None for threat in view.threats)
        return next((threat for threat in threats if threat.event_id == event.event_id), None)

    def drain_heard(self, host: HostKey, event_id: str) -> None:
        """Clear a drain on the bus whose event is over: its scheduler died before it could."""
        if not self._fleet.is_active(event_id):
            self._drains.clear(host, event_id)

    def _measure(self) -> None:
        conditions = list(self._fleet.conditions())
        for condition in HostCondition:
            self._metrics.hosts.labels(condition.value).set(conditions.count(condition))
        kinds = [event_label(known.record.type) for known in self._fleet.active_events()]
        for kind in (*KNOWN_EVENT_TYPES, OTHER):
            self._metrics.events_active.labels(kind).set(kinds.count(kind))
