"""The yardstick: a bare asyncio, heapq and aiohttp loop with a bounded pool of workers; nothing durable.

`python -m tests.bench.loop --url U --jobs N --interval S --start S --until S [--herd]`
"""

import asyncio
import heapq
import time
from datetime import UTC, datetime

import click
import uvloop
from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from tests.bench.target import DUE

WORKERS = 150
"""As many as the scheduler's LEEWARD_RUNNERS."""
_AHEAD = 0.0005


class Loop:
    """Jobs in a heap, due ones in a queue, a request each."""

    def __init__(self, session: ClientSession, url: str, interval: float) -> None:
        self._session = session
        self._url = url
        self._interval = interval
        self._heap: list[float] = []
        self._due: asyncio.Queue[float] = asyncio.Queue()

    async def run(self, starts: list[float], until: float) -> None:
        """Fire each job from its start on, every interval, until the time is up."""
        self._heap = starts
        heapq.heapify(self._heap)
        workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        while (now := time.time()) < until:
            while self._heap[0] <= now:
                due = heapq.heappop(self._heap)
                self._due.put_nowait(due)
                heapq.heappush(self._heap, due + self._interval)
            await asyncio.sleep(min(max(0.0, self._heap[0] - time.time()) + _AHEAD, until - now))
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers)

    async def _work(self) -> None:
        while True:
            due = await self._due.get()
            instant = datetime.fromtimestamp(due, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            async with self._session.get(self._url, headers={DUE: instant}) as response:
                await response.read()


def starts(jobs: int, interval: float, start: float, *, herd: bool) -> list[float]:
    """Return when each job is first due: all at once, or spread over one interval; whole milliseconds."""
    return [start if herd else round(start + interval * number / jobs, 3) for number in range(jobs)]


async def _fire(url: str, jobs: int, interval: float, start: float, until: float, *, herd: bool) -> None:
    connector = TCPConnector(limit=WORKERS)
    async with ClientSession(connector=connector, cookie_jar=DummyCookieJar()) as session:
        await Loop(session, url, interval).run(starts(jobs, interval, start, herd=herd), until)


@click.command()
@click.option("--url", required=True)
@click.option("--jobs", type=int, required=True)
@click.option("--interval", type=float, required=True)
@click.option("--start", type=float, required=True, help="Seconds since 1970.")
@click.option("--until", type=float, required=True, help="Seconds since 1970.")
@click.option("--herd", is_flag=True, help="All jobs are due at the same instants.")
def main(url: str, jobs: int, interval: float, start: float, until: float, herd: bool) -> None:
    """Fire, then leave."""
    uvloop.run(_fire(url, jobs, interval, start, until, herd=herd))


if __name__ == "__main__":
    main()
