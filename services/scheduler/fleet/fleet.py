"""The fleet as this replica knows it: recomputed at once on every message, asked by dispatch and the API."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from services.scheduler.domain.hosts import NOBODY, FleetView, HostReport, HostView, Spared
from services.scheduler.domain.rehearsals import RehearsalPlan, is_rehearsal
from services.scheduler.errors import NotFoundError
from services.scheduler.feed import Feed, Update
from services.scheduler.fleet import narration
from services.scheduler.fleet.aftermath import Aftermath
from services.scheduler.fleet.bounds import bounded
from services.scheduler.fleet.capacities import Capacities
from services.scheduler.fleet.events import Known, Past, latest, merge, recalled, reopened, unconfirmed
from services.scheduler.fleet.hosts import Load, is_long_gone, is_minded, report
from services.scheduler.fleet.narration import Sentence
from services.scheduler.fleet.rehearsals import Stage, staged
from services.scheduler.fleet.reports import Reports
from services.scheduler.fleet.rules import FleetRules
from services.scheduler.fleet.views import Beholder, Terms, advised_by, threats_of
from services.scheduler.store.audit import Actor
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Approval,
    Cordon,
    EventOutcome,
    EventRecord,
    HostDrain,
)
from shared.clock import Clock
from shared.logs import get_logger
from shared.topics import HostKey, host_key

log = get_logger(__name__)

LARGE = 500
"""Hosts from which on a merge takes so long (1 ms for 1,000) that not each piece of news may ask for one of its own."""
REST_PER_HOST = 8e-6
"""Seconds from one merge to the next: several times what it takes, with what follows from it, and so little that an
event reaches effect within 50 ms among 5,000 hosts, too."""
RECALLED = 10_000
"""Events that are read at the start, the latest; a host that was lost before all of them is not known any more."""
MAX_REASON = 200
"""Characters of an operator's reason that are kept."""


