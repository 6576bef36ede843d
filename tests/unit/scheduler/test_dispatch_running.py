"""The register of what runs, and attempts that are broken off."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from services.scheduler.dispatch.running import Execution, Running
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.threats import STOPPING, Ending
from shared.topics import HostKey
from tests.parts.builders import NOON, case, definition, fleet, host, occurrence, threat
from tests.parts.dispatching import Dispatching, dispatching
from tests.parts.freezing import frozen_while_told

DB_0 = HostKey("db-0")


@pytest.fixture
async def work() -> AsyncIterator[Dispatching]:
    async with dispatching() as running:
        yield running


@contextmanager
def executing(running: Running, uri: str = "http://target.test/", on: HostKey | None = DB_0) -> Iterator[Execution]:
    execution = Execution(occurrence=occurrence(), case=case(definition(uri)), host=on, scope=asyncio.timeout(None))
    with running.enter(execution):
        yield execution


async def test_one_occurrence_may_run_twice_and_leaves_the_register_as_often() -> None:
    running = Running()
    with executing(running):
        with executing(running):
            assert (len(running), running.load(DB_0)[0], running.is_active(JobId(1))) == (2, 2, True)
        assert (len(running), running.is_active(JobId(1))) == (1, True)
    assert (len(running), running.on(DB_0), running.is_active(JobId(1))) == (0, [], False)


async def test_an_attempt_that_started_before_its_host_was_reported_keeps_it_from_being_drained() -> None:
    ended: list[HostKey] = []
    running = Running(ended.append)
    known = host("db-0", threat("db-0"), addresses=("10.0.0.4",))
    with executing(running, "http://10.0.0.4/", on=None):
        assert running.against_drain(DB_0, known.threats[0]) == 0
        running.settle(fleet(known))
        assert running.against_drain(DB_0, known.threats[0]) == 1
    assert ended == [DB_0]


async def test_attempts_that_an_event_will_find_running_are_counted_unless_they_are_broken_off_before() -> None:
    running, soon = Running(), fleet(host("db-0", threat("db-0", notice=timedelta(seconds=30))))
    with executing(running) as execution:
        assert (running.crossing(fleet(host("db-0"))), running.crossing(fleet()), running.crossing(soon)) == (0, 0, 1)
        execution.ending = Ending(at=NOON, why=STOPPING)
        assert running.crossing(soon) == 0


async def test_an_attempt_whose_time_is_up_already_is_not_broken_off_again() -> None:
    async def outlast(execution: Execution) -> None:
        async with execution.scope:
            execution.scope.reschedule(0)
            try:
                await asyncio.Event().wait()
            finally:
                execution.break_off(STOPPING)

    with executing(Running()) as execution:
        with pytest.raises(TimeoutError):
            await outlast(execution)
        assert execution.broken_off is None


async def test_an_answer_that_comes_before_the_break_off_has_taken_effect_counts(work: Dispatching) -> None:
    work.target.gate.clear()
    await work.add(definition())
    await work.target.until_called(1)
    work.target.gate.set()
    answers = work.target.answers

    def late(*arguments: object) -> object:
        work.attempts.break_off()
        return answers(*arguments)  # type: ignore[arg-type]

    work.target.answers = late  # type: ignore[assignment]
    [row] = await work.until_rows(1)
    assert (row.status, row.reason) == (HistoryStatus.COMPLETED, "")
    assert work.target.attempts == [1]


async def test_an_answer_that_came_while_the_process_was_frozen_counts(work: Dispatching) -> None:
    work.target.gate.clear()
    await work.add(definition(timeout=timedelta(seconds=0.5)))
    await work.target.until_called(1)
    async with frozen_while_told(1, work.target.gate.set):
        [row] = await work.until_rows(1)
    assert row.status is HistoryStatus.COMPLETED


async def test_a_replica_that_leaves_something_running_behind_does_not_give_it_back_as_never_sent(
    work: Dispatching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work.attempts, "break_off", lambda: None)
    work.target.gate.clear()
    await work.add(definition())
    await work.target.until_called(1)
    work.engine_task.cancel()
    await asyncio.wait([work.engine_task])
    await work.engine.close(timedelta(0))
    assert await work.store.live_sessions() != []
    work.target.gate.set()
