"""What jobs cost that are not due: processor, memory, start time; and an event on a host that has very many of them."""

import asyncio
import time
from collections.abc import Sequence

import click
import msgspec
import psutil

from services.scheduler.domain.actions import Action, HttpCall
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.policies import Placement
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.store.open import open_store
from tests.bench.filling import Filled, execute, fill
from tests.bench.holding import HOST, measure_holding
from tests.bench.machine import processor_seconds
from tests.bench.measuring import Range
from tests.bench.schedulers import Scheduler
from tests.parts.stored import NOW, SOMEWHERE, claim, draft, put_collection, register

SIZES = (0, 1_000, 10_000, 100_000, 1_000_000)
CROWD = 100_000
"""With how many jobs on one host the event is measured."""
_LARGE = 10_000
"""The jobs of a quick run, all on the host."""
_CLAIMED = 2_000
_BATCH = 500
_CALM = 4.0
"""Seconds after a start before anything is measured."""
_TIMING = "timing"


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduler with that many dormant jobs: share of a core, bytes of memory, seconds to start.

    `claim` is the seconds that the store takes to claim one occurrence beside them; `held` tells, per event on the
    host of all of them, the seconds from its publication to the last request that still reached the host.
    """

    jobs: int
    cpu: float
    memory: int
    start: float
    claim: float
    held: list[float] = []


async def measure_idle(
    schedulers: Sequence[Scheduler], range_: Range, broker: str, *, quick: bool
) -> dict[str, list[Idle]]:
    """Fill the schedulers' stores step by step, and look at each step; the schedulers are idle at the same time."""
    found: dict[str, list[Idle]] = {scheduler.name: [] for scheduler in schedulers}
    sizes = (0, _LARGE) if quick else SIZES
    before = 0
    for size in sizes:
        began = {scheduler.name: await _refilled(scheduler, before, size) for scheduler in schedulers}
        looks = await _look(schedulers, seconds=20.0 if size >= CROWD else 5.0)
        before = size
        for scheduler in schedulers:
            start, claiming = began[scheduler.name]
            cpu, memory = looks[scheduler.name]
            is_crowd = size == sizes[-1 if quick else SIZES.index(CROWD)]
            held = await measure_holding(range_, scheduler, broker, events=2 if quick else 5) if is_crowd else []
            idle = Idle(jobs=size, cpu=cpu, memory=memory, start=start, claim=claiming, held=held)
            found[scheduler.name].append(idle)
            click.echo(f"  idle        {scheduler.name:<14}{idle}", err=True)
    return found


async def _refilled(scheduler: Scheduler, before: int, size: int) -> tuple[float, float]:
    """Return how long the scheduler takes to start on a store of that size, and its store to claim an occurrence."""
    await scheduler.stop()
    if size > before:
        await fill(scheduler.database, Filled(jobs=before), Filled(jobs=size))
    if size <= CROWD:
        await _place_all(scheduler.database)
    claiming = await _claim_seconds(scheduler.database)
    return await scheduler.start(), claiming


async def _place_all(url: str) -> None:
    """Have all jobs run on the host of the event to come; without a pool to move to they are held."""
    definition = JobDefinition(
        action=Action(call=HttpCall(method="GET", uri="http://127.0.0.1:9/")),
        recurrence=Recurrence(frequency=Frequency.DAY),
        placement=Placement(host=HOST),
    )
    body = msgspec.json.encode(definition).decode().replace("'", "''")
    await execute(url, f"UPDATE definitions SET body = '{body}'")


async def _claim_seconds(url: str) -> float:
    """Return the seconds that the store takes to plan and claim one occurrence, in the batches of dispatch."""
    async with open_store(url) as store:
        collection = await put_collection(store, _TIMING)
        await store.put_jobs(collection.id, [draft(f"job-{number}") for number in range(_CLAIMED)], NOW)
        owner = await register(store)
        claimed = 0
        began = time.perf_counter()
        while batch := await claim(store, owner, limit=_BATCH, once=True):
            claimed += len(batch)
        took = time.perf_counter() - began
        await store.delete_collection(SOMEWHERE, _TIMING)
        await store.resign(owner)
    if claimed != _CLAIMED:
        raise RuntimeError(f"{claimed} occurrences claimed instead of {_CLAIMED}")
    return took / claimed


async def _look(schedulers: Sequence[Scheduler], *, seconds: float) -> dict[str, tuple[float, int]]:
    """Return each scheduler's share of a core and its memory."""
    await asyncio.sleep(_CALM)
    pids = {scheduler.name: scheduler.replicas[0].program.pid for scheduler in schedulers}
    before = {name: processor_seconds(pid) for name, pid in pids.items()}
    await asyncio.sleep(seconds)
    return {
        name: ((processor_seconds(pid) - before[name]) / seconds, psutil.Process(pid).memory_info().rss)
        for name, pid in pids.items()
    }
