"""The watcher against the emulator: what it says, and that no error changes what it has said."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from random import Random

import pytest

from services.vmwatch.documents import Document
from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Endpoint, Fault, FaultKind
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.identity import REFRESH_SECONDS, Identity
from services.vmwatch.imds import ImdsClient, TimeLimits
from services.vmwatch.instance import Overrides
from services.vmwatch.metrics import Metrics
from services.vmwatch.watcher import Life, Source, Watcher
from shared.messages import Event, Presence
from shared.topics import Topics
from tests.parts.watching import RememberedOutlet, TurnedClock, emulator

REBOOT = Draft(type="Reboot", resources=("db-0",), source="User", notice_seconds=300, duration_seconds=20)
LIMITS = TimeLimits(first=0.3, later=0.3)


class Watch:
    """A watcher of db-0, what it watches, and what it said."""

    def __init__(self, source: Source, imds: Emulator, clock: TurnedClock) -> None:
        self.imds = imds
        self.clock = clock
        self.said = RememberedOutlet()
        self.metrics = Metrics("test")
        self.heard: list[tuple[list[str], int]] = []
        self.watcher = Watcher(
            Life(host="db-0", session="s1"),
            source=source,
            outlet=self.said,
            topics=Topics(),
            metrics=self.metrics,
            clock=clock,
            monotonic=clock.monotonic,
            hear=self._hear,
        )

    def _hear(self, events: Iterable[Event], *, is_whole: bool) -> None:
        assert is_whole
        self.heard.append(([event.event_id for event in events], len(self.said.snapshots())))

    async def poll(self, *, after: float = 1) -> None:
        """Let time pass and poll."""
        self.clock.turn(after)
        await self.watcher.poll()

    def fault(self, kind: FaultKind, *, status: int = 500) -> None:
        """Let the service fail from now on."""
        self.imds.stage.faults.replace((Fault(kind=kind, status=status),), self.clock.now())

    def heal(self) -> None:
        """Let the service work again."""
        self.imds.stage.faults.replace((), self.clock.now())


@asynccontextmanager
async def watching() -> AsyncIterator[Watch]:
    clock = TurnedClock()
    async with emulator(clock=clock) as imds, ImdsClient(imds.url("db-0"), limits=LIMITS) as client:
        yield Watch(client, imds, clock)


async def test_an_event_is_told_from_announcement_to_end() -> None:
    async with watching() as watch:
        await watch.poll()
        watch.imds.stage.schedule(REBOOT)
        await watch.poll()
        await watch.poll(after=300)
        await watch.poll(after=20)
        shown = [[event.status for event in snapshot.events] for snapshot in watch.said.snapshots()]
        assert shown == [[], ["Scheduled"], ["Started"], []]
        assert [snapshot.sequence for snapshot in watch.said.snapshots()] == [1, 2, 3, 4]
        assert watch.said.notices() == ["scheduled", "started", "completed"]
        assert watch.metrics.registry.get_sample_value("leeward_notices_total", {"kind": "completed"}) == 1


async def test_responders_hear_of_each_document_before_it_is_published() -> None:
    async with watching() as watch:
        await watch.poll()
        watch.imds.stage.schedule(REBOOT)
        await watch.poll()
        watch.fault(FaultKind.STATUS)
        await watch.poll()
        assert watch.heard == [([], 0), (["EVENT-1"], 1)]
        assert len(watch.said.snapshots()) == 2


async def test_a_calm_service_is_told_once() -> None:
    async with watching() as watch:
        for _ in range(5):
            await watch.poll()
        assert len(watch.said.snapshots()) == 1
        assert [status.poll_ok for status in watch.said.statuses()] == [True]


async def test_neighbours_events_are_shown_and_not_announced() -> None:
    async with watching() as watch:
        watch.imds.stage.schedule(Draft(type="Freeze", resources=("web-0",)))
        await watch.poll()
        assert [event.resources for event in watch.said.snapshots()[-1].events] == [("web-0",)]
        assert watch.said.notices() == []


async def test_an_event_born_started_is_announced_once() -> None:
    async with watching() as watch:
        watch.imds.stage.schedule(Draft(type="Reboot", resources=("db-0",), status="Started"))
        await watch.poll()
        await watch.poll()
        assert watch.said.notices() == ["started"]


async def test_a_cancelled_event_is_announced_as_such() -> None:
    async with watching() as watch:
        event = watch.imds.stage.schedule(REBOOT)
        await watch.poll()
        watch.imds.stage.cancel(event.id)
        await watch.poll()
        assert watch.said.notices() == ["scheduled", "cancelled"]
        assert watch.said.snapshots()[-1].events == ()


async def test_a_falling_incarnation_with_the_same_events_announces_nothing() -> None:
    async with watching() as watch:
        watch.imds.stage.schedule(REBOOT)
        await watch.poll()
        watch.imds.stage.reset(1)
        await watch.poll()
        assert [snapshot.incarnation for snapshot in watch.said.snapshots()] == [2, 1]
        assert watch.said.notices() == ["scheduled"]


async def test_the_same_incarnation_with_other_events_is_seen() -> None:
    async with watching() as watch:
        await watch.poll()
        watch.imds.stage.schedule(REBOOT)
        watch.imds.stage.reset(1)
        await watch.poll()
        assert [len(snapshot.events) for snapshot in watch.said.snapshots()] == [0, 1]


@pytest.mark.parametrize("kind", list(FaultKind))
async def test_state_stands_whatever_the_metadata_service_answers(kind: FaultKind) -> None:
    async with watching() as watch:
        watch.imds.stage.schedule(REBOOT)
        await watch.poll()
        watch.fault(kind)
        for _ in range(3):
            await watch.poll(after=70)
        assert [event.event_id for event in watch.said.snapshots()[-1].events] == ["EVENT-1"]
        assert watch.said.notices() == ["scheduled"]
        assert [status.poll_ok for status in watch.said.statuses()] == [True, False]
        assert watch.watcher.trouble
        watch.heal()
        await watch.poll(after=70)
        assert [status.poll_ok for status in watch.said.statuses()] == [True, False, True]
        assert watch.watcher.trouble == ""


@pytest.mark.parametrize("status", [400, 404, 405, 410, 429, 500, 503])
async def test_state_stands_whatever_the_status(status: int) -> None:
    async with watching() as watch:
        watch.imds.stage.schedule(REBOOT)
        await watch.poll()
        watch.fault(FaultKind.STATUS, status=status)
        await watch.poll()
        assert len(watch.said.snapshots()) == 1
        assert "db-0" in watch.watcher.events["EVENT-1"].resources


async def test_a_watcher_that_has_read_nothing_publishes_no_snapshot() -> None:
    async with watching() as watch:
        watch.fault(FaultKind.STATUS)
        await watch.poll()
        await watch.watcher.beat()
        assert watch.said.snapshots() == []
        status = watch.said.statuses()[-1]
        assert (status.state, status.poll_ok, status.last_poll_at) == (Presence.ONLINE, False, None)


async def test_after_a_failure_the_service_is_left_alone_for_a_while() -> None:
    async with watching() as watch:
        watch.fault(FaultKind.STATUS, status=400)
        for _ in range(200):
            await watch.poll(after=0.01)
        asked = watch.imds.stage.requests["db-0 GET scheduledevents"]
        assert asked < 50


async def test_the_heartbeat_tells_the_last_good_answer() -> None:
    async with watching() as watch:
        await watch.poll()
        read_at = watch.clock.now()
        watch.clock.turn(10)
        await watch.watcher.beat()
        status = watch.said.statuses()[-1]
        assert (status.session, status.at, status.last_poll_at) == ("s1", watch.clock.now(), read_at)


async def test_a_watcher_that_leaves_says_offline() -> None:
    async with watching() as watch:
        await watch.poll()
        watch.watcher.leave()
        assert watch.said.statuses()[-1].state is Presence.OFFLINE


class Hasty(Random):
    """Chooses the shortest pause."""

    def uniform(self, a: float, b: float) -> float:
        """Return the lower end."""
        return min(a, b)


class Flood:
    """A source with more events than the bus takes."""

    async def read_events(self) -> Document:
        """Return them."""
        events = tuple(
            Event(event_id=f"E{n}", type="Freeze", status="Started", resources=("x" * 200,)) for n in range(1000)
        )
        return Document(incarnation=1, events=events)


async def test_a_snapshot_too_large_for_the_bus_is_a_failure_that_is_said() -> None:
    async with watching() as watch:
        flooded = Watch(Flood(), watch.imds, watch.clock)
        await flooded.poll()
        assert "bytes" in flooded.watcher.trouble
        assert flooded.said.snapshots() == []


async def test_the_inventory_is_told_when_it_is_known_and_when_it_changes() -> None:
    async with watching() as watch, ImdsClient(watch.imds.url("db-0")) as client:
        identity = Identity(client, Overrides(pools=("db", "main")), monotonic=watch.clock.monotonic)
        for _ in range(3):
            await watch.watcher.tell_inventory(identity)
            watch.clock.turn(REFRESH_SECONDS)
        (inventory,) = watch.said.inventories()
        assert (inventory.host, inventory.pools, inventory.group) == ("db-0", ("db", "main"), "fleet")
        assert watch.imds.stage.requests["db-0 GET instance"] == 3


async def test_an_inventory_that_was_read_stands_when_it_cannot_be_read_again() -> None:
    async with watching() as watch, ImdsClient(watch.imds.url("db-0")) as client:
        identity = Identity(client, Overrides(), monotonic=watch.clock.monotonic)
        known = await identity.refresh()
        watch.imds.stage.faults.add(Fault(kind=FaultKind.STATUS, endpoint=Endpoint.INSTANCE), watch.clock.now())
        watch.clock.turn(REFRESH_SECONDS)
        assert await identity.refresh() == known
        assert "500" in identity.trouble


async def test_a_host_is_sought_until_the_instance_document_is_there() -> None:
    async with watching() as watch, ImdsClient(watch.imds.url("db-0")) as client:
        order = Fault(kind=FaultKind.HTML, endpoint=Endpoint.INSTANCE, count=3)
        watch.imds.stage.faults.add(order, watch.clock.now())
        identity = Identity(client, Overrides(), monotonic=watch.clock.monotonic, random=Hasty())
        assert await identity.find_host() == "db-0"
        assert watch.imds.stage.requests["db-0 GET instance"] == 4


@pytest.mark.parametrize(("status", "known"), [(404, True), (500, False)])
async def test_only_a_service_without_instance_documents_leaves_it_to_the_operator(status: int, known: bool) -> None:
    async with watching() as watch, ImdsClient(watch.imds.url("db-0")) as client:
        order = Fault(kind=FaultKind.STATUS, status=status, endpoint=Endpoint.INSTANCE)
        watch.imds.stage.faults.add(order, watch.clock.now())
        identity = Identity(client, Overrides(host="db-7", pools=("db",)), monotonic=watch.clock.monotonic)
        assert await identity.find_host() == "db-7"
        assert (await identity.refresh() is not None) is known
