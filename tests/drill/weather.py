"""The weather of a drill: two hosts whose watchers publish events at random, and take them back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

from shared.bus import Bus, BusSettings
from shared.messages import Event, EventSnapshot, HostStatus, Inventory, Presence, encode
from shared.topics import Topics, host_key
from tests.drill.jobs import HOSTS, POOL
from tests.drill.records import Maintenance

_SESSION = "drill"
_HEARTBEAT_SECONDS = 5
_KINDS = ("Reboot", "Redeploy", "Freeze", "Preempt")


class Weather:
    """Speaks on the bus as the watchers of the hosts; a broker that forgot is told everything again."""

    def __init__(self, bus: Bus, random: Random) -> None:
        self.maintenances: list[Maintenance] = []
        self._bus = bus
        self._random = random
        self._topics = Topics()
        self._sequence = count(1)

    def introduce(self) -> None:
        """Say which hosts there are, and that all is calm."""
        for host, address in HOSTS.items():
            inventory = Inventory(host=host, addresses=(address,), pools=(POOL,), group="drill")
            self._bus.keep(self._topics.inventory(host_key(host)), encode(inventory))
            self._see(host)
        self._beat()

    async def live(self) -> None:
        """Say that the watchers live, until cancelled."""
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            self._beat()

    async def run(self, seconds: float) -> None:
        """Raise events for some seconds, each of a few; the last one is over when this returns."""
        async with asyncio.TaskGroup() as hosts:
            for host in HOSTS:
                hosts.create_task(self._storms(host, time.time() + seconds))

    async def _storms(self, host: str, until: float) -> None:
        while True:
            calm, seconds = self._random.uniform(1, 6), self._random.uniform(1.5, 4)
            if time.time() + calm + seconds > until:
                return
            await asyncio.sleep(calm)
            began = time.time()
            self._see(host, self._event(host))
            await asyncio.sleep(seconds)
            self._see(host)
            self.maintenances.append(Maintenance(host=host, began=began, ended=time.time()))

    def _event(self, host: str) -> Event:
        return Event(
            event_id=f"{self._random.getrandbits(32):08X}",
            type=self._random.choice(_KINDS),
            status=self._random.choice(("Scheduled", "Started")),
            resources=(host,),
            not_before=datetime.now(UTC) + timedelta(minutes=10),
            source="Platform",
        )

    def _see(self, host: str, *events: Event) -> None:
        number = next(self._sequence)
        snapshot = EventSnapshot(
            host=host,
            session=_SESSION,
            sequence=number,
            incarnation=number,
            observed_at=datetime.now(UTC),
            events=events,
        )
        self._bus.keep(self._topics.events(host_key(host)), encode(snapshot))

    def _beat(self) -> None:
        now = datetime.now(UTC)
        for host in HOSTS:
            status = HostStatus(
                host=host, session=_SESSION, state=Presence.ONLINE, at=now, poll_ok=True, last_poll_at=now
            )
            self._bus.keep(self._topics.status(host_key(host)), encode(status))


@asynccontextmanager
async def weather(broker: str, random: Random) -> AsyncIterator[Weather]:
    """Connect to the broker; the hosts are introduced and heard before this begins."""
    bus = Bus(BusSettings(url=broker), client_id="drill-watchers")
    watchers = Weather(bus, random)
    watchers.introduce()
    tasks = [asyncio.create_task(bus.run()), asyncio.create_task(watchers.live())]
    try:
        await bus.flush(5)
        yield watchers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
