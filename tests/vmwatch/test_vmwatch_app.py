"""The whole watcher over a real broker and the emulator."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import aiohttp
import msgspec
import pytest

from services.vmwatch.app import App
from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Endpoint, Fault, FaultKind
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.metrics import Metrics
from services.vmwatch.settings import Settings
from shared.bus import Bus, Delivery
from shared.clock import SystemClock
from shared.messages import (
    ApproveCommand,
    ApproveReply,
    CloudEvent,
    Drain,
    DrainState,
    EventNotice,
    EventSnapshot,
    HostStatus,
    Inventory,
    Presence,
    decode,
    encode,
)
from shared.topics import HostKey, Topics
from tests.parts.buses import bus_at, running
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.watching import NOON, emulator, eventually

T = TypeVar("T", bound=msgspec.Struct)
DB_0 = HostKey("db-0")
TOPICS = Topics()
REBOOT = Draft(type="Reboot", resources=("db-0",), source="User", notice_seconds=300, started_seconds=0.3)

DRAINED = Drain(
    event_id="EVENT-1", host="db-0", state=DrainState.DRAINED, running=0, held=0, rerouted=0, deadline=None, at=NOON
)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A Mosquitto."""
    async with Mosquitto(tmp_path / "broker") as process:
        yield process


@pytest.fixture
async def imds() -> AsyncIterator[Emulator]:
    """A calm fleet."""
    async with emulator() as server:
        yield server


@asynccontextmanager
async def watching(broker: Mosquitto, imds: Emulator, host: str = "db-0") -> AsyncIterator[App]:
    settings = Settings(mqtt_url=broker.url, imds_url=imds.url(host), ops_listen="127.0.0.1:0", poll_seconds=0.2)
    app = App(settings, Metrics("test"), SystemClock(), lambda: uuid4().hex)
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    try:
        await app.started.wait()
        yield app
    finally:
        stop.set()
        await task


class Ear:
    """Listens to everything below the prefix, as the scheduler would."""

    def __init__(self, bus: Bus, heard: Listener) -> None:
        self.bus = bus
        self.heard = heard

    async def until(self, topic: str, kind: type[T], condition: Callable[[T], bool] = lambda _: True) -> T:
        """Wait for a message on a topic that satisfies the condition, and return it."""
        found: list[T] = []

        def satisfied(deliveries: list[Delivery]) -> bool:
            found[:] = [message for message in read(deliveries, topic, kind) if condition(message)]
            return bool(found)

        await self.heard.until(satisfied)
        return found[0]


def read(deliveries: list[Delivery], topic: str, kind: type[T]) -> list[T]:
    return [decode(delivery.payload, kind) for delivery in deliveries if delivery.topic == topic and delivery.payload]


@asynccontextmanager
async def listening(broker: Mosquitto) -> AsyncIterator[Ear]:
    bus, heard = bus_at(broker.url), Listener()
    bus.subscribe(f"{TOPICS.prefix}/#", heard)
    async with running(bus):
        yield Ear(bus, heard)


async def answer(app: App, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{app.ops_port}{path}") as response,
    ):
        return response.status, await response.text()


async def ready(app: App) -> None:
    async def asked() -> bool:
        return (await answer(app, "/readyz"))[0] == 200

    await eventually(asked)


async def unready(app: App, because: str) -> None:
    async def asked() -> bool:
        status, text = await answer(app, "/readyz")
        return status == 503 and because in text

    await eventually(asked)


async def polled(imds: Emulator) -> None:
    """Wait until the watcher has asked twice more, so that it has read what stands now."""
    name = "db-0 GET scheduledevents"
    before = imds.stage.requests[name]

    async def asked() -> bool:
        return imds.stage.requests[name] >= before + 2

    await eventually(asked)


async def test_a_watcher_says_who_and_how_it_is(broker: Mosquitto, imds: Emulator) -> None:
    async with listening(broker) as ear:
        async with watching(broker, imds) as app:
            status = await ear.until(TOPICS.status(DB_0), HostStatus, lambda it: it.poll_ok)
            inventory = await ear.until(TOPICS.inventory(DB_0), Inventory)
            snapshot = await ear.until(TOPICS.events(DB_0), EventSnapshot)
            await ready(app)
            assert "leeward_bus_connected 1.0" in (await answer(app, "/metrics"))[1]
        assert (status.host, status.state, status.session) == ("db-0", Presence.ONLINE, snapshot.session)
        assert (inventory.pools, inventory.group) == (("db",), "fleet")
        assert (snapshot.sequence, snapshot.events) == (1, ())
        await ear.until(TOPICS.status(DB_0), HostStatus, lambda it: it.state is Presence.OFFLINE)


