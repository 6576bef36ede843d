"""From due to done over the memory store: attempts, retries, error actions, counters, overlap, holds, leases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.scheduler.domain.actions import Action, ActionName, ErrorAction, HttpCall, RetryKind, RetryPolicy
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.hosts import STARTED
from services.scheduler.domain.jobs import JobDefinition, JobState
from services.scheduler.domain.policies import Overlap
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.errors import StoreUnavailableError
from tests.parts.builders import definition, host, threat
from tests.parts.dispatching import BAD, FINAL, GOOD, Dispatching, dispatching
from tests.parts.stored import rescue
from tests.parts.waiting import until


@pytest.fixture
async def work() -> AsyncIterator[Dispatching]:
    async with dispatching() as running:
        yield running


def retrying(retries: int, *, error_uri: str | None = None) -> JobDefinition:
    policy = RetryPolicy(kind=RetryKind.FIXED, interval=timedelta(0), count=retries)
    error = ErrorAction(call=HttpCall(method="POST", uri=error_uri), retry_policy=policy) if error_uri else None
    main = HttpCall(method="POST", uri="http://main.test/")
    return JobDefinition(action=Action(call=main, retry_policy=policy, error_action=error))


EVERY_SECOND = Recurrence(frequency=Frequency.SECOND)


async def test_a_one_time_job_runs_once_and_is_completed(work: Dispatching) -> None:
    await work.add(definition())
    rows = await work.until_rows(1)
    job = await work.job()
    assert [row.status for row in rows] == [HistoryStatus.COMPLETED]
    assert (job.state, job.next_due, job.counters.execution_count) == (JobState.COMPLETED, None, 1)


async def test_a_failing_job_is_tried_five_times_counts_them_and_faults(work: Dispatching) -> None:
    work.target.answers = lambda _: BAD
    await work.add(retrying(4))
    await work.until_rows(5)
    job = await work.job()
    counters = job.counters
    assert (counters.execution_count, counters.failure_count, counters.faulted_count) == (5, 5, 1)
    assert job.state is JobState.FAULTED
    assert work.target.attempts == [1, 2, 3, 4, 5]


async def test_a_final_failure_is_not_retried(work: Dispatching) -> None:
    work.target.answers = lambda _: FINAL
    await work.add(retrying(4))
    await work.until_rows(1)
    assert (await work.job()).state is JobState.FAULTED
    assert work.target.attempts == [1]


async def test_the_error_action_runs_after_the_last_retry_and_is_not_counted(work: Dispatching) -> None:
    work.target.answers = lambda occurrence: GOOD if occurrence.action is ActionName.ERROR else BAD
    await work.add(retrying(1, error_uri="http://error.test/"))
    rows = await work.until_rows(3)
    counters = (await work.job()).counters
    assert [row.action_name for row in rows] == [ActionName.MAIN, ActionName.MAIN, ActionName.ERROR]
    assert (counters.execution_count, counters.failure_count, counters.faulted_count) == (2, 2, 1)
    assert work.target.calls[-1][0].uri == "http://error.test/"


async def test_an_attempt_that_hangs_ends_at_the_jobs_time_limit(work: Dispatching) -> None:
    work.target.gate.clear()
    await work.add(definition(timeout=timedelta(seconds=0.05)))
    rows = await work.until_rows(1)
    assert rows[0].message == "no answer within 0.05 s"


async def test_an_occurrence_that_falls_due_while_the_previous_one_runs_is_skipped(work: Dispatching) -> None:
    work.target.gate.clear()
    await work.add(definition(recurrence=EVERY_SECOND))
    rows = await work.until_rows(1)
    assert (rows[0].status, rows[0].reason) == (HistoryStatus.SKIPPED, "the previous occurrence still runs")
    work.target.gate.set()
    await work.target.until_called(2)


async def test_a_job_that_queues_one_runs_it_as_soon_as_the_previous_one_ends(work: Dispatching) -> None:
    work.target.gate.clear()
    await work.add(definition(recurrence=EVERY_SECOND, overlap=Overlap.QUEUE_ONE))
    await work.until_rows(1)  # the third one gives way: one runs, one waits
    assert len(work.target.calls) == 1
    work.target.gate.set()
    rows = await work.until_rows(3)
    completed = [row for row in rows if row.status is HistoryStatus.COMPLETED]
    assert completed[1].start_time >= completed[0].end_time


async def test_a_threatened_host_holds_its_occurrence_and_lets_it_go_afterwards(work: Dispatching) -> None:
    work.fleet = {(view := host("db-0", threat("db-0", status=STARTED))).key: view}
    await work.add(definition(host="db-0"))
    rows = await work.until_rows(1)
    assert rows[0].status is HistoryStatus.POSTPONED
    await work.holds.look()
    assert work.target.calls == []
    assert work.holds.count(view.key) == 1
    work.fleet = {view.key: host("db-0")}
    await work.holds.look()
    rows = await work.until_rows(2)
    assert [row.occurrence_id for row in rows] == [rows[0].occurrence_id] * 2
    assert (await work.job()).state is JobState.COMPLETED


async def test_an_attempt_broken_off_is_repeated_under_its_id_and_takes_no_retry(work: Dispatching) -> None:
    work.target.gate.clear()
    await work.add(definition())
    await work.target.until_called(1)
    work.attempts.break_off()
    work.target.gate.set()
    rows = await work.until_rows(2)
    assert [(row.status, row.attempt, row.retry_count) for row in rows] == [
        (HistoryStatus.FAILED, 1, 0),
        (HistoryStatus.COMPLETED, 2, 0),
    ]


async def test_what_breaks_inside_leeward_is_recorded_and_takes_no_runner_away(work: Dispatching) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("a defect")

    work.target.answers = broken  # type: ignore[assignment]
    for number in range(10):
        await work.add(definition(), name=f"job-{number}")
    for number in range(10):
        assert "a defect" in (await work.until_rows(1, f"job-{number}"))[0].message


async def test_claims_of_a_lost_lease_do_not_fire(work: Dispatching) -> None:
    await work.add(definition(), due=work.clock.now() + timedelta(seconds=0.8))
    await until(work.has_claimed)
    await rescue(work.store, work.clock.now() + timedelta(minutes=1))
    work.lease.doubt()
    await work.until_rows(1)
    assert len(work.target.calls) == 1
    assert work.metrics.registry.get_sample_value("leeward_leases_lost_total") == 1


async def test_outcomes_wait_for_a_store_that_is_away(work: Dispatching, monkeypatch: pytest.MonkeyPatch) -> None:
    settle, away = work.store.settle, asyncio.Event()

    async def unavailable(*_: object) -> None:
        away.set()
        raise StoreUnavailableError("away")

    monkeypatch.setattr(work.store, "settle", unavailable)
    await work.add(definition())
    await asyncio.wait_for(away.wait(), 10)
    monkeypatch.setattr(work.store, "settle", settle)
    assert [row.status for row in await work.until_rows(1)] == [HistoryStatus.COMPLETED]


async def test_on_leaving_what_never_fired_is_anybodys_with_the_same_attempt(work: Dispatching) -> None:
    await work.add(definition(), due=work.clock.now() + timedelta(seconds=0.9))
    await until(work.has_claimed)
    await work.engine.close(timedelta(seconds=1))
    assert (await work.store.gauges(work.clock.now())).occurrences.get("ready") == 1
    assert work.target.calls == []
