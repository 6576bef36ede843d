"""Jobs with a lead time start as long as they will be done before the event, and no longer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import cast

import pytest

from services.scheduler.domain.decisions import Cause
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.policies import AUTO, LeadTime, Maintenance, MaintenanceRule
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.store.base import Store
from services.scheduler.store.memory.store import MemoryStore
from tests.parts.builders import NOON, definition, host, threat
from tests.parts.clocks import SteppedClock
from tests.parts.dispatching import Dispatching, FaultyStore
from tests.parts.stored import asked_for, lasted
from tests.parts.waiting import until

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Placed:
    """A job on db-0 that runs when it is asked to; `deadline` is when the host's event is due."""

    def __init__(self, work: Dispatching, job: Job) -> None:
        self.work = work
        self.job = job
        self._numbers = count()

    async def ask(self, deadline: timedelta | None) -> tuple[HistoryStatus, Cause | None]:
        """Ask for a run with an event due so long after now; return what became of it, and why."""
        notice = None if deadline is None else self.work.clock.now() + deadline - NOON
        view = host("db-0") if notice is None else host("db-0", threat("db-0", notice=notice))
        self.work.fleet = {view.key: view}
        before = len(await self.work.rows())
        await self.work.store.add_run(asked_for(self.job, f"run-{next(self._numbers)}", self.work.clock.now()))
        [*_, last] = await self.work.until_rows(before + 1)
        return last.status, last.decision.cause if last.decision is not None else None

    async def knows(self, expected: timedelta) -> None:
        """Wait until the replica knows how long the job takes; a first run without any event has it asked for."""
        await self.ask(None)

        async def is_known() -> bool:
            return self.work.stopwatch.expected(self.job) == expected

        await until(is_known)


@asynccontextmanager
async def placed(lead_time: LeadTime, *took: timedelta, timeout: timedelta = MINUTE) -> AsyncIterator[Placed]:
    """Give a job with a lead time whose attempts so far took so long."""
    ids = count()
    rule = Maintenance(rule=MaintenanceRule(lead_time=lead_time))
    async with MemoryStore(lambda: f"session-{next(ids)}") as store:
        faulty = FaultyStore(cast("Store", store))
        async with Dispatching(cast("Store", faulty), SteppedClock.at(NOON)).at_work() as work:
            what = definition(host="db-0", maintenance=rule, timeout=timeout)
            job = await work.add(what, due=NOON + 24 * HOUR)
            if took:
                await lasted(store, job, *took, at=NOON - HOUR)
            yield Placed(work, job)


RUNS = (HistoryStatus.COMPLETED, Cause.TIME_LEFT)
HELD = (HistoryStatus.POSTPONED, Cause.EVENT)


async def test_a_job_of_two_seconds_runs_until_shortly_before_the_event() -> None:
    async with placed(AUTO, *[2 * SECOND] * 20) as job:
        await job.knows(2 * SECOND)
        assert await job.ask(10 * SECOND) == RUNS
        assert await job.ask(6.5 * SECOND) == HELD


async def test_a_job_that_would_not_be_done_in_time_stops_at_once() -> None:
    async with placed(AUTO, *[28 * MINUTE] * 20, timeout=30 * MINUTE) as job:
        await job.knows(28 * MINUTE)
        assert await job.ask(15 * MINUTE) == HELD
        assert await job.ask(30 * MINUTE) == RUNS


async def test_a_lead_time_shorter_than_the_job_takes_does_not_let_it_cross_the_deadline() -> None:
    async with placed(SECOND, *[20 * SECOND] * 20) as job:
        await job.knows(20 * SECOND)
        assert await job.ask(25 * SECOND) == RUNS
        assert await job.ask(15 * SECOND) == HELD


async def test_a_lead_time_longer_than_the_job_takes_is_kept() -> None:
    async with placed(HOUR, *[2 * SECOND] * 20) as job:
        await job.knows(2 * SECOND)
        assert await job.ask(2 * HOUR) == RUNS
        assert await job.ask(30 * MINUTE) == HELD


async def test_the_time_limit_stands_for_a_duration_that_nobody_knows() -> None:
    async with placed(AUTO) as job:
        assert await job.ask(70 * SECOND) == RUNS
        assert await job.ask(60 * SECOND) == HELD


@pytest.mark.parametrize("later", [30 * SECOND, SECOND])
async def test_a_deadline_that_shrinks_is_obeyed_at_once(later: timedelta) -> None:
    async with placed(AUTO, *[40 * SECOND] * 20) as job:
        await job.knows(40 * SECOND)
        assert await job.ask(50 * SECOND) == RUNS
        assert await job.ask(later) == HELD


async def test_nothing_waits_for_a_store_that_cannot_say_how_long_jobs_take() -> None:
    async with placed(AUTO, *[2 * SECOND] * 20) as job:
        faulty = cast("FaultyStore", job.work.store)
        faulty.faults["durations"] = [StoreUnavailableError("away") for _ in range(100)]
        assert await job.ask(None) == (HistoryStatus.COMPLETED, Cause.HOME)
        assert await job.ask(30 * SECOND) == HELD
        assert faulty.calls["durations"] >= 1


async def test_nobody_asks_how_long_a_job_takes_for_which_it_does_not_matter() -> None:
    async with placed(AUTO) as job:
        faulty = cast("FaultyStore", job.work.store)
        await job.work.add(definition(host="db-0"), name="plain")
        await job.work.until_rows(1, name="plain")
        assert faulty.calls["durations"] == 0
