"""The store is away, loses an answer, or chokes on one outcome: nothing is lost, and nothing else stops."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.scheduler.dispatch.answers import Answer
from services.scheduler.dispatch.recording import UNSTORABLE
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.store.records import (
    Outcome,
    Ownership,
)
from tests.parts.builders import definition
from tests.parts.dispatching import BAD, GOOD, Dispatching, FaultyStore, dispatching_over_faults
from tests.parts.stored import rescue
from tests.parts.waiting import until


@pytest.fixture
async def both() -> AsyncIterator[tuple[Dispatching, FaultyStore]]:
    async with dispatching_over_faults() as running:
        yield running


async def test_a_claim_whose_answer_was_lost_is_found_and_run_once(both: tuple[Dispatching, FaultyStore]) -> None:
    work, store = both
    store.lost_answers.add("claim")
    await work.add(definition())
    [row] = await work.until_rows(1)
    assert (row.status, row.attempt, len(work.target.calls)) == (HistoryStatus.COMPLETED, 1, 1)


async def test_outcomes_whose_write_was_not_acknowledged_are_not_counted_twice(
    both: tuple[Dispatching, FaultyStore],
) -> None:
    work, store = both
    store.lost_answers.add("settle")
    await work.add(definition())
    await work.until_rows(1)
    await until(lambda: _equal(len(work.claims), 0))
    assert len(await work.rows()) == 1
    assert (await work.job()).counters.execution_count == 1


async def test_what_ran_and_what_came_due_while_the_store_was_away_is_recorded_when_it_is_back(
    both: tuple[Dispatching, FaultyStore],
) -> None:
    work, store = both
    work.target.gate.clear()
    await work.add(definition(), name="running")
    await work.target.until_called(1)
    await work.add(definition(), name="due", due=work.clock.now() + timedelta(seconds=0.3))
    store.away = True
    calls = store.calls["claim"] + store.calls["settle"]
    work.target.gate.set()
    await until(lambda: _equal(store.calls["claim"] + store.calls["settle"] > calls, True))
    store.away = False
    for name in ("running", "due"):
        assert [row.status for row in await work.until_rows(1, name)] == [HistoryStatus.COMPLETED]


async def test_a_contended_occurrence_waits_for_the_stores_answer_instead_of_giving_way(
    both: tuple[Dispatching, FaultyStore],
) -> None:
    work, store = both
    store.lost_answers |= {"claim", "preceded"}
    await work.add(definition())
    [row] = await work.until_rows(1)
    assert row.status is HistoryStatus.COMPLETED


async def test_an_outcome_that_the_store_cannot_take_goes_without_its_text_and_holds_up_no_other(
    both: tuple[Dispatching, FaultyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, store = both
    real = store._store.settle

    async def choosy(owner: Ownership, outcomes: list[Outcome]) -> frozenset[str]:
        if any("poison" in row.message for outcome in outcomes for row in outcome.rows):
            raise ValueError("cannot store this")
        return await real(owner, outcomes)

    monkeypatch.setattr(store._store, "settle", choosy)
    poison = Answer(succeeded=True, retryable=True, message="poison")
    work.target.answers = lambda occurrence: poison if occurrence.job_id == poisoned.id else GOOD
    work.target.gate.clear()
    poisoned = await work.add(definition(), name="poisoned")
    others = [f"job-{number}" for number in range(4)]
    for name in others:
        await work.add(definition(), name=name)
    await work.target.until_called(5)
    work.target.gate.set()
    assert [row.message for row in await work.until_rows(1, "poisoned")] == [UNSTORABLE]
    for name in others:
        assert [row.message for row in await work.until_rows(1, name)] == ["done"]


async def test_a_writer_that_is_cancelled_leaves_its_outcomes_to_the_next_one(
    both: tuple[Dispatching, FaultyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, store = both
    stuck, real = asyncio.Event(), store._store.settle

    async def hanging(*_: object) -> frozenset[str]:
        stuck.set()
        await asyncio.Event().wait()
        return frozenset()

    monkeypatch.setattr(store._store, "settle", hanging)
    await work.add(definition())
    await asyncio.wait_for(stuck.wait(), 10)
    work.engine_task.cancel()
    await asyncio.wait([work.engine_task])
    monkeypatch.setattr(store._store, "settle", real)
    await work.engine.close(timedelta(seconds=1))
    assert [row.status for row in await work.rows()] == [HistoryStatus.COMPLETED]


async def test_a_defect_in_a_verb_is_outlived_and_counted(both: tuple[Dispatching, FaultyStore]) -> None:
    work, store = both
    store.faults["claim"] = [RuntimeError("a defect")]
    await work.add(definition())
    assert [row.status for row in await work.until_rows(1)] == [HistoryStatus.COMPLETED]
    sample = work.metrics.registry.get_sample_value("leeward_duty_failures_total", {"duty": "engine"})
    assert sample == 1


async def test_a_job_that_cannot_be_planned_says_so_and_keeps_no_other_from_running(
    both: tuple[Dispatching, FaultyStore],
) -> None:
    work, _ = both
    nowhere = Recurrence(frequency=Frequency.DAY, time_zone="Nowhere/Land")
    await work.add(definition(recurrence=nowhere), name="broken")
    await work.add(definition(), name="sound")
    await work.until_rows(1, "sound")
    [row] = await work.until_rows(1, "broken")
    broken = await work.job("broken")
    assert row.status is HistoryStatus.MISSED
    assert "cannot be planned" in row.reason
    assert broken.next_due is not None
    assert broken.next_due > work.clock.now()


async def test_a_lost_lease_voids_the_outcome_of_what_still_ran_under_it(both: tuple[Dispatching, FaultyStore]) -> None:
    work, _ = both
    work.target.answers = lambda occurrence: BAD if occurrence.attempt == 1 else GOOD
    work.target.gate.clear()
    await work.add(definition())
    await work.target.until_called(1)
    await rescue(work.store, work.clock.now() + timedelta(minutes=1))
    work.lease.doubt()
    await work.target.until_called(2)
    work.target.gate.set()
    [row] = await work.until_rows(1)
    assert (row.status, row.attempt, work.target.attempts) == (HistoryStatus.COMPLETED, 2, [1, 2])


async def _equal(one: object, other: object) -> bool:
    return one == other
