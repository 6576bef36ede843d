"""The fleet as this replica knows it: recomputed at once on every message, asked by dispatch and the API."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from services.scheduler.domain.hosts import HostCondition, HostReport, HostView
from services.scheduler.errors import NotFoundError
from services.scheduler.feed import Feed, Update
from services.scheduler.fleet import narration
from services.scheduler.fleet.events import Known, merge, recalled, unconfirmed
from services.scheduler.fleet.hosts import Load, report, views
from services.scheduler.fleet.reports import Reports
from services.scheduler.store.base import Approval, Cordon, EventOutcome, EventRecord, HostDrain, Store
from shared.clock import Clock
from shared.topics import HostKey, host_key

MAX_REASON = 200
"""Characters of an operator's reason that are kept."""


class FleetRules(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's choices about events."""

    ignore_freeze: timedelta = timedelta()
    silent_margin: timedelta = timedelta(seconds=300)


class Fleet:
    """Hosts, events and cordons of this moment. `refresh` is synchronous: a decision after it sees the new state."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        reports: Reports,
        rules: FleetRules,
        feed: Feed,
        load: Callable[[HostKey], Load],
    ) -> None:
        self.heard = reports
        self._store = store
        self._clock = clock
        self._rules = rules
        self._feed = feed
        self._load = load
        self._known: dict[str, Known] = {}
        self._unsaved: set[str] = set()
        self._cordons: dict[str, Cordon] = {}
        self._views: dict[HostKey, HostView] = {}
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change that follow-up work waits for."""
        self._listeners.append(listener)

    async def recall(self) -> None:
        """Load the live events and cordons of earlier lives, so that nothing starts on a host that is still hit."""
        for record in await self._store.list_events(active=True, limit=10_000):
            self._known[record.event_id] = recalled(record, self.heard)
        await self.reload_cordons()

    async def reload_cordons(self) -> None:
        """Read the operators' cordons (another replica may have set one); end those whose time is up."""
        now = self._clock.now()
        cordons = {cordon.host: cordon for cordon in await self._store.list_cordons()}
        for host, cordon in list(cordons.items()):
            if cordon.until is not None and cordon.until <= now:
                await self._store.delete_cordon(host)
                del cordons[host]
                self._tell("host", f"{host}: the cordon's time is up", {"host": host})
        if cordons != self._cordons:
            self._cordons = cordons
            self.refresh()

    # -- what is ----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Merge what was heard into events and host views now, and tell what changed."""
        now = self._clock.now()
        before, self._known = self._known, merge(self.heard, self._recalled(), now, self._rules.silent_margin)
        changed = [event_id for event_id, known in self._known.items() if known != before.get(event_id)]
        self._unsaved.update(changed)
        for event_id in changed:
            earlier = before[event_id].record if event_id in before else None
            for sentence in narration.of_event(earlier, self._known[event_id].record):
                self._tell("event", sentence, {"eventId": event_id})
        self._see_hosts()
        for listener in self._listeners:
            listener()

    def _recalled(self) -> dict[str, Known]:
        """Events from the store count every entitled watcher as their reporter, as these become known."""
        return {
            event_id: recalled(known.record, self.heard) if known.recalled else known
            for event_id, known in self._known.items()
        }

    def _see_hosts(self) -> None:
        before = self._views
        live = [known.record for known in self._known.values()]
        self._views = views(self.heard, live, self._cordons, self._rules.ignore_freeze)
        for host, view in self._views.items():
            for sentence in narration.of_host(before.get(host), view):
                self._tell("host", sentence, {"host": view.name})

    @property
    def views(self) -> Mapping[HostKey, HostView]:
        """Every known host, with what threatens it now."""
        return self._views

    def active_events(self) -> list[Known]:
        """Return the events that are not over."""
        return [known for known in self._known.values() if known.record.outcome is EventOutcome.ACTIVE]

    def is_active(self, event_id: str) -> bool:
        """Whether an event is known and not over."""
        known = self._known.get(event_id.upper())
        return known is not None and known.record.outcome is EventOutcome.ACTIVE

    def learn(
        self, event_id: str, *, hosts: Mapping[str, HostDrain] | None = None, approval: Approval | None = None
    ) -> None:
        """Keep what follow-up work learnt about an event: its drains, its approval. One forgotten meanwhile is left."""
        known = self._known.get(event_id)
        if known is None:
            return
        record = msgspec.structs.replace(
            known.record,
            hosts={**known.record.hosts, **(hosts or {})},
            approval=approval or known.record.approval,
        )
        if record == known.record:
            return
        for sentence in narration.of_event(known.record, record):
            self._tell("event", sentence, {"eventId": event_id})
        self._known[event_id] = msgspec.structs.replace(known, record=record)
        self._unsaved.add(event_id)

    async def save(self) -> list[EventRecord]:
        """Write changed events to the store; return those that are over and now forgotten here.

        An expired one is kept as long as nobody can confirm it: its hosts are silent.
        """
        over: list[EventRecord] = []
        for event_id in sorted(self._unsaved):
            known = self._known.get(event_id)
            if known is not None:
                await self._store.put_event(known.record)
                if known.record.outcome is not EventOutcome.ACTIVE:
                    over.append(known.record)
            self._unsaved.discard(event_id)
        now = self._clock.now()
        self._known = {
            event_id: known
            for event_id, known in self._known.items()
            if event_id in self._unsaved
            or known.record.outcome is EventOutcome.ACTIVE
            or (known.record.outcome is EventOutcome.EXPIRED and unconfirmed(known, self.heard, now))
        }
        return over

    # -- what callers see and steer (the API's port) ------------------------------------------------------------------

    def reports(self) -> list[HostReport]:
        """Return every known host by name."""
        return [self._report(view) for view in self._views.values()]

    def report(self, host: str) -> HostReport:
        """Return one host. Raises NotFoundError."""
        return self._report(self._view(host))

    def conditions(self) -> Iterable[HostCondition]:
        """Return every host's condition, for metrics."""
        return (entry.condition for entry in self.reports())

    async def cordon(self, host: str, *, reason: str, until: datetime | None, by: str) -> HostReport:
        """Keep jobs off a host by hand. Raises NotFoundError."""
        view = self._view(host)
        cordon = Cordon(host=view.key, reason=reason[:MAX_REASON], by=by, since=self._clock.now(), until=until)
        await self._store.put_cordon(cordon)
        self._cordons[view.key] = cordon
        self.refresh()
        return self.report(host)

    async def release(self, host: str, *, by: str) -> HostReport:
        """Lift the operator's cordon; an event's stays. Raises NotFoundError."""
        view = self._view(host)
        if await self._store.delete_cordon(view.key):
            self._tell("host", f"{view.name}: released by {by}", {"host": view.name})
        self._cordons.pop(view.key, None)
        self.refresh()
        return self.report(host)

    def _view(self, host: str) -> HostView:
        view = self._views.get(host_key(host)) if host else None
        if view is None:
            raise NotFoundError(f"host {host!r} is not known: no watcher has reported it")
        return view

    def _report(self, view: HostView) -> HostReport:
        now = self._clock.now()
        return report(
            view,
            self.heard,
            {event_id: known.record for event_id, known in self._known.items()},
            self._load(view.key),
            silent=any(self._gave_up(known, view.key, now) for known in self._known.values()),
            cordon=self._cordons.get(view.key),
            now=now,
        )

    def _gave_up(self, known: Known, host: HostKey, now: datetime) -> bool:
        expired = known.record.outcome is EventOutcome.EXPIRED and host in known.record.hosts
        return expired and unconfirmed(known, self.heard, now)

    def _tell(self, kind: str, summary: str, data: dict[str, str]) -> None:
        self._feed.publish(Update(kind=kind, at=self._clock.now(), summary=summary, data=dict(data)))
