"""From the bus into the reports: subscribes, decodes, keeps, and says when something changed."""

import re
import time
from collections.abc import Callable
from urllib.parse import unquote

from services.scheduler.fleet.reports import Reports
from services.scheduler.fleet.room import EVENTS_LIMIT, Room
from shared.bus import Bus, Delivery
from shared.clock import Clock
from shared.logs import Details, get_logger
from shared.messages import Block, Drain, EventSnapshot, HostStatus, Inventory, MessageRefusedError, Refusal, decode
from shared.ration import Ration
from shared.topics import HostKey, Topics, host_key

log = get_logger(__name__)
details = Details(__name__)

_TOPIC_LEVEL = re.compile(r"[^\x00-\x1f\x7f/+#]{1,200}")


class Intake:
    """Feeds the watchers' messages into `reports`; `changed` is called after each one that was kept.

    `drain_heard` is called with the host and event id of each drain heard, so that one whose event is over can be
    cleared: it may come from a scheduler that died before it could. `refused` is told of words about a host from one
    that may not speak for it, `deferred` of news that waits, because its host has more than any host has.
    """

    def __init__(
        self,
        reports: Reports,
        topics: Topics,
        clock: Clock,
        *,
        changed: Callable[[], None],
        drain_heard: Callable[[HostKey, str], None],
        refused: Callable[[Refusal], None] = lambda _: None,
        deferred: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reports = reports
        self._topics = topics
        self._clock = clock
        self._changed = changed
        self._drain_heard = drain_heard
        self._refused = refused
        self._deferred = deferred
        self._room = Room(monotonic)
        self._sweeps = Ration(burst=1, per_second=1 / 60, clock=monotonic)
        self._lines = Ration(burst=20, per_second=1, clock=monotonic)

    def subscribe(self, bus: Bus) -> None:
        """Ask the bus for everything the watchers publish; call before the bus runs."""
        bus.subscribe(self._topics.all_hosts("inventory"), self._inventory)
        bus.subscribe(self._topics.all_hosts("status"), self._status)
        bus.subscribe(self._topics.all_hosts("events"), self._events)
        bus.subscribe(self._topics.all_hosts("blocks/+"), self._block)
        bus.subscribe(self._topics.all_hosts("drains/+"), self._drain)

    async def _status(self, delivery: Delivery) -> None:
        if not delivery.payload:
            return  # cleared by a third party: unknown, not offline (DESIGN §2)
        status = decode(delivery.payload, HostStatus)
        host = self._owner(delivery, status.host)
        self._make_room(delivery, host, "status")
        if self._reports.take_status(host, status, retained=delivery.retained, now=self._clock.now()):
            self._tell(host)

    async def _inventory(self, delivery: Delivery) -> None:
        if not delivery.payload:
            return
        inventory = decode(delivery.payload, Inventory)
        host = self._owner(delivery, inventory.host)
        self._make_room(delivery, host, "inventory")
        if self._reports.take_inventory(host, inventory):
            self._tell(host)

    async def _events(self, delivery: Delivery) -> None:
        if not delivery.payload:
            return  # an emptied snapshot says nothing about events; the watcher publishes it again
        snapshot = decode(delivery.payload, EventSnapshot)
        host = self._owner(delivery, snapshot.host)
        self._check_events(delivery, host, snapshot)
        self._make_room(delivery, host, "events")
        if self._reports.take_snapshot(host, snapshot):
            events = [event.event_id for event in snapshot.events]
            details("snapshot taken", host=host, sequence=snapshot.sequence, events=events)
            self._note_hearsay(delivery, host, snapshot)
            self._tell(host)
        elif self._lines.take():
            log.info("stale snapshot ignored", host=snapshot.host, sequence=snapshot.sequence)

    async def _block(self, delivery: Delivery) -> None:
        host = host_key(unquote(self._level(delivery, 1)) or "-")  # people write these, not always as we spell hosts
        name = self._level(delivery, 3)
        block = decode(delivery.payload, Block) if delivery.payload else None
        if block is None:
            self._room.leave(host, f"blocks/{name}")
        else:
            self._make_room(delivery, host, f"blocks/{name}")
        self._reports.take_block(host, name, block)
        self._tell(host)

    async def _drain(self, delivery: Delivery) -> None:
        if delivery.payload:
            drain = decode(delivery.payload, Drain)
            # The id is the topic's: the payload's may be anything, and it is a topic that is to be cleared.
            self._drain_heard(self._owner(delivery, drain.host), self._level(delivery, 3).upper())

    def _tell(self, host: HostKey) -> None:
        """Have news looked at now, or, from a host that has too much of it, with the fleet's next pulse."""
        if self._room.has_news_left(host):
            self._changed()
        else:
            self._deferred()

    def _make_room(self, delivery: Delivery, host: HostKey, part: str) -> None:
        """Refuse what there is no room for, once hosts that have been silent for a day are forgotten."""
        size = len(delivery.payload)
        details("heard", topic=delivery.topic, bytes=size, retained=delivery.retained)
        if self._room.take(host, part, size):
            return
        if self._sweeps.take():
            silent = self._reports.long_silent(self._clock.now())
            log.warning("no room for more hosts, the long silent are forgotten", forgotten=len(silent))
            self._reports.forget(silent)
            self._room.forget(silent)
        if not self._room.take(host, part, size):
            raise MessageRefusedError(f"{delivery.topic}: no room to keep more", Refusal.FLOOD)

    def _check_events(self, delivery: Delivery, host: HostKey, snapshot: EventSnapshot) -> None:
        """Refuse a snapshot with an id that no topic takes, with too many events, or with new ones all the time."""
        for event in snapshot.events:
            if not _TOPIC_LEVEL.fullmatch(event.event_id):
                raise MessageRefusedError(f"{delivery.topic}: event id {event.event_id!r} cannot be part of a topic")
        known = self._reports.snapshots.get(host)
        before = {event.event_id for event in known.events} if known is not None else set()
        new = sum(event.event_id not in before for event in snapshot.events)
        if max(len(snapshot.events), len(snapshot.ended)) > EVENTS_LIMIT or not self._room.has_events_left(host, new):
            raise MessageRefusedError(f"{delivery.topic}: {new} new events, more than there can be", Refusal.FLOOD)

    def _note_hearsay(self, delivery: Delivery, host: HostKey, snapshot: EventSnapshot) -> None:
        """Count a report about hosts of another group: it is kept, and not believed (DESIGN §7)."""
        if delivery.retained and host not in self._reports.inventories:
            return  # at the start its inventory may come later
        named = {host_key(name) for event in snapshot.events for name in event.resources if name}
        foreign = sorted(name for name in named if self._is_foreign(host, name))
        if foreign:
            self._refused(Refusal.NOT_ENTITLED)
            if self._lines.take():
                log.warning("report about hosts of another group", host=host, about=foreign[:5], count=len(foreign))

    def _is_foreign(self, host: HostKey, named: HostKey) -> bool:
        return named in self._reports.inventories and not self._reports.may_speak_for(host, named)

    def _owner(self, delivery: Delivery, name: str) -> HostKey:
        """Return the host of a topic; refuse a payload that names another one."""
        host = self._level(delivery, 1)
        if not name or host_key(name) != host:
            raise MessageRefusedError(f"{delivery.topic}: the payload names host {name!r}")
        return HostKey(host)

    def _level(self, delivery: Delivery, index: int) -> str:
        levels = self._topics.parse(delivery.topic)
        if levels is None or len(levels) <= index:
            raise MessageRefusedError(f"{delivery.topic}: not a topic of this contract")
        return levels[index]
