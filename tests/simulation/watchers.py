"""The watchers, one on each VM: they poll, beat, fall silent with their VM, and are heard by the scheduler's reports.

Real are what they read and say (the watcher's own tracker, the bus contract's messages) and what is made of it
(`Reports`). To keep a run short, the watchers of a group are heard in two parts: the one that polls first after a
change at its own moment, all others a second after the change, when the last has polled.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from services.scheduler.fleet.reports import Reports
from services.vmwatch.tracker import advance
from shared.messages import Event, EventSnapshot, HostStatus, Presence
from shared.topics import HostKey
from tests.simulation.agenda import Agenda
from tests.simulation.azure import Group
from tests.simulation.machines import Blow, Impact, Machines
from tests.simulation.world import Host

POLL = 1.0
"""Seconds between two polls (LEEWARD_POLL_SECONDS)."""
BEAT = 20.0
"""Seconds between two heartbeats: half as many as in truth, which nobody notices (`FRESH_FOR`)."""
WILL_DELAY = 40.0
"""Seconds after which the broker publishes the will of a watcher that is gone."""
ON_THE_WAY = 0.02
"""Seconds from a poll to the reports, by way of the broker."""
BOOT = 10.0
"""Seconds from a VM's return to its watcher's."""


class Watchers:
    """All watchers of a fleet; without `watch_events` they say who they are and that they live, and nothing more.

    `heard` is called after whatever changes what the scheduler should know, `published` before, with the events that
    are published about the hosts of a group.
    """

    def __init__(
        self,
        agenda: Agenda,
        machines: Machines,
        reports: Reports,
        groups: Sequence[Group],
        *,
        watch_events: bool,
        heard: Callable[[], None],
        published: Callable[[Iterable[HostKey], Iterable[Event]], None],
    ) -> None:
        self._agenda = agenda
        self._machines = machines
        self._reports = reports
        self._heard = heard
        self._published = published
        self._watch_events = watch_events
        self._is_unheard = False
        self._watches = {
            host.key: _Watch(host, group, agenda.now()) for group in groups for host in group.hosts.values()
        }
        for group in groups if watch_events else ():
            watches = [self._watches[host.key] for host in group.hosts.values()]
            _Document(agenda, machines, group, watches, publish=self._publish)

    def begin(self) -> None:
        """Let every watcher say who it is, that it lives, and that all is calm; then beat on."""
        for watch in self._watches.values():
            self._reports.take_inventory(watch.host.key, watch.host.inventory())
            self._beat(watch)
            self._reports.take_snapshot(watch.host.key, watch.snapshot(self._agenda))
        self._heard()
        self._agenda.after(BEAT, self._beat_all)

    def struck(self, blow: Blow) -> None:
        """Take note that a VM is hit: a pause is over before anybody misses its watcher."""
        watch = self._watches[blow.host]
        if blow.impact is Impact.STOP:
            watch.is_running = False
            session = watch.session
            self._agenda.after(WILL_DELAY, lambda: self._bury(watch, session))

    def recovered(self, blow: Blow) -> None:
        """Take note that a VM runs again: a watcher that was stopped starts a new session once it is booted."""
        if blow.impact is Impact.STOP and self._watch_events:
            self._agenda.after(BOOT, lambda: self._restart(self._watches[blow.host]))

    def _beat_all(self) -> None:
        was_news = [self._beat(watch) for watch in self._watches.values() if self._is_alive(watch)]
        if self._is_unheard or any(was_news):
            self._tell()
        self._agenda.after(BEAT, self._beat_all)

    def _tell(self) -> None:
        self._is_unheard = False
        self._heard()

    def _is_alive(self, watch: "_Watch") -> bool:
        return watch.is_running and self._machines.is_up(watch.host.key)

    def _beat(self, watch: "_Watch", state: Presence = Presence.ONLINE) -> bool:
        now = self._agenda.now()
        said_at = now if state is Presence.ONLINE else watch.began
        status = HostStatus(
            host=watch.host.name, session=watch.session, state=state, at=said_at, poll_ok=True, last_poll_at=said_at
        )
        return self._reports.take_status(watch.host.key, status, retained=False, now=now)

    def _bury(self, watch: "_Watch", session: str) -> None:
        if not watch.is_running and watch.session == session and self._beat(watch, Presence.OFFLINE):
            self._heard()

    def _restart(self, watch: "_Watch") -> None:
        if self._machines.is_up(watch.host.key) and not watch.is_running:
            watch.restart(self._agenda.now())
            self._beat(watch)
            self._publish([watch], is_news=True)

    def _publish(self, watches: Sequence["_Watch"], *, is_news: bool) -> None:
        """Let watchers read and publish what they see; what is no news is merged with the next that is, or soon."""
        for watch in watches:
            if self._is_alive(watch):
                snapshot = watch.snapshot(self._agenda)
                self._published(watch.peers, snapshot.events)
                self._reports.take_snapshot(watch.host.key, snapshot)
        if is_news:
            self._tell()
        else:
            self._is_unheard = True


class _Watch:
    """One watcher's life."""

    def __init__(self, host: Host, group: Group, began: datetime) -> None:
        self.host = host
        self.began = began
        self.is_running = True
        self.peers = tuple(peer.key for peer in group.hosts.values())
        self._group = group
        self._life = 1
        self._sequence = 0
        self._known: tuple[Event, ...] = ()

    @property
    def session(self) -> str:
        """The name of this life."""
        return f"{self.host.key}-{self._life}"

    def restart(self, now: datetime) -> None:
        """Begin a new life."""
        self.is_running, self.began = True, now
        self._life += 1
        self._sequence, self._known = 0, ()

    def snapshot(self, agenda: Agenda) -> EventSnapshot:
        """Return what it publishes after a poll now."""
        document, now = self._group.document(), agenda.now()
        self._known = advance(self._known, document.events, now).events
        self._sequence += 1
        return EventSnapshot(
            host=self.host.name,
            session=self.session,
            sequence=self._sequence,
            incarnation=document.incarnation,
            observed_at=now,
            events=self._known,
        )


