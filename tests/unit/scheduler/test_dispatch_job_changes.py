"""A job is changed, disabled, deleted or gated while an occurrence of it is claimed, queued or retrying."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.scheduler.domain.actions import Action, HttpCall, RetryKind, RetryPolicy
from services.scheduler.domain.collections import CollectionState
from services.scheduler.domain.executions import HistoryStatus, Occurrence, OccurrenceState, manual_occurrence_id
from services.scheduler.domain.jobs import Job, JobDefinition, JobState
from services.scheduler.domain.policies import CatchUp, Overlap
from services.scheduler.domain.recurrence import Frequency, Recurrence
from tests.parts.builders import definition
from tests.parts.dispatching import BAD, GOOD, Dispatching, dispatching
from tests.parts.waiting import until

EVERY_SECOND = Recurrence(frequency=Frequency.SECOND)
QUEUEING = definition(recurrence=EVERY_SECOND, overlap=Overlap.QUEUE_ONE)


@pytest.fixture
async def work() -> AsyncIterator[Dispatching]:
    async with dispatching() as running:
        yield running


def retrying(seconds: float, uri: str = "http://main.test/") -> JobDefinition:
    policy = RetryPolicy(kind=RetryKind.FIXED, interval=timedelta(seconds=seconds), count=1)
    return JobDefinition(action=Action(call=HttpCall(method="POST", uri=uri), retry_policy=policy))


async def until_queued(work: Dispatching, job: Job) -> None:
    """Wait until an occurrence of a job waits for the one that runs."""

    async def is_queued() -> bool:
        return work.runner.queued(job.id) > 0

    await until(is_queued)


async def until_nothing_is_left(work: Dispatching) -> None:
    async def is_empty() -> bool:
        return not (await work.store.gauges(work.clock.now())).occurrences

    await until(is_empty)


async def test_a_retry_that_is_claimed_already_goes_on_with_the_changed_job(work: Dispatching) -> None:
    work.target.answers = lambda occurrence: GOOD if occurrence.attempt == 2 else BAD
    job = await work.add(retrying(0.6))
    await work.until_rows(1)
    await until(work.has_claimed)
    await work.replace(await work.job(), definition=retrying(0.6, "http://changed.test/"))
    assert [row.status for row in await work.until_rows(2)] == [HistoryStatus.FAILED, HistoryStatus.COMPLETED]
    assert [call.uri for call, _, _ in work.target.calls] == ["http://main.test/", "http://changed.test/"]
    assert (await work.job()).state is JobState.COMPLETED
    assert job.state is JobState.ENABLED


async def test_a_retry_of_a_job_that_was_disabled_does_not_run(work: Dispatching) -> None:
    work.target.answers = lambda _: BAD
    await work.add(retrying(0.3))
    await work.until_rows(1)
    await work.replace(await work.job(), state=JobState.DISABLED)
    rows = await work.until_rows(2)
    assert (rows[1].status, rows[1].reason) == (HistoryStatus.SKIPPED, "the job is disabled")
    assert work.target.attempts == [1]


async def test_what_waits_for_its_turn_does_not_run_once_its_job_is_disabled(work: Dispatching) -> None:
    work.target.gate.clear()
    job = await work.add(QUEUEING)
    await work.target.until_called(1)
    await until_queued(work, job)
    await work.replace(await work.job(), state=JobState.DISABLED)
    work.target.gate.set()
    await until_nothing_is_left(work)
    assert len(work.target.calls) == 1
    assert "the job is disabled" in {row.reason for row in await work.rows()}


async def test_what_waits_for_its_turn_does_not_run_once_its_job_is_deleted(work: Dispatching) -> None:
    work.target.gate.clear()
    job = await work.add(QUEUEING)
    await work.target.until_called(1)
    await until_queued(work, job)
    await work.store.delete_job(job.collection_id, job.name)
    work.engine.forget([job.id])
    work.target.gate.set()
    await work.add(definition(), name="another")
    await work.until_rows(1, "another")
    assert len(work.target.calls) == 2
    assert len(work.claims) == 0


async def test_what_waits_for_its_turn_does_not_run_once_another_replica_has_deleted_its_job(
    work: Dispatching,
) -> None:
    work.target.gate.clear()
    job = await work.add(QUEUEING)
    await work.target.until_called(1)
    await until_queued(work, job)
    await work.store.delete_job(job.collection_id, job.name)

    async def has_noticed() -> bool:
        return work.runner.queued(job.id) == 0

    await until(has_noticed)
    work.target.gate.set()
    await work.add(definition(), name="another")
    await work.until_rows(1, "another")
    assert len(work.target.calls) == 2


async def test_a_run_asked_for_runs_on_a_disabled_job_and_behind_a_closed_gate(work: Dispatching) -> None:
    job = await work.add(definition(), due=work.clock.now() + timedelta(hours=1))
    await work.replace(job, state=JobState.DISABLED)
    await work.move_gate(CollectionState.DISABLED)
    now = work.clock.now()
    asked = Occurrence(
        id=manual_occurrence_id(job.uid, "1"),
        job_id=job.id,
        due=now,
        fire_at=now,
        state=OccurrenceState.READY,
        manual=True,
    )
    await work.store.add_run(asked)
    assert [row.status for row in await work.until_rows(1)] == [HistoryStatus.COMPLETED]


async def test_what_is_claimed_when_its_gate_closes_runs_after_it_is_opened_again(work: Dispatching) -> None:
    await work.add(definition(catch_up=CatchUp.RUN_ONCE), due=work.clock.now() + timedelta(seconds=0.5))
    await until(work.has_claimed)
    await work.move_gate(CollectionState.DISABLED)
    [row] = await work.until_rows(1)
    assert (row.status, row.reason, work.target.calls) == (HistoryStatus.SKIPPED, "the collection is disabled", [])
    assert (await work.job()).state is JobState.ENABLED
    await work.move_gate(CollectionState.ENABLED)
    rows = await work.until_rows(2)
    assert rows[1].status is HistoryStatus.COMPLETED
    assert rows[1].occurrence_id == row.occurrence_id


async def test_a_claim_that_is_under_way_while_its_job_is_deleted_does_not_start(
    work: Dispatching, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = work.store.claim

    async def overtaken(*arguments: object, **named: object) -> object:
        claims = await claim(*arguments, **named)  # type: ignore[arg-type]
        for each in claims:
            monkeypatch.setattr(work.store, "claim", claim)
            await work.store.delete_job(each.job.collection_id, each.job.name)
            work.engine.forget([each.job.id])
        return claims

    monkeypatch.setattr(work.store, "claim", overtaken)
    await work.add(definition())
    await work.add(definition(), name="another", due=work.clock.now() + timedelta(seconds=1.5))
    await work.until_rows(1, "another")
    assert len(work.target.calls) == 1


async def test_a_change_that_comes_while_the_engine_asks_whose_turn_it_is_loses_no_claim(
    work: Dispatching, monkeypatch: pytest.MonkeyPatch
) -> None:
    preceded = work.store.preceded

    async def overtaken(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(work.store, "preceded", preceded)
        with work.engine.withheld([job.id]):
            return await preceded(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(work.store, "preceded", overtaken)
    job = await work.add(definition(), due=work.clock.now() + timedelta(seconds=0.4))
    await until(work.has_claimed)
    with work.engine.withheld([job.id]):
        pass
    async with asyncio.timeout(4):  # well before the lease has to be proven anew, upon which all is looked through
        [row] = await work.until_rows(1)
    assert row.status is HistoryStatus.COMPLETED
