"""From the bus into the reports: subscribes, decodes, keeps, and says when something changed."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from services.scheduler.fleet.reports import Reports
from shared.bus import Bus, Delivery
from shared.clock import Clock
from shared.logs import get_logger
from shared.messages import Block, Drain, EventSnapshot, HostStatus, Inventory, MessageRefusedError, decode
from shared.topics import HostKey, Topics, host_key

log = get_logger(__name__)

_TOPIC_LEVEL = re.compile(r"[^\x00-\x1f\x7f/+#]{1,200}")


class Intake:
    """Feeds the watchers' messages into `reports`; `changed` is called after each one that was kept.

    `drain_heard` is called with the host and event id of each drain heard, so that one whose event is over can be
    cleared: it may come from a scheduler that died before it could.
    """

    def __init__(
        self,
        reports: Reports,
        topics: Topics,
        clock: Clock,
        *,
        changed: Callable[[], None],
        drain_heard: Callable[[HostKey, str], None],
    ) -> None:
        self._reports = reports
        self._topics = topics
        self._clock = clock
        self._changed = changed
        self._drain_heard = drain_heard

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
        if self._reports.take_status(host, status, retained=delivery.retained, now=self._clock.now()):
            self._changed()

    async def _inventory(self, delivery: Delivery) -> None:
        if not delivery.payload:
            return
        inventory = decode(delivery.payload, Inventory)
        if self._reports.take_inventory(self._owner(delivery, inventory.host), inventory):
            self._changed()

    async def _events(self, delivery: Delivery) -> None:
        if not delivery.payload:
            return  # an emptied snapshot says nothing about events; the watcher publishes it again
        snapshot = decode(delivery.payload, EventSnapshot)
        for event in snapshot.events:
            if not _TOPIC_LEVEL.fullmatch(event.event_id):
                raise MessageRefusedError(f"{delivery.topic}: event id {event.event_id!r} cannot be part of a topic")
        if self._reports.take_snapshot(self._owner(delivery, snapshot.host), snapshot):
            self._changed()
        else:
            log.info("stale snapshot ignored", host=snapshot.host, sequence=snapshot.sequence)

    async def _block(self, delivery: Delivery) -> None:
        host = host_key(unquote(self._level(delivery, 1)) or "-")  # people write these, not always as we spell hosts
        block = decode(delivery.payload, Block) if delivery.payload else None
        self._reports.take_block(host, self._level(delivery, 3), block)
        self._changed()

    async def _drain(self, delivery: Delivery) -> None:
        if delivery.payload:
            drain = decode(delivery.payload, Drain)
            # The id is the topic's: the payload's may be anything, and it is a topic that is to be cleared.
            self._drain_heard(self._owner(delivery, drain.host), self._level(delivery, 3).upper())

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