async def test_an_event_is_approved_on_command_and_told_to_its_end(broker: Mosquitto, imds: Emulator) -> None:
    async with listening(broker) as ear, watching(broker, imds):
        imds.stage.schedule(REBOOT)
        await ear.until(TOPICS.events(DB_0), EventSnapshot, lambda it: bool(it.events))
        command = encode(ApproveCommand(event_id="EVENT-1", reason="drained", decided_by="tester"))
        reply = decode(await ear.bus.request(TOPICS.approve(DB_0), command, answerer="db-0", timeout=5), ApproveReply)
        assert reply == ApproveReply(event_id="EVENT-1", status=200)
        for kind in ("scheduled", "started", "completed"):
            notice = await ear.until(TOPICS.notice(DB_0, kind), CloudEvent[EventNotice])
            assert (notice.type, notice.data.event.event_id) == (f"io.leeward.event.{kind}", "EVENT-1")
        await ear.until(TOPICS.events(DB_0), EventSnapshot, lambda it: it.sequence > 2 and not it.events)


async def test_what_an_event_of_this_host_came_to_is_measured(broker: Mosquitto, imds: Emulator) -> None:
    async with listening(broker) as ear, watching(broker, imds) as app:
        await ready(app)
        imds.stage.schedule(REBOOT)
        await ear.until(TOPICS.events(DB_0), EventSnapshot, lambda it: bool(it.events))
        ear.bus.keep(TOPICS.drain(DB_0, "EVENT-1"), encode(DRAINED))
        command = encode(ApproveCommand(event_id="EVENT-1", reason="drained", decided_by="tester"))
        await ear.bus.request(TOPICS.approve(DB_0), command, answerer="db-0", timeout=5)
        await ear.until(TOPICS.notice(DB_0, "completed"), CloudEvent[EventNotice])
        told = (await answer(app, "/metrics"))[1]
        for measure in ("notice", "drain", "approval_to_start", "duration"):
            assert f'leeward_event_{measure}_seconds_count{{source="user",type="Reboot"}} 1.0' in told


async def test_nonsense_on_the_command_topic_is_counted_and_the_next_command_works(
    broker: Mosquitto, imds: Emulator
) -> None:
    async with listening(broker) as ear, watching(broker, imds) as app:
        imds.stage.schedule(REBOOT)
        await ear.until(TOPICS.events(DB_0), EventSnapshot, lambda it: bool(it.events))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await ear.bus.request(TOPICS.approve(DB_0), b"{", answerer="db-0", timeout=5)
        command = encode(ApproveCommand(event_id="EVENT-1", reason="drained", decided_by="tester"))
        assert (
            decode(
                await ear.bus.request(TOPICS.approve(DB_0), command, answerer="db-0", timeout=5), ApproveReply
            ).status
            == 200
        )
        assert 'leeward_messages_refused_total{reason="invalid"} 1.0' in (await answer(app, "/metrics"))[1]


@pytest.mark.parametrize("kind", [FaultKind.STATUS, FaultKind.GARBAGE, FaultKind.RESET])
async def test_a_failing_metadata_service_changes_nothing_but_poll_ok(
    broker: Mosquitto, imds: Emulator, kind: FaultKind
) -> None:
    async with listening(broker) as ear, watching(broker, imds) as app:
        imds.stage.schedule(REBOOT)
        await ear.until(TOPICS.events(DB_0), EventSnapshot, lambda it: bool(it.events))
        before = len(read(ear.heard.deliveries, TOPICS.events(DB_0), EventSnapshot))
        imds.stage.faults.add(Fault(kind=kind), imds.stage.pace.now())
        await ear.until(TOPICS.status(DB_0), HostStatus, lambda it: it.last_poll_at is not None and not it.poll_ok)
        await unready(app, "metadata")
        assert len(read(ear.heard.deliveries, TOPICS.events(DB_0), EventSnapshot)) == before


