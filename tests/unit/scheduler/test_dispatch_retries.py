"""Retries of every kind, of the main action and of the error action, and what a target's `Retry-After` changes."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.domain.actions import Action, ActionName, ErrorAction, HttpCall, RetryKind, RetryPolicy
from services.scheduler.domain.executions import HistoryRow
from services.scheduler.domain.jobs import JobDefinition, JobState
from tests.parts.clocks import SteppedClock
from tests.parts.dispatching import BAD, GOOD, Dispatching, dispatching
from tests.parts.waiting import until

SECOND = timedelta(seconds=1)
MAIN, ERROR = ActionName.MAIN, ActionName.ERROR
NO = RetryPolicy(kind=RetryKind.NONE)
FIXED = RetryPolicy(interval=30 * SECOND, count=2)
DOUBLING = RetryPolicy(kind=RetryKind.EXPONENTIAL, interval=30 * SECOND, count=3, max_interval=90 * SECOND)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def work(clock: SteppedClock) -> AsyncIterator[Dispatching]:
    async with dispatching(clock) as running:
        running.target.answers = lambda _: BAD
        yield running


def calling(policy: RetryPolicy, in_error: RetryPolicy | None = None) -> JobDefinition:
    call = HttpCall(method="POST", uri="http://target.test/")
    error = ErrorAction(call=call, retry_policy=in_error) if in_error else None
    return JobDefinition(action=Action(call=call, retry_policy=policy, error_action=error))


async def leap(work: Dispatching, clock: SteppedClock, rows: int) -> list[HistoryRow]:
    """Let time leap from retry to retry until the job has so many rows."""

    async def has_all() -> bool:
        clock.step(5 * SECOND)
        work.engine.wake()
        return len(await work.rows()) >= rows

    await until(has_all)
    return await work.rows()


def waits(work: Dispatching, rows: list[HistoryRow], action: ActionName = MAIN) -> list[float]:
    """Return the seconds from each attempt's end to the instant that the next one of the action was set for."""
    starts = [occurrence.fire_at for _, occurrence, _ in work.target.calls]
    following = zip(rows, rows[1:], starts[1:], strict=False)
    return [
        (start - before.end_time).total_seconds()
        for before, after, start in following
        if before.action_name is after.action_name is action
    ]


async def test_without_retries_one_attempt_is_all(work: Dispatching) -> None:
    await work.add(calling(NO))
    await work.until_rows(1)
    assert (await work.job()).state is JobState.FAULTED


async def test_fixed_retries_come_an_interval_apart(work: Dispatching, clock: SteppedClock) -> None:
    await work.add(calling(FIXED))
    rows = await leap(work, clock, 3)
    assert waits(work, rows) == [30, 30]
    assert [row.retry_count for row in rows] == [0, 1, 2]


async def test_exponential_retries_come_further_and_further_apart(work: Dispatching, clock: SteppedClock) -> None:
    await work.add(calling(DOUBLING))
    first, second, third = waits(work, await leap(work, clock, 4))
    assert 30 <= first <= 60
    assert 45 <= second <= 90
    assert 45 <= third <= 90


@pytest.mark.parametrize(("policy", "retries"), [(NO, 0), (FIXED, 2), (DOUBLING, 3)])
async def test_the_error_action_has_retries_of_its_own(
    work: Dispatching, clock: SteppedClock, policy: RetryPolicy, retries: int
) -> None:
    await work.add(calling(RetryPolicy(interval=SECOND, count=1), policy))
    rows = await leap(work, clock, 3 + retries)
    assert [row.action_name for row in rows] == [MAIN, MAIN, *[ERROR] * (1 + retries)]
    assert [row.attempt for row in rows] == list(range(1, 4 + retries))
    assert [row.retry_count for row in rows] == [0, 1, *range(1 + retries)]
    assert all(wait >= 30 for wait in waits(work, rows, ERROR))
    job = await work.job()
    assert (job.counters.execution_count, job.counters.faulted_count) == (2, 1)


async def test_an_error_action_that_succeeds_in_the_end_leaves_the_job_faulted(
    work: Dispatching, clock: SteppedClock
) -> None:
    work.target.answers = lambda one: GOOD if one.action is ERROR and one.retries == 1 else BAD
    await work.add(calling(NO, FIXED))
    await leap(work, clock, 3)
    assert (await work.job()).state is JobState.FAULTED


async def test_a_target_that_asks_to_be_left_alone_is_left_alone_as_long(
    work: Dispatching, clock: SteppedClock
) -> None:
    work.target.answers = lambda one: GOOD if one.attempt > 1 else replace(BAD, retry_after=5 * 60 * SECOND)
    await work.add(calling(FIXED))
    assert waits(work, await leap(work, clock, 2)) == [300]


async def test_a_target_that_asks_to_come_again_gets_no_attempt_that_the_policy_does_not_give(
    work: Dispatching,
) -> None:
    work.target.answers = lambda _: replace(BAD, retry_after=SECOND)
    await work.add(calling(NO))
    await work.until_rows(1)
    assert (await work.job()).state is JobState.FAULTED
