"""What a target is told when an execution of it is broken off: `maintenance.cancel`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.dispatch.answers import Answer
from services.scheduler.dispatch.cancels import Cancels
from services.scheduler.dispatch.running import Execution
from services.scheduler.domain.actions import ActionName, ErrorAction, HttpCall
from services.scheduler.domain.executions import HistoryStatus, Occurrence
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.policies import AtDeadline, Maintenance, MaintenanceRule
from services.scheduler.domain.threats import DEADLINE_MARGIN, deadline_of
from shared.topics import HostKey
from tests.parts.builders import NOON, action, case, claim, definition, fleet, host, job, occurrence, threat
from tests.parts.clocks import SteppedClock
from tests.parts.dispatching import BAD, FINAL, GOOD, Dispatching, ScriptedTarget, dispatching

DB_0 = HostKey("db-0")
STOP = HttpCall(method="POST", uri="http://{host}/stop")
BEGUN = threat("db-0", status="Started")
CANCEL = ActionName.CANCEL


@pytest.fixture
async def work() -> AsyncIterator[Dispatching]:
    async with dispatching(SteppedClock.at(NOON)) as running:
        running.target.gate.clear()
        yield running
        running.target.gate.set()


def stoppable(at_deadline: AtDeadline = AtDeadline.CANCEL, *, error: ErrorAction | None = None) -> JobDefinition:
    """Return a job in a pool whose target can be told to stop."""
    rule = Maintenance(rule=MaintenanceRule(at_deadline=at_deadline))
    return definition(pool="db", maintenance=rule, action=replace(action(), cancel=STOP, error_action=error))


async def start(work: Dispatching, what: JobDefinition) -> None:
    view = host("db-0", pools=("db",))
    work.fleet = {view.key: view}
    await work.add(what)
    await work.target.until_called(1)


def begin_event(work: Dispatching, *others: str) -> None:
    """Have the event on db-0 start; the `others` are free."""
    views = (host("db-0", BEGUN, pools=("db",)), *(host(name, pools=("db",)) for name in others))
    work.fleet = {view.key: view for view in views}
    work.attempts.follow(fleet(*views))


async def test_a_broken_off_execution_is_told_where_it_runs_under_its_own_id(work: Dispatching) -> None:
    await start(work, stoppable())
    begin_event(work)
    await work.target.until_called(2)
    (_, began, _), (call, ended, where) = work.target.calls
    assert (call, ended.action) == (STOP, CANCEL)
    assert (ended.id, ended.attempt) == (began.id, began.attempt)
    assert where is not None
    assert where.key == DB_0


async def test_what_came_of_the_cancel_request_stands_in_the_history(work: Dispatching) -> None:
    work.target.answers = lambda of: replace(BAD, message="no such run") if of.action is CANCEL else GOOD
    await start(work, stoppable())
    begin_event(work)
    [row] = await work.until_rows(1)
    assert row.message == "broken off: Reboot of db-0 has started; cancel request: no such run"
    assert row.reason == "broken off: Reboot of db-0 has started"
    assert row.status is HistoryStatus.FAILED


async def test_until_the_cancel_request_is_answered_the_host_is_not_drained(work: Dispatching) -> None:
    work.target.cancelling.clear()
    await start(work, stoppable())
    begin_event(work)
    await work.target.until_called(2)
    assert work.running.against_drain(DB_0, BEGUN) == 1
    work.target.cancelling.set()
    await work.until_rows(1)
    assert work.running.against_drain(DB_0, BEGUN) == 0


async def test_an_execution_moves_once_its_cancel_request_was_answered(work: Dispatching) -> None:
    work.target.cancelling.clear()
    await start(work, stoppable(AtDeadline.MOVE))
    begin_event(work, "db-1")
    await work.target.until_called(2)
    assert await work.rows() == []
    work.target.cancelling.set()
    await work.target.until_called(3)
    _, repeated, where = work.target.calls[2]
    assert (repeated.action, repeated.attempt) == (ActionName.MAIN, 2)
    assert where is not None
    assert where.key == "db-1"


async def test_what_was_never_sent_is_not_cancelled(work: Dispatching) -> None:
    work.target.way.clear()
    await start(work, stoppable())
    begin_event(work)
    [row] = await work.until_rows(1)
    assert row.message == row.reason
    assert [of.action for _, of, _ in work.target.calls] == [ActionName.MAIN]


async def test_an_execution_that_has_ended_by_itself_is_not_cancelled(work: Dispatching) -> None:
    await start(work, stoppable())
    work.target.gate.set()
    await work.until_rows(1)
    begin_event(work)
    assert len(work.target.calls) == 1


async def test_a_call_without_an_answer_in_its_time_is_not_cancelled(work: Dispatching) -> None:
    await start(work, replace(stoppable(), timeout=timedelta(milliseconds=1)))
    [row] = await work.until_rows(1)
    assert row.message == "no answer within 0.001 s"
    assert len(work.target.calls) == 1


async def test_what_the_scheduler_breaks_off_as_it_stops_is_cancelled_too(work: Dispatching) -> None:
    await start(work, stoppable())
    assert work.attempts.telling == timedelta(seconds=5)
    work.attempts.break_off()
    await work.target.until_called(2)
    assert work.target.calls[1][1].action is CANCEL


async def test_a_broken_off_error_action_has_nothing_to_cancel(work: Dispatching) -> None:
    def fail(_: Occurrence) -> Answer:
        work.target.gate.clear()
        return FINAL

    work.target.answers = fail
    error = ErrorAction(call=HttpCall(method="POST", uri="http://{host}/failed"))
    await start(work, stoppable(error=error))
    work.target.gate.set()
    await work.target.until_called(2)
    begin_event(work)
    rows = await work.until_rows(2)
    assert rows[1].message == "broken off: Reboot of db-0 has started"
    assert CANCEL not in [of.action for _, of, _ in work.target.calls]


async def test_a_target_that_does_not_answer_holds_the_drain_up_for_a_limited_time() -> None:
    target = ScriptedTarget()
    target.cancelling.clear()
    job_with_it = job(what=stoppable())
    execution = Execution(
        occurrence=occurrence(job_with_it), case=case(), host=DB_0, scope=asyncio.timeout(None), is_sent=True
    )
    told = await Cancels(target, timedelta(milliseconds=20)).tell(execution, claim(job_with_it), host("db-0"))
    assert told == "no answer within 0.02 s"


def test_who_sends_a_cancel_request_is_broken_off_early_enough_to_be_answered() -> None:
    reboot = threat("db-0", notice=timedelta(minutes=1))
    alone, told = case(definition(), NOON), case(stoppable(), NOON)
    assert deadline_of(reboot, alone) == NOON + timedelta(minutes=1) - DEADLINE_MARGIN
    assert deadline_of(reboot, told) == NOON + timedelta(minutes=1) - DEADLINE_MARGIN - timedelta(seconds=5)
