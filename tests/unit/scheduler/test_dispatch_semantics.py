"""What a job's choices mean, end to end: overlap, catch-up, count and end, and changes while it runs or is claimed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count

import pytest

from services.scheduler.domain.executions import HistoryRow, HistoryStatus
from services.scheduler.domain.jobs import JobDefinition, JobState
from services.scheduler.domain.policies import CatchUp, Overlap
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.errors import NotFoundError
from services.scheduler.store.memory.store import MemoryStore
from tests.parts.builders import definition
from tests.parts.clocks import SteppedClock
from tests.parts.dispatching import Dispatching, dispatching
from tests.parts.stored import asked_for
from tests.parts.waiting import until

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
EVERY_SECOND = Recurrence(frequency=Frequency.SECOND)
EVERY_MINUTE = Recurrence(frequency=Frequency.MINUTE)
COMPLETED, MISSED, SKIPPED = HistoryStatus.COMPLETED, HistoryStatus.MISSED, HistoryStatus.SKIPPED


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def work(clock: SteppedClock) -> AsyncIterator[Dispatching]:
    async with dispatching(clock) as running:
        yield running


async def test_a_job_that_allows_overlap_runs_twice_at_once(work: Dispatching) -> None:
    work.target.gate.clear()
    await work.add(definition(recurrence=EVERY_SECOND, overlap=Overlap.ALLOW))
    await work.target.until_called(3)
    assert len({occurrence.due for _, occurrence, _ in work.target.calls}) == 3
    assert await work.rows() == []


async def after_downtime(clock: SteppedClock, what: JobDefinition) -> list[HistoryRow]:
    """Let a job run once, and everything be down for almost six minutes; return what then becomes of those missed."""
    ids = count()
    async with MemoryStore(lambda: f"session-{next(ids)}") as store:
        async with Dispatching(store, clock).at_work() as before:
            await before.add(what)
            await before.until_rows(1)
        clock.step(5.75 * MINUTE)
        async with Dispatching(store, clock).at_work() as after:
            return (await after.until_rows(6))[1:]


def statuses(rows: list[HistoryRow]) -> list[HistoryStatus]:
    return [row.status for row in sorted(rows, key=lambda row: row.scheduled_time)]


@pytest.mark.parametrize(
    ("catch_up", "outcomes"),
    [
        (CatchUp.RUN_ONCE, [MISSED] * 4 + [COMPLETED]),
        (CatchUp.RUN_ALL, [COMPLETED] * 5),
        (CatchUp.SKIP, [MISSED] * 5),
    ],
)
async def test_after_a_downtime_catch_up_decides(
    clock: SteppedClock, catch_up: CatchUp, outcomes: list[HistoryStatus]
) -> None:
    what = definition(recurrence=EVERY_MINUTE, catch_up=catch_up)
    assert statuses(await after_downtime(clock, what)) == outcomes


async def test_a_count_ends_a_job_after_so_many_runs(work: Dispatching) -> None:
    await work.add(definition(recurrence=Recurrence(frequency=Frequency.SECOND, count=2)))
    await work.until_rows(2)
    assert (await work.job()).state is JobState.COMPLETED
    assert len(work.target.calls) == 2


async def test_what_is_skipped_is_not_counted(work: Dispatching) -> None:
    work.target.gate.clear()
    await work.add(definition(recurrence=Recurrence(frequency=Frequency.SECOND, count=2)))
    assert (await work.until_rows(1))[0].status is SKIPPED
    work.target.gate.set()

    async def is_over() -> bool:
        return (await work.job()).state is JobState.COMPLETED

    await until(is_over)
    assert statuses(await work.rows()).count(COMPLETED) == 2


async def test_an_end_time_is_the_last_instant_at_which_a_job_is_due(work: Dispatching) -> None:
    now = work.clock.now()
    ending = Recurrence(frequency=Frequency.SECOND, end_time=now + SECOND)
    await work.add(definition(recurrence=ending, start_time=now), due=now)
    await work.until_rows(2)
    assert [occurrence.due - now for _, occurrence, _ in work.target.calls] == [timedelta(0), SECOND]
    assert (await work.job()).state is JobState.COMPLETED


async def test_an_end_within_the_window_cuts_no_start_off(work: Dispatching, clock: SteppedClock) -> None:
    due = work.clock.now() + SECOND / 2
    ending = Recurrence(frequency=Frequency.HOUR, end_time=due + MINUTE)
    await work.add(definition(recurrence=ending, start_time=due, flexible_window=60 * MINUTE), due=due)

    async def has_run() -> bool:
        clock.step(MINUTE)
        work.engine.wake()
        return bool(await work.rows())

    await until(has_run)
    assert statuses(await work.rows()) == [COMPLETED]
    assert (await work.job()).state is JobState.COMPLETED


async def test_a_run_asked_for_runs_beside_what_runs_and_moves_no_schedule(work: Dispatching) -> None:
    work.target.gate.clear()
    job = await work.add(definition(recurrence=EVERY_MINUTE))
    await work.target.until_called(1)
    before = await work.job()
    await work.store.add_run(asked_for(job, at=work.clock.now()))
    work.engine.wake()
    await work.target.until_called(2)
    after = await work.job()
    assert (after.next_due, after.planned) == (before.next_due, before.planned)


async def test_what_runs_when_its_job_is_disabled_ends_and_is_the_last(work: Dispatching) -> None:
    work.target.gate.clear()
    await work.add(definition(recurrence=EVERY_SECOND))
    await work.target.until_called(1)
    await work.replace(await work.job(), state=JobState.DISABLED)
    work.target.gate.set()
    rows = await work.until_rows(1)
    assert rows[0].status is COMPLETED
    assert (await work.job()).state is JobState.DISABLED
    assert await nothing_more_is_called(work)


async def nothing_more_is_called(work: Dispatching) -> bool:
    """Say whether a job has ended: another one runs as often as it would have, and is all that is called."""
    before = len(work.target.calls)
    await work.add(definition("http://other.test/", recurrence=EVERY_SECOND), name="other")
    await work.until_rows(3, "other")
    return {call.uri for call, _, _ in work.target.calls[before:]} == {"http://other.test/"}


async def test_what_runs_when_its_job_is_deleted_ends_without_a_trace(work: Dispatching) -> None:
    work.target.gate.clear()
    job = await work.add(definition(recurrence=EVERY_SECOND))
    await work.target.until_called(1)
    await work.store.delete_job(job.collection_id, job.name)
    work.engine.forget([job.id])
    work.target.gate.set()
    assert await nothing_more_is_called(work)
    with pytest.raises(NotFoundError):
        await work.job()


async def test_what_is_claimed_when_its_job_is_changed_runs_once_as_it_is_now(work: Dispatching) -> None:
    due = work.clock.now() + 0.9 * SECOND
    job = await work.add(definition(), due=due)
    await until(work.has_claimed)
    await work.replace(job, definition=definition("http://changed.test/"), next_due=due)
    await work.until_rows(1)
    assert [(call.uri, one.due) for call, one, _ in work.target.calls] == [("http://changed.test/", due)]


async def test_what_is_claimed_when_its_schedule_is_changed_runs_at_its_new_time_only(work: Dispatching) -> None:
    now = work.clock.now()
    old, new = now + 0.9 * SECOND, now + 1.5 * SECOND
    job = await work.add(definition(start_time=old), due=old)
    await until(work.has_claimed)
    await work.replace(job, definition=definition(start_time=new), next_due=new, replan=True)
    await work.until_rows(1)
    assert [one.due for _, one, _ in work.target.calls] == [new]