class _Publish(Protocol):
    def __call__(self, watches: Sequence[_Watch], *, is_news: bool) -> None: ...


class _Document:
    """One group's document, seen by its watchers as each polls; what changes meanwhile is seen with it.

    To a merge it is news when the first watcher sees an event that is new or has changed, and when the last one has
    dropped one; in between it would come to the same.
    """

    def __init__(
        self, agenda: Agenda, machines: Machines, group: Group, watches: Sequence[_Watch], *, publish: _Publish
    ) -> None:
        self._agenda = agenda
        self._machines = machines
        self._group = group
        self._watches = watches
        self._publish = publish
        self._is_awaited = False
        self._seen: dict[str, Event] = {}
        group.on_change.append(self._changed)

    def _changed(self) -> None:
        if self._is_awaited:
            return
        self._is_awaited = True
        first = min(self._watches, key=self._wait)
        self._agenda.after(self._wait(first) + ON_THE_WAY, lambda: self._seen_by(first))
        self._agenda.after(POLL + ON_THE_WAY, self._seen_by_all)

    def _wait(self, watch: _Watch) -> float:
        """Return the seconds to a watcher's next poll; one on a VM that is not up comes last."""
        into = self._agenda.now().microsecond / 1e6
        return (watch.host.phase - into) % POLL if self._machines.is_up(watch.host.key) else POLL

    def _seen_by(self, first: _Watch) -> None:
        now = self._read()
        is_news = any(self._seen.get(event_id) != event for event_id, event in now.items())
        self._seen |= now
        self._publish([first], is_news=is_news)

    def _seen_by_all(self) -> None:
        self._is_awaited = False
        before, self._seen = self._seen, self._read()
        self._publish(self._watches, is_news=before != self._seen)

    def _read(self) -> dict[str, Event]:
        return {event.event_id: event for event in self._group.document().events}
