"""The whole watcher on a VM, with Event Grid beside the metadata service."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from services.vmwatch.app import App
from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.metrics import Metrics
from services.vmwatch.settings import Settings
from shared.clock import SystemClock
from shared.messages import EventSnapshot, decode
from shared.topics import HostKey, Topics
from tests.parts.buses import bus_at, running
from tests.parts.grid import body, cloud_event
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port, listening
from tests.parts.watching import emulator

KEY = "a-key-of-twenty-four-chars"
TOPIC = Topics().events(HostKey("db-0"))
REBOOT = Draft(type="Reboot", resources=("db-0",), notice_seconds=300)


@pytest.fixture
async def imds() -> AsyncIterator[Emulator]:
    """A fleet on which nothing is on."""
    async with emulator() as server:
        yield server


@pytest.fixture
async def heard(tmp_path: Path, imds: Emulator) -> AsyncIterator[tuple[Listener, str]]:
    """What a watcher of db-0 publishes about events, and the address where it listens for Event Grid."""
    port, key = free_port(), tmp_path / "key"
    key.write_text(KEY)
    async with Mosquitto(tmp_path / "broker") as broker:
        settings = Settings(
            mqtt_url=broker.url,
            imds_url=imds.url("db-0"),
            ops_listen="127.0.0.1:0",
            poll_seconds=0.2,
            eventgrid_listen=f"127.0.0.1:{port}",
            eventgrid_key_file=key,
        )
        bus, listener, stop = bus_at(broker.url), Listener(), asyncio.Event()
        bus.subscribe(TOPIC, listener)
        async with running(bus), asyncio.TaskGroup() as tasks:
            tasks.create_task(App(settings, Metrics("test"), SystemClock(), lambda: "s1").run(stop))
            await listening(port)
            yield listener, f"http://127.0.0.1:{port}/eventgrid?code={KEY}"
            stop.set()


async def test_event_grids_word_ends_an_event_that_the_metadata_service_still_lists(
    heard: tuple[Listener, str], imds: Emulator
) -> None:
    listener, url = heard
    imds.stage.schedule(REBOOT)
    await listener.until(lambda deliveries: any(decode(each.payload, EventSnapshot).events for each in deliveries))
    over = cloud_event("Canceled", EventId="event-1", at=datetime.now(UTC).isoformat())
    async with aiohttp.ClientSession() as http, http.post(url, data=body(over)) as reply:
        assert reply.status == 200
    await listener.until(lambda deliveries: bool(decode(deliveries[-1].payload, EventSnapshot).ended))
    last = decode(listener.deliveries[-1].payload, EventSnapshot)
    assert (last.events, [(one.event_id, one.outcome) for one in last.ended]) == ((), [("EVENT-1", "cancelled")])
