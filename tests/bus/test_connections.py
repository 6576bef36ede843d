"""Connections that fail, end, freeze and come back."""

import asyncio
from pathlib import Path

import pytest
import uvloop

from shared.bus import Bus, BusSettings, BusUnavailableError, Publication
from tests.parts.brokers import BrokerProcess
from tests.parts.buses import bus_at, running
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port
from tests.parts.tcp_proxy import TcpProxy

PING_RESPONSE = b"\xd0\x00"


class Changes:
    """Remembers each change of the connection."""

    def __init__(self) -> None:
        self.seen: list[bool] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, connected: bool) -> None:
        self.seen.append(connected)
        task = asyncio.create_task(self._notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def until(self, expected: list[bool]) -> None:
        async with asyncio.timeout(15), self._changed:
            await self._changed.wait_for(lambda: self.seen == expected)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def watched(url: str, changes: Changes) -> Bus:
    return Bus(BusSettings(url=url), client_id="watched", on_connection=changes)


async def test_a_bus_connects_again_after_the_broker_restarted(broker: BrokerProcess) -> None:
    changes, listener = Changes(), Listener()
    bus = watched(broker.url, changes)
    bus.subscribe("numbers", listener)
    async with running(bus):
        await broker.kill()
        await changes.until([True, False])
        assert "broker" in bus.problems
        await broker.start()
        await changes.until([True, False, True])
        await bus.publish(Publication(topic="numbers", payload=b"1"))
        await listener.until_payload(b"1")
        assert not bus.problems
    assert not bus.connected


async def test_a_bus_that_never_stops_reporting_connects_again_after_the_broker_died(broker: BrokerProcess) -> None:
    changes = Changes()
    bus = watched(broker.url, changes)

    async def report() -> None:
        while bus.connected:
            bus.offer(Publication(topic="numbers", payload=b"1"))
            await asyncio.sleep(0)  # as busy as can be: something is always about to be sent when the connection ends

    async with running(bus):
        for seen in ([True], [True, False, True]):
            await changes.until(seen)
            reporting = asyncio.create_task(report())
            await broker.kill()
            await reporting
            await broker.start()
        await changes.until([True, False, True, False, True])
        assert bus.connected


def test_a_reset_right_behind_messages_is_seen_at_once(tmp_path: Path) -> None:
    # The services run on uvloop, which tells of the end but once.
    assert uvloop.run(reset_behind_messages(tmp_path)) == [True, False, True]


async def reset_behind_messages(folder: Path) -> list[bool]:
    changes = Changes()
    async with Mosquitto(folder) as broker, TcpProxy("127.0.0.1", broker.port) as proxy:
        bus = watched(f"mqtt://127.0.0.1:{proxy.port}", changes)
        async with running(bus):
            proxy.cut(PING_RESPONSE * 100)  # more than is read before the end is there
            await changes.until([True, False])
            proxy.heal()
            await changes.until([True, False, True])
            assert bus.connected
            return list(changes.seen)


async def test_a_broker_that_starts_late_is_found(broker: BrokerProcess) -> None:
    await broker.stop()
    async with running(bus_at(broker.url), settled=False) as bus:
        bus.keep("hosts/a/status", b"online")
        assert not await bus.settled(0.1)
        await broker.start()
        assert await bus.settled(15)


async def test_a_frozen_broker_does_not_look_like_a_lost_one(broker: BrokerProcess) -> None:
    changes = Changes()
    async with running(watched(broker.url, changes)) as bus:
        broker.freeze()
        bus.keep("hosts/a/status", b"online")
        assert not await bus.flush(0.5)
        broker.thaw()
        assert await bus.flush(10)
    assert changes.seen == [True, False]


async def test_a_bus_stops_while_a_frozen_broker_keeps_it_waiting(broker: BrokerProcess) -> None:
    broker.freeze()
    async with asyncio.timeout(5), running(bus_at(broker.url), settled=False) as bus:
        assert not await bus.settled(0.3)
    broker.thaw()


async def test_a_bus_stops_while_acknowledgements_are_missing(broker: BrokerProcess) -> None:
    async with asyncio.timeout(10), running(bus_at(broker.url)) as bus:
        broker.freeze()
        for number in range(200):
            bus.offer(Publication(topic="numbers", payload=b"9" * 100_000, content_type=str(number)))
        assert not await bus.flush(0.3)
    broker.thaw()


async def test_a_publication_without_a_connection_is_an_error() -> None:
    async with running(bus_at(f"mqtt://127.0.0.1:{free_port()}"), settled=False) as bus:
        with pytest.raises(BusUnavailableError, match="no connection"):
            await bus.publish(Publication(topic="numbers", payload=b"1"))


async def test_a_publication_that_loses_its_connection_fails_without_delay(broker: BrokerProcess) -> None:
    async with asyncio.timeout(5), running(bus_at(broker.url)) as bus:
        broker.freeze()
        publishing = asyncio.create_task(bus.publish(Publication(topic="numbers", payload=b"1")))
        assert not await bus.settled(0.1) or not publishing.done()
        await broker.kill()
        with pytest.raises(BusUnavailableError, match="numbers"):
            await publishing


async def test_reports_offered_while_the_broker_is_away_arrive_later(broker: BrokerProcess) -> None:
    listener = Listener()
    bus = bus_at(broker.url)
    bus.subscribe("notices/#", listener)
    await broker.stop()
    async with running(bus, settled=False):
        assert bus.offer(Publication(topic="notices/a/scheduled", payload=b"1"))
        await broker.start()
        await listener.until_payload(b"1", seconds=15)
        assert await bus.flush(10)


async def test_the_will_speaks_only_for_a_client_that_did_not_say_goodbye(broker: BrokerProcess) -> None:
    listener = Listener()
    watcher = bus_at(broker.url, "watcher")
    watcher.subscribe("hosts/+/status", listener)
    will = Publication(topic="hosts/a/status", payload=b"offline", retain=True)
    mortal = Bus(BusSettings(url=broker.url), client_id="mortal", will=will)
    async with running(watcher):
        async with running(mortal):
            mortal.keep("hosts/a/status", b"online")
            await listener.until_payload(b"online")
        await watcher.publish(Publication(topic="hosts/b/status", payload=b"end"))
        await listener.until_payload(b"end")
    assert b"offline" not in listener.payloads
