"""The yardstick: a bare asyncio, heapq and aiohttp loop with a bounded pool of workers; nothing durable.

`python -m tests.bench.loop ORDER`
"""

import asyncio
import heapq
import sys
import time

import msgspec
import uvloop
from aiohttp import ClientSession

from tests.bench.calls import call, client
from tests.bench.orders import WORKERS, Order

_AHEAD = 0.0005
_LONG = 1.0


class Loop:
    """Jobs in a heap, due ones in a queue, a request each."""

    def __init__(self, session: ClientSession, order: Order) -> None:
        self._session = session
        self._order = order
        self._addresses = [order.address(number) for number in range(order.jobs)]
        self._heap = [(first, number) for number, first in enumerate(order.firsts())]
        self._due: asyncio.Queue[tuple[float, int]] = asyncio.Queue()

    async def run(self) -> None:
        """Fire each job from its start on, every interval, until the time is up."""
        heapq.heapify(self._heap)
        workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        while (now := time.time()) < self._order.until:
            self._hand_out(now)
            next_due = self._heap[0][0] if self._heap else now + _LONG
            await asyncio.sleep(min(max(0.0, next_due - time.time()) + _AHEAD, self._order.until - now))
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers)

    def _hand_out(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            due, number = heapq.heappop(self._heap)
            self._due.put_nowait((due, number))
            if self._order.interval:
                heapq.heappush(self._heap, (due + self._order.interval, number))

    async def _work(self) -> None:
        while True:
            due, number = await self._due.get()
            await call(self._session, self._addresses[number], due)


async def fire(order: Order) -> None:
    """Fire until the time is up."""
    async with client() as session:
        loop = Loop(session, order)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await loop.run()


if __name__ == "__main__":
    uvloop.run(fire(msgspec.json.decode(sys.argv[1], type=Order)))