class Fleet:
    """Hosts, events and cordons of this moment.

    Whoever asks sees everything that was heard: what is out of date is merged before the answer. So a burst of messages
    costs one merge, and a decision never sees an old state; in a large fleet under a storm of news, one that is older
    by as long as a few merges take.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        reports: Reports,
        rules: FleetRules,
        feed: Feed,
        load: Callable[[HostKey], Load],
        spared: Callable[[Spared], None] = lambda _: None,
    ) -> None:
        """`spared` hears each time that an event does not, or no longer, keep jobs off a host, and why."""
        self.heard = reports
        self._store = store
        self._clock = clock
        self._rules = rules
        self._feed = feed
        self._load = load
        self._spared = spared
        self._known: dict[str, Known] = {}
        self._unsaved: set[str] = set()
        self._saving = asyncio.Lock()
        self._stage = Stage(store, clock)
        self._cordons: dict[str, Cordon] = {}
        self._cordon_writes = 0
        self._closed: set[tuple[str, str]] = set()
        self._given_up: set[str] = set()
        self._past = Past(RECALLED)
        self._aftermath = Aftermath(rules.warm_up, lambda event: is_minded(event, rules.ignore_freeze))
        self._capacities = Capacities(rules.capacity)
        self._beholder = Beholder(Terms(warm_up=rules.warm_up, share=self._capacities.share))
        self._views = NOBODY
        self._listeners: list[Callable[[], None]] = []
        self._is_stale = False
        self._merged_at = 0.0

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change that follow-up work waits for."""
        self._listeners.append(listener)

    async def recall(self) -> None:
        """Load what earlier lives knew of events and cordons, so that nothing starts on a host that is hit, or lost."""
        for record in await self._store.list_events(active=True, limit=RECALLED):
            self._known[record.event_id] = recalled(reopened(record), self.heard)
        records = await self._store.list_events(active=False, limit=RECALLED)
        self._aftermath.recall(records, self._clock.now())
        self._past.note(reversed(records))
        await self._stage.reload()
        await self.reload_cordons()

    async def reload_cordons(self) -> None:
        """Read the operators' cordons (another replica may have set one); end those whose time is up."""
        writes, now = self._cordon_writes, self._clock.now()
        cordons = {cordon.host: cordon for cordon in await self._store.list_cordons()}
        if writes != self._cordon_writes:
            return  # one was set or lifted here while the list was on its way, which is now out of date
        for host in [host for host, cordon in cordons.items() if not _stands(cordon, now)]:
            if await self._store.delete_cordon(host):
                told = f"{host}: the cordon's time is up"
                self._tell("host", Sentence(full=told, bare=told), {"host": host})
            cordons.pop(host)
        if writes == self._cordon_writes and cordons != self._cordons:
            for host in self._cordons.keys() - cordons.keys():
                self._aftermath.released(HostKey(host), min(self._cordons[host].until or now, now))
            self._cordons = cordons
            self.refresh()

    async def reload_rehearsals(self) -> None:
        """Read what operators rehearse, through whichever replica they have announced or called it off."""
        if await self._stage.reload():
            self.refresh()

    def divide(self, sessions: Sequence[str], own: str) -> None:
        """Share the hosts' capacities with these sessions, the longest registered first."""
        if self._capacities.divide(sessions, own):
            self._beholder.forget()
            self.refresh()

    # -- what is ----------------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """Something was heard: have it merged as soon as the messages at hand are read, or somebody asks."""
        if not self._is_stale:
            self._is_stale = True
            asyncio.get_running_loop().call_later(self._rest(), self._catch_up)

    def _catch_up(self) -> None:
        if self._is_stale:
            self.refresh()

    def _freshen(self) -> None:
        if self._is_stale and not self._rest():
            self.refresh()

    def _rest(self) -> float:
        """Return for how many seconds more nothing is merged: a large fleet's news must leave time for its jobs."""
        if len(self._views) < LARGE:
            return 0.0
        return max(0.0, self._merged_at + REST_PER_HOST * len(self._views) - time.monotonic())

    def refresh(self) -> None:
        """Merge what was heard into events and host views now, and tell what changed."""
        self._is_stale = False
        self._merged_at = time.monotonic()
        now = self._clock.now()
        before, merged = self._known, self._merged(now)
        self._known = bounded(merged, self.heard, self._rules.bounds, now)
        changed = [
            event_id
            for event_id, known in self._known.items()
            if event_id not in before or known.record != before[event_id].record
        ]
        self._unsaved.update(changed)
        for event_id in changed:
            earlier = before[event_id].record if event_id in before else None
            if earlier is None or earlier.outcome is not self._known[event_id].record.outcome:
                self._aftermath.note(self._known[event_id].record, self.heard)
            for sentence in narration.of_event(earlier, self._known[event_id].record):
                self._tell("event", sentence, {"eventId": event_id})
            self._note_spared(earlier, self._known[event_id].record)
        self._see_hosts()
        for listener in self._listeners:
            listener()

    def _note_spared(self, before: EventRecord | None, event: EventRecord) -> None:
        """Count, log and open again each host that the event does not keep jobs off any more."""
        for host, drain in event.hosts.items():
            earlier = before.hosts.get(host) if before is not None else None
            if drain.spared is None or (earlier is not None and earlier.spared is drain.spared):
                continue
            self._closed.discard((event.event_id, host))
            self._spared(drain.spared)
            log.warning("event keeps no jobs off this host", event_id=event.event_id, host=host, reason=drain.spared)

    def _merged(self, now: datetime) -> dict[str, Known]:
        real = merge(self.heard, self._recalled(), now, self._rules.silent_margin, self._past)
        return {**real, **self._stage.played(self._known, self._past, now)}

    def _recalled(self) -> dict[str, Known]:
        """Events from the store count every entitled watcher as their reporter, as these become known."""
        return {
            event_id: recalled(known.record, self.heard) if known.recalled else known
            for event_id, known in self._known.items()
            if not is_rehearsal(event_id)
        }

    def _see_hosts(self) -> None:
        before = self._views
        live = [known.record for known in self._known.values()]
        now = self._clock.now()
        cordons = {host: cordon for host, cordon in self._cordons.items() if _stands(cordon, now)}
        traces = self._aftermath.look(self.heard, now)
        threats = threats_of(live, cordons, self._rules.ignore_freeze, self._closed, traces.unsure)
        self._views = self._beholder.behold(self.heard, threats, traces, advised_by(live))
        if self._views is before:
            return
        for host, view in self._views.items():
            if (earlier := before.get(host)) is not view:
                for sentence in narration.of_host(earlier, view):
                    self._tell("host", sentence, {"host": view.name})

    @property
    def views(self) -> FleetView:
        """Every known host, with what threatens it now."""
        self._freshen()
        return self._views

    def active_events(self) -> list[Known]:
        """Return the events that are not over."""
        self._freshen()
        return [known for known in self._known.values() if known.record.outcome is EventOutcome.ACTIVE]

    def active(self, event_id: str) -> Known | None:
        """Return an event unless it is over or not known."""
        self._freshen()
        known = self._known.get(event_id.upper())
        return known if known is not None and known.record.outcome is EventOutcome.ACTIVE else None

    def close(self, event_id: str, host: str) -> None:
        """Let no job use a host up to its lead time any more: the event is about to be approved."""
        if not self.is_closed(event_id, host):
            self._closed.add((event_id, host))
            self.refresh()

    def is_closed(self, event_id: str, host: str) -> bool:
        """Whether `close` was called for an event's host."""
        return (event_id, host) in self._closed

    def learn(
        self, event_id: str, *, hosts: Mapping[str, HostDrain] | None = None, approval: Approval | None = None
    ) -> None:
        """Keep what follow-up work learnt about an event: its drains, its approval. One forgotten meanwhile is left."""
        known = self._known.get(event_id)
        if known is None:
            return
        learnt = hosts or {}
        record = msgspec.structs.replace(
            known.record,
            hosts={host: latest(drain, learnt.get(host, drain)) for host, drain in known.record.hosts.items()},
            approval=approval or known.record.approval,
        )
        if record == known.record:
            return
        if record.approval != known.record.approval:
            self.touch()
        for sentence in narration.of_event(known.record, record):
            self._tell("event", sentence, {"eventId": event_id})
        self._known[event_id] = msgspec.structs.replace(known, record=record)
        self._unsaved.add(event_id)

    async def save(self) -> None:
        """Write changed events to the store, one caller at a time; what changes or fails is left to the next call."""
        async with self._saving:
            for event_id in sorted(self._unsaved):
                await self._save(event_id)
            await self._aftermath.save(self._store)

    async def _save(self, event_id: str) -> None:
        self._unsaved.discard(event_id)
        known = self._known.get(event_id)
        try:
            if known is not None:
                await self._store.put_event(known.record)
        except BaseException:
            self._unsaved.add(event_id)
            raise

    def conclude(self) -> list[EventRecord]:
        """Forget events that are over and saved, and return them once.

        An expired one is kept as long as nobody can confirm it: its hosts are silent.
        """
        now = self._clock.now()
        over = {
            event_id: known
            for event_id, known in self._known.items()
            if known.record.outcome is not EventOutcome.ACTIVE and event_id not in self._unsaved
        }
        silent = {
            event_id
            for event_id, known in over.items()
            if known.record.outcome is EventOutcome.EXPIRED and unconfirmed(known, self.heard, now)
        }
        concluded = [known.record for event_id, known in over.items() if event_id not in self._given_up]
        self._past.note(concluded)
        self._given_up = silent
        self._known = {key: known for key, known in self._known.items() if key not in over or key in silent}
        self._closed = {pair for pair in self._closed if pair[0] in self._known and pair[0] not in silent}
        return concluded

    # -- what callers see and steer (the API's port) ------------------------------------------------------------------

    def reports(self) -> list[HostReport]:
        """Return every known host by name, but for those that are lost for long."""
        views, now = self.views, self._clock.now()
        records = {event_id: known.record for event_id, known in self._known.items()}
        silent = self._silent_hosts()
        shown = (view for view in views.values() if not is_long_gone(view, self.heard, now))
        return [self._report(view, records, silent) for view in shown]

    def report(self, host: str) -> HostReport:
        """Return one host. Raises NotFoundError."""
        records = {event_id: known.record for event_id, known in self._known.items()}
        return self._report(self._view(host), records, self._silent_hosts())

    async def cordon(self, host: str, *, reason: str, until: datetime | None, by: Actor) -> HostReport:
        """Keep jobs off a host by hand. Raises NotFoundError."""
        view = self._view(host)
        cordon = Cordon(host=view.key, reason=reason[:MAX_REASON], by=by.caller, since=self._clock.now(), until=until)
        await self._store.put_cordon(cordon, by=by)
        self._cordon_writes += 1
        self._cordons[view.key] = cordon
        self.refresh()
        return self.report(host)

    async def release(self, host: str, *, by: Actor) -> HostReport:
        """Lift the operator's cordon; an event's stays. Raises NotFoundError."""
        view = self._view(host)
        if await self._store.delete_cordon(view.key, by=by):
            told = Sentence(full=f"{view.name}: released by {by.caller}", bare=f"{view.name}: released by hand")
            self._tell("host", told, {"host": view.name})
        self._cordon_writes += 1
        if self._cordons.pop(view.key, None) is not None:
            self._aftermath.released(view.key, self._clock.now())
        self.refresh()
        return self.report(host)

    async def rehearse(self, plan: RehearsalPlan, event_id: str, *, by: Actor) -> EventRecord:
        """Announce a rehearsal. Raises NotFoundError for a host that is not known, ConflictError for one too many."""
        await self._stage.announce(staged(plan, event_id, map(self._view, plan.hosts), self._clock.now()), by=by)
        return await self._staged(event_id)

    async def cancel_rehearsal(self, event_id: str, *, by: Actor) -> EventRecord:
        """Call a rehearsal off. Raises NotFoundError, and ConflictError when it is over."""
        await self._stage.cancel(event_id, by=by)
        return await self._staged(event_id)

    async def _staged(self, event_id: str) -> EventRecord:
        """Let a rehearsal take effect here, and return it as it stands."""
        self.refresh()
        await self.save()
        return await self._store.get_event(event_id)

    def _view(self, host: str) -> HostView:
        view = self.views.get(host_key(host)) if host else None
        if view is None:
            raise NotFoundError(f"host {host!r} is not known: no watcher has reported it")
        return view

    def _report(self, view: HostView, events: Mapping[str, EventRecord], silent: frozenset[str]) -> HostReport:
        return report(
            view,
            self.heard,
            events,
            self._load(view.key),
            silent=view.key in silent,
            cordon=self._cordons.get(view.key),
            now=self._clock.now(),
        )

    def _silent_hosts(self) -> frozenset[str]:
        """Return the hosts of expired events that nobody could confirm."""
        now = self._clock.now()
        expired = [known for known in self._known.values() if known.record.outcome is EventOutcome.EXPIRED]
        return frozenset(
            host for known in expired if unconfirmed(known, self.heard, now) for host in known.record.hosts
        )

    def _tell(self, kind: str, told: Sentence, data: dict[str, str]) -> None:
        self._feed.publish(Update(kind=kind, at=self._clock.now(), summary=told.full, bare=told.bare, data=dict(data)))


def _stands(cordon: Cordon, now: datetime) -> bool:
    return cordon.until is None or cordon.until > now
