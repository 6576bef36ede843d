"""How many jobs a second the API creates: one at a time, eight callers at once, and in bulk."""

import asyncio
import time
from itertools import count

import msgspec

from tests.bench.schedulers import COLLECTION, Json, Scheduler, job

_CALLERS = 8
_BATCH = 1_000


class Creation(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs per second."""

    sequential: float
    concurrent: float
    bulk: float


async def measure_creation(scheduler: Scheduler, *, quick: bool) -> Creation:
    """Create dormant jobs in each way; they are gone afterwards."""
    singles, bulk = (100, 2_000) if quick else (400, 10_000)
    numbers = count()
    try:
        return Creation(
            sequential=await _singly(scheduler, _documents(numbers, singles), callers=1),
            concurrent=await _singly(scheduler, _documents(numbers, singles), callers=_CALLERS),
            bulk=await _in_bulk(scheduler, _documents(numbers, bulk)),
        )
    finally:
        await scheduler.rest()


def _documents(numbers: "count[int]", jobs: int) -> list[Json]:
    later = time.time() + 86_400
    rule = {"frequency": "Minute", "interval": 5}
    return [job(f"made-{next(numbers)}", "http://127.0.0.1/", later, 0, recurrence=rule) for _ in range(jobs)]


async def _singly(scheduler: Scheduler, documents: list[Json], *, callers: int) -> float:
    waiting = iter(documents)

    async def caller() -> None:
        for document in waiting:
            await scheduler.call("PUT", f"/collections/{COLLECTION}/jobs/{document['name']}", document)

    began = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return len(documents) / (time.monotonic() - began)


async def _in_bulk(scheduler: Scheduler, documents: list[Json]) -> float:
    began = time.monotonic()
    await scheduler.create(documents, batch=_BATCH)
    return len(documents) / (time.monotonic() - began)
