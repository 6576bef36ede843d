"""What a watcher costs its VM, and how long an event takes from Azure's answer to the bus."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import psutil

from services.vmwatch.imds import INSTANCE_PATH
from shared.bus import Bus, BusSettings, Delivery
from shared.topics import Topics
from tests.bench.machine import processor_seconds
from tests.parts.mosquitto import Mosquitto
from tests.parts.programs import Program
from tests.parts.raw_server import Exchange, raw_server
from tests.parts.waiting import until

BEGIN = "<!-- make watcher -->"
MEMORY_LIMIT = 60 * 1024 * 1024
CPU_LIMIT = 0.01
DETECTION_LIMIT = 0.05
_HOST = "bench-0"
_INSTANCE = json.dumps({"compute": {"name": _HOST}}).encode()


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of memory (resident), processor seconds per poll, and per event the seconds from answer to subscriber."""

    memory: int
    per_poll: float
    detections: list[float]


class Service:
    """A metadata service that notes when it has told of each event, and a subscriber that notes when it heard."""

    def __init__(self) -> None:
        self.polls = 0
        self.told: dict[str, float] = {}
        self.heard: dict[str, float] = {}
        self._announced: list[str] = []

    async def answer(self, exchange: Exchange) -> None:
        """Answer a request of the watcher."""
        if INSTANCE_PATH in exchange.lines[0]:
            await exchange.send(_response(_INSTANCE))
            return
        self.polls += 1
        announced = tuple(self._announced)
        await exchange.send(_response(_document(announced)))
        for event_id in announced:
            self.told.setdefault(event_id, time.perf_counter())

    async def hear(self, delivery: Delivery) -> None:
        """Take a snapshot off the bus."""
        for event in json.loads(delivery.payload)["events"]:
            self.heard.setdefault(event["eventId"], time.perf_counter())

    async def announce(self, event_id: str) -> float:
        """Announce an event; return the seconds from the answer that told of it until it was heard."""
        self._announced.append(event_id)

        async def heard() -> bool:
            return event_id in self.heard

        await until(heard)
        return self.heard[event_id] - self.told[event_id]

    async def polled(self, times: int) -> None:
        """Wait for so many more polls."""
        enough = self.polls + times

        async def often_enough() -> bool:
            return self.polls >= enough

        await until(often_enough, seconds=120)


async def measure_watcher(folder: Path, *, events: int, polls: int, poll_seconds: float = 1.0) -> Footprint:
    """Run a watcher; take its processor time over so many calm polls, then announce events, one after the other."""
    service = Service()
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(folder))
        imds = await stack.enter_async_context(raw_server(service.answer))
        await stack.enter_async_context(_listening(broker.url, service))
        settings = {
            "LEEWARD_MQTT_URL": broker.url,
            "LEEWARD_IMDS_URL": imds.url,
            "LEEWARD_OPS_LISTEN": "127.0.0.1:0",
            "LEEWARD_POLL_SECONDS": str(poll_seconds),
        }
        program = Program("services.vmwatch", log=folder / "watcher.log", settings=settings)
        await stack.enter_async_context(program)
        await service.polled(2)
        before, began = processor_seconds(program.pid), service.polls
        await service.polled(polls)
        per_poll = (processor_seconds(program.pid) - before) / (service.polls - began)
        detections = [await service.announce(f"EVENT-{number}") for number in range(events)]
        memory = psutil.Process(program.pid).memory_info().rss
        return Footprint(memory=memory, per_poll=per_poll, detections=detections)


async def watcher(*, quick: bool) -> str:
    """Return the figures as a table; takes a minute and a half unless `quick`."""
    with TemporaryDirectory(prefix="leeward-watcher-") as folder:
        found = await measure_watcher(Path(folder), events=5 if quick else 30, polls=10 if quick else 60)
    rows = (
        ("memory, resident", f"{found.memory / 1024**2:.0f} MB", f"{MEMORY_LIMIT / 1024**2:.0f} MB"),
        ("share of a core at one poll a second", f"{found.per_poll:.2%}", f"{CPU_LIMIT:.0%}"),
        ("from Azure's answer to a subscriber, median", _milliseconds(statistics.median(found.detections)), "50 ms"),
        ("the longest of them", _milliseconds(max(found.detections)), "50 ms"),
    )
    lines = (f"| {name} | {value} | {limit} |" for name, value, limit in rows)
    head = f"{len(found.detections)} events:\n\n| a watcher | measured | limit |\n| --- | --- | --- |"
    return "\n".join((head, *lines))


@asynccontextmanager
async def _listening(broker: str, service: Service) -> AsyncIterator[None]:
    bus = Bus(BusSettings(url=broker), client_id="bench-subscriber")
    bus.subscribe(Topics().all_hosts("events"), service.hear)
    task = asyncio.create_task(bus.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _document(event_ids: tuple[str, ...]) -> bytes:
    events: list[dict[str, Any]] = [
        {
            "EventId": event_id,
            "EventStatus": "Scheduled",
            "EventType": "Freeze",
            "ResourceType": "VirtualMachine",
            "Resources": [_HOST],
            "NotBefore": "Mon, 20 Apr 2026 22:26:58 GMT",
            "EventSource": "Platform",
            "DurationInSeconds": 5,
        }
        for event_id in event_ids
    ]
    return json.dumps({"DocumentIncarnation": len(event_ids) + 1, "Events": events}).encode()


def _response(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
