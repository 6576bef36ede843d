"""Buses that run for the length of a block."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.bus import Bus, BusSettings


@asynccontextmanager
async def running(bus: Bus, *, settled: bool = True) -> AsyncIterator[Bus]:
    """Run the bus inside the block; with `settled`, wait first until its rights are proven."""
    task = asyncio.create_task(bus.run())
    try:
        if settled and not await bus.settled(10):
            raise TimeoutError(f"the bus did not settle: {bus.problems}")
        yield bus
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def bus_at(url: str, client_id: str = "tester") -> Bus:
    """Return a plain bus for the broker at `url`."""
    return Bus(BusSettings(url=url), client_id=client_id, reply_topic=f"replies/{client_id}")
