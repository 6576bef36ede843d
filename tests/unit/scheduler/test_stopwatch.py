"""What a replica knows of how long jobs take: read in the background, kept for a while, and never waited for."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import pytest
from msgspec.structs import replace

from services.scheduler.dispatch.durations import FRESH_SECONDS, IDLE_SECONDS, Stopwatch
from services.scheduler.domain.durations import LEAST
from services.scheduler.domain.executions import AttemptResult
from services.scheduler.domain.jobs import Job
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.memory.store import MemoryStore
from tests.parts.dispatching import FaultyStore
from tests.parts.stored import MINUTE, NOW, SECOND, lasted, put_job


class Watch:
    """A stopwatch over a store that can fail, with a process time moved by hand."""

    def __init__(self, store: MemoryStore, room: int = 1000, batch: int = 100) -> None:
        self.faulty = FaultyStore(cast("Store", store))
        self.store = cast("Store", self.faulty)
        self.time = 0.0
        self.stopwatch = Stopwatch(self.store, Metrics("test"), monotonic=lambda: self.time, room=room, batch=batch)

    async def learnt(self, job: Job) -> timedelta | None:
        """Ask, let it be read, and ask again."""
        self.stopwatch.expected(job)
        await self.stopwatch.read()
        return self.stopwatch.expected(job)

    @property
    def reads(self) -> int:
        """How often the store was asked."""
        return self.faulty.calls["durations"]


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    async with MemoryStore(lambda: "session") as store:
        yield Watch(store)


def ended(seconds: float, *, succeeded: bool = True) -> AttemptResult:
    until = NOW + timedelta(seconds=seconds)
    return AttemptResult(succeeded=succeeded, retryable=True, message="", started_at=NOW, ended_at=until)


async def test_nothing_is_known_before_it_is_read_and_then_without_asking_again(watch: Watch) -> None:
    job = await put_job(watch.store, next_due=None)
    await lasted(watch.store, job, *[3 * SECOND] * LEAST)
    assert watch.stopwatch.expected(job) is None
    assert await watch.learnt(job) == 3 * SECOND
    assert await watch.learnt(job) == 3 * SECOND
    assert watch.reads == 1


async def test_all_that_is_wanted_is_read_in_batches() -> None:
    async with MemoryStore(lambda: "session") as store:
        watch = Watch(store, batch=2)
        for number in range(3):
            watch.stopwatch.expected(await put_job(watch.store, f"job-{number}", next_due=None))
        assert await watch.stopwatch.read() < IDLE_SECONDS
        assert await watch.stopwatch.read() == IDLE_SECONDS
        assert (len(watch.stopwatch), watch.reads) == (3, 2)


async def test_attempts_that_end_here_count_at_once_and_quick_failures_do_not(watch: Watch) -> None:
    job = await put_job(watch.store, next_due=None)
    assert await watch.learnt(job) is None
    for _ in range(LEAST):
        watch.stopwatch.note(job, ended(0.1, succeeded=False))
    assert watch.stopwatch.expected(job) is None
    for _ in range(LEAST):
        watch.stopwatch.note(job, ended(4))
    assert watch.stopwatch.expected(job) == 4 * SECOND


async def test_what_ran_elsewhere_counts_after_a_while(watch: Watch) -> None:
    job = await put_job(watch.store, next_due=None)
    await lasted(watch.store, job, *[SECOND] * LEAST)
    await watch.learnt(job)
    await lasted(watch.store, job, 9 * SECOND, at=NOW + MINUTE)
    assert await watch.learnt(job) == SECOND
    watch.time += FRESH_SECONDS + 1
    assert watch.stopwatch.expected(job) == SECOND
    assert await watch.learnt(job) == 9 * SECOND


async def test_a_job_that_was_written_is_read_anew(watch: Watch) -> None:
    job = await put_job(watch.store, next_due=None)
    await watch.learnt(job)
    await watch.learnt(replace(job, updated_at=NOW + SECOND))
    assert watch.reads == 2


async def test_a_store_that_is_away_leaves_what_is_known_and_is_asked_again(watch: Watch) -> None:
    job = await put_job(watch.store, next_due=None)
    await lasted(watch.store, job, *[3 * SECOND] * LEAST)
    await watch.learnt(job)
    watch.time += FRESH_SECONDS + 1
    watch.faulty.away = True
    with pytest.raises(StoreUnavailableError):
        await watch.learnt(job)
    assert watch.stopwatch.expected(job) == 3 * SECOND
    watch.faulty.away = False
    await watch.stopwatch.read()
    assert watch.reads == 3


async def test_jobs_that_nobody_asked_about_for_longest_are_forgotten() -> None:
    async with MemoryStore(lambda: "session") as store:
        watch = Watch(store, room=2)
        one, two, three = [await put_job(watch.store, name, next_due=None) for name in ("one", "two", "three")]
        for job in (one, two, one, three):
            await watch.learnt(job)
        reads = watch.reads
        await watch.learnt(one)
        assert (len(watch.stopwatch), watch.reads) == (2, reads)
        await watch.learnt(two)
        assert watch.reads == reads + 1


async def test_whoever_can_wait_gets_what_the_store_has_now(watch: Watch) -> None:
    job = await put_job(watch.store, next_due=None)
    assert await watch.stopwatch.look_up(job) is None
    await lasted(watch.store, job, *[5 * MINUTE] * LEAST)
    assert await watch.stopwatch.look_up(job) == job.definition.timeout
