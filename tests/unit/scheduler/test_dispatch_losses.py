"""Occurrences whose host is not coming back: what they leave of their job."""

from datetime import timedelta

from msgspec.structs import replace

from services.scheduler.dispatch.answers import Answer
from services.scheduler.dispatch.outcomes import state_unrun
from services.scheduler.domain.actions import Action, ActionName, ErrorAction, HttpCall, RetryPolicy
from services.scheduler.domain.executions import HistoryStatus, Occurrence
from services.scheduler.domain.hosts import Loss
from services.scheduler.domain.jobs import JobState
from services.scheduler.domain.recurrence import Frequency, Recurrence
from shared.topics import HostKey
from tests.parts.builders import NOON, action, definition, host, job, occurrence
from tests.parts.dispatching import BAD, Dispatching, dispatching
from tests.parts.waiting import until

DB_0 = HostKey("db-0")
LOSS = Loss(event_id="E1", type="Preempt", at=NOON)
AT_ONCE = RetryPolicy(count=1, interval=timedelta(0))
THERE = ErrorAction(call=HttpCall(method="POST", uri="http://{host}/failed"), retry_policy=RetryPolicy(count=0))


def stand(work: Dispatching, loss: Loss | None = None) -> None:
    work.fleet[DB_0] = host("db-0", loss=loss)


async def is_in(work: Dispatching, state: JobState) -> bool:
    return (await work.job()).state is state


async def state_after_a_failure_and_a_loss(what: Action) -> JobState:
    """Let a one-time job's host be lost during its first attempt, which fails; return where the job has gone."""
    async with dispatching() as work:

        def answer(_: Occurrence) -> Answer:
            stand(work, LOSS)
            return BAD

        stand(work)
        work.target.answers = answer
        await work.add(definition(host="db-0", action=what))
        rows = await work.until_rows(2)
        assert [row.status for row in rows] == [HistoryStatus.FAILED, HistoryStatus.MISSED]
        return (await work.job()).state


async def test_what_is_missed_on_a_lost_host_does_not_use_up_the_count() -> None:
    async with dispatching() as work:
        stand(work, LOSS)
        await work.add(definition(host="db-0", recurrence=Recurrence(frequency=Frequency.SECOND, count=1)))
        await work.until_rows(1)
        assert (await work.job()).state is JobState.ENABLED
        stand(work)
        await work.target.until_called(1)
        await until(lambda: is_in(work, JobState.COMPLETED))
        *before, last = await work.rows()
    assert ({row.status for row in before}, last.status) == ({HistoryStatus.MISSED}, HistoryStatus.COMPLETED)


async def test_a_one_time_job_that_has_failed_is_faulted_though_its_retry_is_missed() -> None:
    assert await state_after_a_failure_and_a_loss(replace(action(), retry_policy=AT_ONCE)) is JobState.FAULTED


async def test_a_one_time_job_that_has_failed_is_faulted_though_its_error_action_is_missed() -> None:
    assert await state_after_a_failure_and_a_loss(replace(action(), error_action=THERE)) is JobState.FAULTED


def test_what_was_only_broken_off_before_has_not_failed() -> None:
    of = job()
    assert state_unrun(of, occurrence(of, attempt=2)) is JobState.COMPLETED
    assert state_unrun(of, occurrence(of, attempt=2, retries=1)) is JobState.FAULTED
    assert state_unrun(of, occurrence(of, attempt=2, action=ActionName.ERROR)) is JobState.FAULTED
