"""Flexible windows end to end: each occurrence starts at its own instant, and what happens to it until then."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from services.scheduler.domain.delays import start_within
from services.scheduler.domain.executions import HistoryStatus, Occurrence, occurrence_id
from services.scheduler.domain.jobs import Job, JobDefinition, JobState
from services.scheduler.domain.policies import CatchUp
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.store.progress import REPLANNED
from tests.parts.builders import definition, host, threat
from tests.parts.clocks import SteppedClock
from tests.parts.dispatching import Dispatching, dispatching
from tests.parts.stored import asked_for
from tests.parts.waiting import until

HOUR, MINUTE, MOMENT = timedelta(hours=1), timedelta(minutes=1), timedelta(milliseconds=300)
HOURLY = Recurrence(frequency=Frequency.HOUR)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def work(clock: SteppedClock) -> AsyncIterator[Dispatching]:
    async with dispatching(clock) as running:
        yield running


def windowed(uri: str = "http://target.test/", **more: Any) -> JobDefinition:
    return definition(uri, flexible_window=HOUR, **more)


async def waiting(work: Dispatching, what: JobDefinition) -> tuple[Job, datetime]:
    """Add a job whose first occurrence waits in its window; return it and when that one starts."""
    due = work.clock.now() + MOMENT
    number, start = 0, due
    while start - due < MINUTE:  # a name whose occurrence waits for a while
        number += 1
        start = start_within(HOUR, due, occurrence_id(f"uid-job{number}", due))
    job = await work.add(what, name=f"job{number}", due=due)

    async def is_planned() -> bool:
        return (await work.job(job.name)).planned == 1

    await until(is_planned)
    clock = cast("SteppedClock", work.clock)
    clock.step(MOMENT)  # it has come due
    return await work.job(job.name), start


def called(work: Dispatching) -> list[Occurrence]:
    return [occurrence for _, occurrence, _ in work.target.calls]


async def test_an_occurrence_starts_at_its_instant_of_the_window_and_costs_nothing_until_then(
    work: Dispatching, clock: SteppedClock
) -> None:
    job, start = await waiting(work, windowed())
    assert len(work.claims) == 0
    assert (await work.store.gauges(clock.now())).occurrences == {"ready": 1}
    clock.set(start - MOMENT)
    [row] = await work.until_rows(1, job.name)
    assert start <= row.start_time < start + 2 * timedelta(seconds=1)
    assert row.scheduled_time == start_of_window(called(work)[0])
    assert (await work.job(job.name)).state is JobState.COMPLETED


def start_of_window(occurrence: Occurrence) -> datetime:
    assert occurrence.fire_at == start_within(HOUR, occurrence.due, occurrence.id)
    return occurrence.due


async def test_two_occurrences_each_start_within_their_own_window(work: Dispatching, clock: SteppedClock) -> None:
    job, start = await waiting(work, windowed(recurrence=HOURLY))
    clock.set(start)
    await work.until_rows(1, job.name)
    assert job.next_due is not None
    second = start_within(HOUR, job.next_due, occurrence_id(job.uid, job.next_due))
    clock.set(job.next_due)
    await until_planned(work, job, 2)
    clock.set(second)
    rows = await work.until_rows(2, job.name)
    assert [row.status for row in rows] == [HistoryStatus.COMPLETED] * 2
    assert [one.due + HOUR > one.fire_at for one in called(work)] == [True, True]


async def until_planned(work: Dispatching, job: Job, number: int) -> None:
    async def is_planned() -> bool:
        work.engine.wake()
        return (await work.job(job.name)).planned == number

    await until(is_planned)


async def test_what_is_planned_is_not_missed_however_late_in_its_window_it_starts(
    work: Dispatching, clock: SteppedClock
) -> None:
    job, start = await waiting(work, windowed(catch_up=CatchUp.SKIP))
    clock.set(start)
    [row] = await work.until_rows(1, job.name)
    assert row.status is HistoryStatus.COMPLETED


async def test_lateness_is_counted_from_the_start_and_not_from_the_due_time(
    work: Dispatching, clock: SteppedClock
) -> None:
    job, start = await waiting(work, windowed())
    clock.set(start - MOMENT)
    await work.until_rows(1, job.name)
    total = work.metrics.registry.get_sample_value("leeward_dispatch_lateness_seconds_sum")
    assert total is not None
    assert total < 2


async def test_what_waits_in_its_window_when_its_job_is_disabled_does_not_run(
    work: Dispatching, clock: SteppedClock
) -> None:
    job, start = await waiting(work, windowed(recurrence=HOURLY))
    await work.replace(job, state=JobState.DISABLED)
    clock.set(start)
    [row] = await work.until_rows(1, job.name)
    assert (row.status, row.reason) == (HistoryStatus.SKIPPED, "the job is disabled")
    assert work.target.calls == []


async def test_a_job_disabled_and_enabled_within_the_window_runs_as_if_nothing_had_been(
    work: Dispatching, clock: SteppedClock
) -> None:
    job, start = await waiting(work, windowed())
    await work.replace(job, state=JobState.DISABLED)
    await work.replace(await work.job(job.name), state=JobState.ENABLED)
    assert (await work.job(job.name)).state is JobState.ENABLED
    clock.set(start)
    [row] = await work.until_rows(1, job.name)
    assert row.status is HistoryStatus.COMPLETED
    assert (await work.job(job.name)).state is JobState.COMPLETED


async def test_a_job_deleted_while_an_occurrence_waits_in_its_window_is_gone(
    work: Dispatching, clock: SteppedClock
) -> None:
    job, start = await waiting(work, windowed())
    await work.store.delete_job(job.collection_id, job.name)
    work.engine.forget([job.id])
    clock.set(start)
    await work.add(definition("http://other.test/"), name="other")
    await work.until_rows(1, "other")
    assert [call.uri for call, _, _ in work.target.calls] == ["http://other.test/"]


async def test_a_changed_action_is_what_the_waiting_occurrence_makes(work: Dispatching, clock: SteppedClock) -> None:
    job, start = await waiting(work, windowed())
    await work.replace(job, definition=windowed("http://changed.test/"))
    clock.set(start)
    await work.until_rows(1, job.name)
    assert [call.uri for call, _, _ in work.target.calls] == ["http://changed.test/"]


async def test_a_changed_schedule_takes_the_place_of_what_waits_in_its_window(
    work: Dispatching, clock: SteppedClock
) -> None:
    job, start = await waiting(work, windowed())
    moved = clock.now() + timedelta(seconds=0.5)
    await work.replace(job, definition=definition(start_time=moved), next_due=moved, replan=True)
    rows = await work.until_rows(2, job.name)
    assert [(row.status, row.reason) for row in rows] == [
        (HistoryStatus.SKIPPED, REPLANNED),
        (HistoryStatus.COMPLETED, ""),
    ]
    assert [one.due for one in called(work)] == [moved]
    assert moved < start


async def test_a_changed_window_leaves_what_waits_at_its_instant(work: Dispatching, clock: SteppedClock) -> None:
    job, start = await waiting(work, windowed())
    await work.replace(job, definition=definition())
    clock.set(start - MOMENT)
    [row] = await work.until_rows(1, job.name)
    assert row.start_time >= start


async def test_a_host_is_chosen_when_the_occurrence_starts_and_not_when_it_is_due(
    work: Dispatching, clock: SteppedClock
) -> None:
    work.fleet = {host("db-0").key: host("db-0", threat("db-0"))}
    job, start = await waiting(work, windowed(host="db-0"))
    work.fleet = {host("db-0").key: host("db-0")}
    clock.set(start)
    [row] = await work.until_rows(1, job.name)
    assert (row.status, row.host) == (HistoryStatus.COMPLETED, "db-0")


async def test_a_run_asked_for_does_not_wait_for_a_window(work: Dispatching) -> None:
    job, _ = await waiting(work, windowed())
    await work.store.add_run(asked_for(job, at=work.clock.now()))
    work.engine.wake()
    await work.target.until_called(1)
    assert [one.manual for one in called(work)] == [True]
