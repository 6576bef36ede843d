"""From an event's publication on the bus to no new start on its host."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from shared.bus import Bus, BusSettings
from shared.messages import Event, EventSnapshot, HostStatus, Inventory, Presence, encode
from shared.topics import Topics, host_key
from tests.bench.contestants import LEAD
from tests.bench.measuring import Range
from tests.bench.orders import Order
from tests.bench.schedulers import Json, Scheduler, job
from tests.parts.waiting import until

HOST = "bench-0"
JOBS = 500
"""A start every 2 ms: what is measured is that much too short at most."""
PLACED: Json = {"placement": {"host": HOST}, "maintenance": {"strategy": "Hold", "onRelease": "Skip"}}
"""What ties a job to the host; what was held is not made up for, so that each event finds the same flow."""
_HELD = 0.5
_FLOWING = 0.4
_FLOW = 50
"""Requests that are no late ones of before: the flow of a tenth of a second."""
_PATIENCE = 10.0


class Watcher:
    """Speaks on the bus as the watcher of one host."""

    def __init__(self, bus: Bus, topics: Topics) -> None:
        self._bus = bus
        self._topics = topics
        self._sequence = 0
        # Its own: whatever an earlier watcher of this host has said counts no more.
        self.session = uuid4().hex

    def introduce(self) -> None:
        """Say who the host is and that its watcher lives."""
        inventory = Inventory(host=HOST, addresses=("127.0.0.1",))
        self._bus.keep(self._topics.inventory(host_key(HOST)), encode(inventory))
        self.beat()
        self.see()

    def beat(self) -> None:
        """Say that it lives: what one says that has not for a while is not believed."""
        now = datetime.now(UTC)
        status = HostStatus(
            host=HOST, session=self.session, state=Presence.ONLINE, at=now, poll_ok=True, last_poll_at=now
        )
        self._bus.keep(self._topics.status(host_key(HOST)), encode(status))

    def see(self, *events: Event) -> None:
        """Publish what the metadata service shows."""
        self._sequence += 1
        snapshot = EventSnapshot(
            host=HOST,
            session=self.session,
            sequence=self._sequence,
            incarnation=self._sequence,
            observed_at=datetime.now(UTC),
            events=events,
        )
        self._bus.keep(self._topics.events(host_key(HOST)), encode(snapshot))


async def measure_holding(range_: Range, scheduler: Scheduler, broker: str, *, events: int) -> list[float]:
    """Return, per event, the seconds from its publication to the last request that still reached the host.

    Of several replicas that is the last one's. Raises RuntimeError when nothing had reached the host before an event,
    or one of the replicas has sent nothing.
    """
    async with _bus(broker) as bus:
        watcher = Watcher(bus, Topics(scheduler.prefix))
        watcher.introduce()
        await bus.settled(5)
        start = float(int(time.time() + LEAD) + 2)
        order = Order(url=range_.urls.hit, jobs=JOBS, interval=1, start=start, until=start)
        await scheduler.create(
            [
                job(f"job-{number}", order.address(number), first, 1, **PLACED)
                for number, first in enumerate(order.firsts())
            ]
        )
        try:
            await asyncio.sleep(start - time.time())
            await _flows_again(range_)
            before = await scheduler.executed()
            found = [await _one_event(range_, watcher, number) for number in range(events)]
            if idle := [name for name, count in (await scheduler.executed()).items() if count == before[name]]:
                raise RuntimeError(f"{', '.join(idle)} has sent nothing: there is nothing to measure")
            return found
        finally:
            await scheduler.rest()
            await range_.settled()


async def _one_event(range_: Range, watcher: Watcher, number: int) -> float:
    event = Event(
        event_id=f"{watcher.session}-{number}".upper(),
        type="Reboot",
        status="Scheduled",
        resources=(HOST,),
        not_before=datetime.now(UTC) + timedelta(minutes=10),
    )
    published = time.time()
    watcher.see(event)
    await asyncio.sleep(_HELD)
    seen = await range_.seen(published - 0.5, published + _HELD)
    if seen.arrived == 0:
        raise RuntimeError("nothing reached the host before the event: there is nothing to measure")
    watcher.beat()
    watcher.see()
    await _flows_again(range_)
    return max(0.0, seen.latest - published)


async def _flows_again(range_: Range) -> None:
    """Wait until requests have been coming for a moment."""
    enough = await range_.count() + _FLOW

    async def flows() -> bool:
        return await range_.count() >= enough

    await until(flows, seconds=_PATIENCE)
    await asyncio.sleep(_FLOWING)


@asynccontextmanager
async def _bus(broker: str) -> AsyncIterator[Bus]:
    bus = Bus(BusSettings(url=broker), client_id="bench-watcher")
    task = asyncio.create_task(bus.run())
    try:
        yield bus
    finally:
        task.cancel()
        await asyncio.wait([task])
