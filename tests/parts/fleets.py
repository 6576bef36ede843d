"""A fleet with its steward, drains and approvals over the memory store, on a bus that only remembers."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count

from services.scheduler.domain.groups import read_groups
from services.scheduler.domain.hosts import Threat
from services.scheduler.feed import Feed
from services.scheduler.fleet.approvals import Approvals, allowed
from services.scheduler.fleet.bounds import Bounds
from services.scheduler.fleet.drains import Drains, Work
from services.scheduler.fleet.fleet import Fleet
from services.scheduler.fleet.hosts import Load
from services.scheduler.fleet.intake import Intake
from services.scheduler.fleet.reports import Reports
from services.scheduler.fleet.rules import FleetRules
from services.scheduler.fleet.steward import Steward
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Approve
from services.scheduler.store.base import Store
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import (
    EventRecord,
    Ownership,
)
from shared.bus import Delivery, ReplyTimeoutError
from shared.messages import ApproveCommand, ApproveReply, Drain, Event, decode, encode
from shared.topics import HostKey, Topics
from tests.parts.builders import EVENT_ID, inventory, online, snapshot
from tests.parts.fakes_api import HandClock

LEASE = timedelta(hours=10)
BOUNDS = Bounds()
TOPICS = Topics()


class RememberingBus:
    """Remembers what is kept and asked; watchers answer as told, `silent` ones not at all."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.cleared: list[str] = []
        self.asked: list[str] = []
        self.asked_for: list[str] = []
        self.silent: set[str] = set()
        self.statuses: dict[str, int] = {}
        self.is_settled = True
        self.answers_about = ""
        self.while_asked: Callable[[], None] = lambda: None

    def keep(self, topic: str, payload: bytes) -> None:
        """Keep retained state."""
        self.kept[topic] = payload

    def clear(self, topic: str) -> None:
        """Forget retained state."""
        self.kept.pop(topic, None)
        self.cleared.append(topic)

    async def settled(self, timeout: float) -> bool:
        """Say at once whether the retained state was heard."""
        return self.is_settled

    async def request(self, topic: str, payload: bytes, *, answerer: str, timeout: float) -> bytes:
        """Answer for the watcher whose topic it is."""
        host = topic.split("/")[-3]
        event_id = decode(payload, ApproveCommand).event_id
        self.asked.append(host)
        self.asked_for.append(event_id)
        self.while_asked()
        if host in self.silent:
            raise ReplyTimeoutError(f"{host} does not answer")
        return encode(ApproveReply(event_id=self.answers_about or event_id, status=self.statuses.get(host, 200)))


class Watched:
    """One replica's view of a few watched hosts; `look` does once what its loops do."""

    def __init__(
        self,
        *hosts: str,
        store: Store | None = None,
        approve: Approve = Approve.USER,
        groups: tuple[str, ...] = (),
        bounds: Bounds = BOUNDS,
        clock: HandClock | None = None,
        replica: str = "one",
        metrics: Metrics | None = None,
    ) -> None:
        ids = count()
        self.store = store or MemoryStore(lambda: f"session-{next(ids)}")
        self.clock = clock or HandClock()
        self.bus = RememberingBus()
        self.metrics = metrics or Metrics("test")
        self.work: dict[str, Work] = {}
        self.workload: Callable[[HostKey, Threat], Work] = lambda host, _: self.work.get(host, Work())
        self.feed = Feed()
        self.heard = Reports(read_groups(groups))
        rules = FleetRules(silent_margin=timedelta(minutes=5), bounds=bounds)
        self.spared: list[str] = []
        self.refused: list[str] = []
        self.deferred: list[datetime] = []
        self.fleet = Fleet(
            self.store, self.clock, self.heard, rules, self.feed, lambda _: Load(), spared=self.spared.append
        )
        self.approvals = Approvals(
            self.fleet,
            self.store,
            self.bus,
            TOPICS,
            self.clock,
            setting=approve,
            replica=replica,
            metrics=self.metrics,
        )
        drains = Drains(
            self.store,
            self.bus,
            TOPICS,
            self.clock,
            lambda host, threat: self.workload(host, threat),
            self.fleet,
            self.metrics,
            approvable=lambda event: allowed(event, approve),
        )
        self.owner: Ownership | None = None
        self.steward = Steward(self.fleet, drains, self.metrics, owner=self._owner, over=self.approvals.end_blocks)
        self.intake = Intake(
            self.heard,
            TOPICS,
            self.clock,
            changed=self.fleet.touch,
            drain_heard=self.steward.drain_heard,
            refused=self.refused.append,
            deferred=lambda: self.deferred.append(self.clock.now()),
            monotonic=lambda: self.clock.now().timestamp(),
        )
        self._sequence = count(1)
        for host in hosts:
            self.heard.take_inventory(HostKey(host), inventory(host, "db"))
            self.beat(host)

    def _owner(self) -> Ownership:
        if self.owner is None:
            raise RuntimeError("call `begin` first")
        return self.owner

    async def begin(self) -> "Watched":
        """Register with the store."""
        self.owner = await self.store.register("one", self.clock.now(), LEASE)
        return self

    def beat(self, *hosts: str) -> None:
        """Let watchers say that they live."""
        for host in hosts:
            now = self.clock.now()
            self.heard.take_status(HostKey(host), online(host, at=now), retained=False, now=now)

    def see(self, host: str, *events: Event) -> None:
        """Let a watcher publish what it sees."""
        self.heard.take_snapshot(HostKey(host), snapshot(host, *events, sequence=next(self._sequence)))
        self.fleet.refresh()

    async def hear(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        """Let a message come in from the bus."""
        delivery = Delivery(topic=topic, payload=payload, retained=retained)
        await HANDLERS[topic.split("/")[4]](self.intake)(delivery)

    async def look(self) -> None:
        """Do one turn of the steward and of the approvals, and wait for what was asked."""
        await self.steward.look()
        await self.approvals.look()
        await self.approvals.answered()

    async def record(self, event_id: str = EVENT_ID) -> EventRecord:
        """Return an event as stored."""
        return await self.store.get_event(event_id)

    def drain(self, host: str, event_id: str = EVENT_ID) -> Drain:
        """Return the drain that is on the bus."""
        return decode(self.bus.kept[TOPICS.drain(HostKey(host), event_id)], Drain)


HANDLERS: dict[str, Callable[[Intake], Callable[[Delivery], Awaitable[None]]]] = {
    "status": lambda intake: intake._status,
    "inventory": lambda intake: intake._inventory,
    "events": lambda intake: intake._events,
    "blocks": lambda intake: intake._block,
    "drains": lambda intake: intake._drain,
}
