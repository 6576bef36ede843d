"""APScheduler 3: AsyncIOScheduler, its memory store, an aiohttp call a job; no run is dropped for being late.

`python -m tests.bench.peers.with_apscheduler ORDER`
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime

import msgspec
import uvloop
from aiohttp import ClientSession
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from tests.bench.calls import call, client
from tests.bench.orders import Order

_MANY = 100_000
_FOREVER = 3600.0


class Job:
    """A job knows when it is due: APScheduler does not tell it, and runs every due instant in turn."""

    def __init__(self, session: ClientSession, url: str, first: float, interval: float) -> None:
        self._session = session
        self._url = url
        self._due = first
        self._interval = interval

    async def run(self) -> None:
        """Ask the target for the next due instant."""
        due, self._due = self._due, self._due + self._interval
        await call(self._session, self._url, due)


def schedule(scheduler: AsyncIOScheduler, session: ClientSession, order: Order) -> None:
    """Add the order's jobs as recurring ones, or as ones that run once."""
    for number, first in enumerate(order.firsts()):
        job = Job(session, order.address(number), first, order.interval)
        at = datetime.fromtimestamp(first, UTC)
        if order.interval:
            scheduler.add_job(job.run, "interval", seconds=order.interval, start_date=at, next_run_time=at)
        else:
            scheduler.add_job(job.run, "date", run_date=at)


async def fire(order: Order) -> None:
    """Fire until killed."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    defaults = {"misfire_grace_time": None, "max_instances": _MANY, "coalesce": False}
    async with client() as session:
        scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        schedule(scheduler, session, order)
        scheduler.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.sleep(_FOREVER)


if __name__ == "__main__":
    uvloop.run(fire(msgspec.json.decode(sys.argv[1], type=Order)))