async def test_a_broker_that_forgot_everything_is_told_everything_again(broker: Mosquitto, imds: Emulator) -> None:
    async with watching(broker, imds) as app:
        imds.stage.schedule(REBOOT)
        async with listening(broker) as ear:
            await ear.until(TOPICS.events(DB_0), EventSnapshot, lambda it: bool(it.events))
        await broker.kill()
        broker.wipe()
        await broker.start()
        async with listening(broker) as ear:
            snapshot = await ear.until(TOPICS.events(DB_0), EventSnapshot)
            assert [event.event_id for event in snapshot.events] == ["EVENT-1"]
            await ear.until(TOPICS.status(DB_0), HostStatus, lambda it: it.state is Presence.ONLINE)
            await ear.until(TOPICS.inventory(DB_0), Inventory)
            assert read(ear.heard.deliveries, TOPICS.notice(DB_0, "scheduled"), CloudEvent[EventNotice]) == []
        await ready(app)


async def test_events_that_come_while_the_broker_is_away_are_told_afterwards(broker: Mosquitto, imds: Emulator) -> None:
    async with watching(broker, imds) as app:
        await ready(app)
        await broker.stop()
        imds.stage.schedule(REBOOT)
        await polled(imds)
        await unready(app, "bus broker")
        await broker.start()
        async with listening(broker) as ear:
            snapshot = await ear.until(TOPICS.events(DB_0), EventSnapshot, lambda it: bool(it.events))
            assert [event.event_id for event in snapshot.events] == ["EVENT-1"]


async def test_a_restarted_watcher_begins_a_session_and_repeats_the_notice_under_its_id(
    broker: Mosquitto, imds: Emulator
) -> None:
    imds.stage.schedule(REBOOT)
    ids, sessions = [], []
    for _ in range(2):
        async with listening(broker) as ear, watching(broker, imds):
            notice = await ear.until(TOPICS.notice(DB_0, "scheduled"), CloudEvent[EventNotice])
            ids.append(notice.id)
            sessions.append(read(ear.heard.deliveries, TOPICS.events(DB_0), EventSnapshot)[-1].session)
    assert len(set(ids)) == 1
    assert len(set(sessions)) == 2


async def test_a_watcher_waits_for_the_instance_document_and_says_so(broker: Mosquitto, imds: Emulator) -> None:
    imds.stage.faults.add(Fault(kind=FaultKind.STATUS, endpoint=Endpoint.INSTANCE), imds.stage.pace.now())
    async with watching(broker, imds) as app:
        await unready(app, "identity: GET")
        assert (await answer(app, "/livez"))[0] == 200
        imds.stage.faults.replace((), imds.stage.pace.now())
        await ready(app)


async def test_a_watcher_stops_while_it_waits(broker: Mosquitto, imds: Emulator) -> None:
    imds.stage.faults.add(Fault(kind=FaultKind.STATUS, endpoint=Endpoint.INSTANCE), imds.stage.pace.now())
    async with asyncio.timeout(3), watching(broker, imds) as app:
        await unready(app, "identity: GET")
        port = app.ops_port
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_neighbours_tell_the_same_event_each_in_its_own_snapshot(broker: Mosquitto, imds: Emulator) -> None:
    imds.stage.schedule(REBOOT)
    async with listening(broker) as ear, watching(broker, imds), watching(broker, imds, "db-1"):
        for host in ("db-0", "db-1"):
            snapshot = await ear.until(TOPICS.events(HostKey(host)), EventSnapshot, lambda it: bool(it.events))
            assert snapshot.host == host
        await ear.until(TOPICS.notice(DB_0, "scheduled"), CloudEvent[EventNotice])
        assert not read(ear.heard.deliveries, TOPICS.notice(HostKey("db-1"), "scheduled"), CloudEvent[EventNotice])


async def test_a_broker_that_lets_nobody_publish_makes_the_watcher_unready(tmp_path: Path, imds: Emulator) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic read #\n", encoding="utf-8")
    async with (
        Mosquitto(tmp_path / "broker", lines=f"acl_file {rules}\n") as broker,
        watching(broker, imds) as app,
    ):
        await unready(app, "bus publishing")
        assert (await answer(app, "/livez"))[0] == 200
