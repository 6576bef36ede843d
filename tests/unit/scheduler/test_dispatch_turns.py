"""Occurrences that wait for their job's turn: they get it, in order, and keep no other job waiting."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from services.scheduler.dispatch.overlap import Backlog, Verdict, verdict
from services.scheduler.domain.actions import Action, HttpCall, RetryKind, RetryPolicy
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, OccurrenceId
from services.scheduler.domain.hosts import STARTED
from services.scheduler.domain.jobs import JobDefinition, JobId
from services.scheduler.domain.policies import CatchUp, Overlap, Placement
from services.scheduler.domain.recurrence import Frequency, Recurrence
from tests.parts.builders import NOON, claim, definition, host, job, threat
from tests.parts.dispatching import BAD, GOOD, Dispatching, dispatching
from tests.parts.stored import every_minute, finished
from tests.parts.waiting import until

EVERY_SECOND = Recurrence(frequency=Frequency.SECOND)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def work() -> AsyncIterator[Dispatching]:
    async with dispatching() as running:
        yield running


async def until_row_of(work: Dispatching, due: datetime | None) -> HistoryRow:
    """Wait until an instant of the job has a row, and return the first."""

    async def is_written() -> bool:
        return any(row.scheduled_time == due for row in await work.rows())

    await until(is_written)
    return next(row for row in await work.rows() if row.scheduled_time == due)


async def test_the_next_one_gets_its_turn_though_the_one_before_broke_inside_leeward(work: Dispatching) -> None:
    def answers(_: object) -> object:
        if len(work.target.calls) == 1:
            raise RuntimeError("a defect")
        return GOOD

    work.target.answers = answers  # type: ignore[assignment]
    work.target.gate.clear()
    await work.add(definition(recurrence=EVERY_SECOND, overlap=Overlap.QUEUE_ONE))
    await work.until_rows(1)  # the third one gives way: one runs, one waits
    work.target.gate.set()
    await work.target.until_called(2)
    broken, after = (occurrence for _, occurrence, _ in work.target.calls[:2])
    assert broken.due < after.due


async def test_the_next_one_gets_its_turn_though_the_retry_it_waited_for_is_held(work: Dispatching) -> None:
    work.fleet = {(view := host("db-0")).key: view}
    policy = RetryPolicy(kind=RetryKind.FIXED, interval=2.5 * SECOND, count=1)
    action = Action(call=HttpCall(method="POST", uri="http://main.test/"), retry_policy=policy)
    work.target.answers = lambda _: BAD
    await work.add(
        JobDefinition(
            action=action,
            recurrence=EVERY_SECOND,
            overlap=Overlap.QUEUE_ONE,
            placement=Placement(host="db-0"),
        )
    )
    await work.until_rows(1)
    work.fleet = {view.key: host("db-0", threat("db-0", status=STARTED))}
    rows = await work.until_rows(4)
    held = [row for row in rows if row.status is HistoryStatus.POSTPONED]
    assert len({row.occurrence_id for row in held}) >= 2


async def test_a_job_with_a_long_queue_keeps_no_other_job_waiting(work: Dispatching) -> None:
    work.target.gate.clear()
    crowd = definition(recurrence=EVERY_SECOND, catch_up=CatchUp.RUN_ALL, catch_up_window=timedelta(minutes=10))
    await work.add(crowd, name="crowd", due=work.clock.now() - 300 * SECOND)
    await work.target.until_called(1)
    other = await work.add(definition(), name="other")
    await work.target.until_called(2)
    assert work.target.calls[1][1].job_id == other.id


async def test_nothing_is_skipped_for_a_retry_that_another_replica_has_made(work: Dispatching) -> None:
    policy = RetryPolicy(kind=RetryKind.FIXED, interval=1.5 * SECOND, count=1)
    action = Action(call=HttpCall(method="POST", uri="http://main.test/"), retry_policy=policy)
    work.target.answers = lambda one: BAD if one.ordinal == 1 else GOOD
    job = await work.add(JobDefinition(action=action, recurrence=EVERY_SECOND, overlap=Overlap.SKIP))
    first = await until_row_of(work, job.next_due)
    now = work.clock.now()
    other = await work.store.register("other", now, timedelta(minutes=1))
    [retry] = await work.store.claim(other, now=now, horizon=now + 3 * SECOND, limit=1, plan=every_minute)
    await work.store.settle(other, [finished(retry)])
    third = await until_row_of(work, first.scheduled_time + 2 * SECOND)
    assert (first.status, third.status) == (HistoryStatus.FAILED, HistoryStatus.COMPLETED)


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE_ONE])
def test_what_comes_in_time_does_not_join_those_that_are_caught_up(overlap: Overlap) -> None:
    of = job(what=definition(recurrence=EVERY_SECOND, overlap=overlap, catch_up=CatchUp.RUN_ALL))
    late, in_time = claim(of, due=NOON - 3 * SECOND), claim(of, due=NOON)
    assert verdict(late, busy=True, queued=5, now=NOON) is Verdict.QUEUE
    assert verdict(in_time, busy=True, queued=5, now=NOON) is Verdict.SKIP


def test_turns_come_in_due_order_whatever_the_order_of_arrival() -> None:
    backlog, each_second = Backlog(), job()
    for number in (0, 2, 1):
        backlog.put(claim(each_second, due=NOON + number * SECOND, id=OccurrenceId(str(number))))
    assert [backlog.next(JobId(1)).occurrence.id for _ in range(3)] == ["0", "1", "2"]  # type: ignore[union-attr]


def test_a_retry_that_another_replica_took_is_remembered_for_a_while_only() -> None:
    backlog = Backlog()
    backlog.note_retry(JobId(1), OccurrenceId("one"), NOON)
    assert backlog.retry(JobId(1), OccurrenceId("other")) == ("one", NOON)
    assert backlog.retry(JobId(1), OccurrenceId("one")) is None
    backlog.expire_retries(NOON + timedelta(minutes=2))
    assert backlog.retry(JobId(1), OccurrenceId("other")) is None
