"""What becomes of an execution in flight when an event comes to its host: policy by policy."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.domain.actions import Action, ErrorAction, HttpCall, RetryPolicy
from services.scheduler.domain.decisions import Cause, Verdict
from services.scheduler.domain.executions import HistoryRow, HistoryStatus
from services.scheduler.domain.hosts import STARTED, Threat
from services.scheduler.domain.jobs import JobDefinition, JobState
from services.scheduler.domain.policies import (
    AtDeadline,
    InFlight,
    LastStanding,
    Maintenance,
    MaintenanceRule,
)
from services.scheduler.domain.threats import DEADLINE_MARGIN
from shared.topics import HostKey
from tests.parts.builders import NOON, action, by_hand, definition, fleet, host, threat
from tests.parts.clocks import SteppedClock
from tests.parts.dispatching import Dispatching, dispatching
from tests.parts.waiting import until

MINUTE = timedelta(minutes=1)
REBOOT = threat("db-0", notice=MINUTE)


@pytest.fixture
async def work() -> AsyncIterator[Dispatching]:
    async with dispatching(SteppedClock.at(NOON)) as running:
        running.target.gate.clear()
        yield running
        running.target.gate.set()


def ruled(*, pool: str | None = "db", what: Action | None = None, **answers: object) -> JobDefinition:
    """Return a job on db-0 with one rule of its own."""
    rule = Maintenance(rule=MaintenanceRule(**answers))  # type: ignore[arg-type]
    return definition(host="db-0", pool=pool, maintenance=rule, action=what or action())


def announce(work: Dispatching, *threats: Threat) -> None:
    """Have exactly these threats stand against db-0, as `Dispatch.follow` hears of them; db-1 is free."""
    hosts = (host("db-0", *threats, pools=("db",)), host("db-1", pools=("db",)))
    work.fleet = {view.key: view for view in hosts}
    work.attempts.follow(fleet(*hosts))


async def start(work: Dispatching, what: JobDefinition) -> None:
    """Have an execution of a job wait for its answer on db-0."""
    announce(work)
    await work.add(what)
    await work.target.until_called(1)


def pass_to(work: Dispatching, notice: timedelta) -> None:
    """Let the clock go on to so long before the reboot's NotBefore."""
    assert isinstance(work.clock, SteppedClock)
    work.clock.set(NOON + MINUTE - notice)


async def until_told(work: Dispatching, number: int = 1) -> list[HistoryRow]:
    rows = await work.until_rows(number)
    assert [row.host for row in rows[:1]] == ["db-0"]
    return rows


async def until_looked(work: Dispatching) -> None:
    """Wait until the attempts have surely been looked through after this."""
    seen: list[float] = []
    sweep = work.attempts.sweep

    def counted(awake: float, now: datetime) -> None:
        seen.append(awake)
        sweep(awake, now)

    work.attempts.sweep = counted  # type: ignore[method-assign]

    async def twice() -> bool:
        return len(seen) >= 2

    await until(twice)


async def test_what_is_not_to_wait_is_broken_off_at_first_sight_and_repeated_elsewhere(work: Dispatching) -> None:
    await start(work, ruled(in_flight=InFlight.CANCEL))
    announce(work, REBOOT)
    await work.target.until_called(2)
    work.target.gate.set()
    first, second = await until_told(work, 2)
    assert (first.status, first.attempt, first.retry_count) == (HistoryStatus.FAILED, 1, 0)
    assert first.message == "broken off: Reboot of db-0 is due at 2026-03-02 12:01:00 UTC"
    assert (second.occurrence_id, second.attempt, second.host) == (first.occurrence_id, 2, "db-1")


async def test_what_is_left_alone_runs_on_through_the_event(work: Dispatching) -> None:
    await start(work, ruled())
    announce(work, REBOOT)
    pass_to(work, -MINUTE)
    announce(work, threat("db-0", status=STARTED))
    await until_looked(work)
    work.target.gate.set()
    [row] = await until_told(work)
    assert (row.status, row.attempt) == (HistoryStatus.COMPLETED, 1)


async def test_at_its_deadline_a_cancelled_execution_has_failed_and_is_not_repeated(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.CANCEL, what=action(retries=3)))
    announce(work, REBOOT)
    pass_to(work, DEADLINE_MARGIN)
    [row] = await until_told(work)
    assert (row.status, row.message) == (HistoryStatus.FAILED, row.reason)
    job = await work.job()
    assert (job.state, job.counters.failure_count, job.counters.faulted_count) == (JobState.FAULTED, 1, 1)
    assert work.target.attempts == [1]


async def test_after_a_cancelled_execution_the_error_action_runs(work: Dispatching) -> None:
    after = ErrorAction(call=HttpCall(method="POST", uri="http://pager.test/"), retry_policy=RetryPolicy(count=0))
    await start(work, ruled(at_deadline=AtDeadline.CANCEL, what=replace(action(retries=3), error_action=after)))
    announce(work, REBOOT)
    pass_to(work, DEADLINE_MARGIN)
    await work.target.until_called(2)
    assert work.target.calls[-1][0].uri == "http://pager.test/"


async def test_at_its_deadline_an_execution_moves_to_another_host(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.MOVE))
    announce(work, REBOOT)
    pass_to(work, DEADLINE_MARGIN)
    await work.target.until_called(2)
    work.target.gate.set()
    first, second = await until_told(work, 2)
    assert (second.occurrence_id, second.attempt, second.host) == (first.occurrence_id, 2, "db-1")
    assert (await work.job()).state is JobState.COMPLETED


async def test_an_execution_that_has_nowhere_to_move_is_held(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.MOVE, pool=None))
    announce(work, REBOOT)
    pass_to(work, DEADLINE_MARGIN)
    rows = await until_told(work, 2)
    assert [row.status for row in rows] == [HistoryStatus.FAILED, HistoryStatus.POSTPONED]


async def test_until_its_deadline_an_execution_is_left_alone(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.CANCEL))
    announce(work, REBOOT)
    pass_to(work, DEADLINE_MARGIN + timedelta(seconds=30))
    await until_looked(work)
    assert (len(work.running), await work.rows()) == (1, [])


async def test_a_deadline_is_met_at_once_though_nobody_reports_anything(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.CANCEL))
    announce(work, REBOOT)
    pass_to(work, DEADLINE_MARGIN + timedelta(seconds=0.2))
    [row] = await until_told(work)
    deadline = NOON + MINUTE - DEADLINE_MARGIN
    assert timedelta(0) <= row.end_time - deadline < timedelta(seconds=0.5)


async def test_a_deadline_that_shrinks_is_obeyed_at_once(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.CANCEL))
    announce(work, threat("db-0", notice=timedelta(hours=1)))
    announce(work, replace(REBOOT, not_before=NOON + DEADLINE_MARGIN))
    [execution] = work.running.all()
    assert execution.broken_off is not None
    [row] = await until_told(work)
    assert row.decision is not None
    assert row.decision.not_before == NOON + DEADLINE_MARGIN


async def test_a_deadline_put_off_is_obeyed_too(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.CANCEL))
    announce(work, REBOOT)
    announce(work, threat("db-0", notice=timedelta(hours=1)))
    pass_to(work, timedelta(0))
    await until_looked(work)
    assert len(work.running) == 1


async def test_an_event_that_begins_early_ends_what_should_have_ended_by_its_deadline(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.CANCEL))
    announce(work, REBOOT)
    announce(work, threat("db-0", status=STARTED))
    [row] = await until_told(work)
    assert row.reason == "broken off: Reboot of db-0 has started"


async def test_an_event_cancelled_at_the_last_second_leaves_the_execution_alone(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.CANCEL))
    announce(work, REBOOT)
    announce(work)
    pass_to(work, timedelta(0))
    await until_looked(work)
    work.target.gate.set()
    [row] = await until_told(work)
    assert row.status is HistoryStatus.COMPLETED


async def test_each_type_of_event_has_its_own_policies(work: Dispatching) -> None:
    by_type = {
        "freeze": MaintenanceRule(in_flight=InFlight.CANCEL, at_deadline=AtDeadline.LEAVE),
        "reboot": MaintenanceRule(at_deadline=AtDeadline.CANCEL),
    }
    await start(work, definition(host="db-0", pool="db", maintenance=Maintenance(by_type=by_type)))
    announce(work, REBOOT)
    await until_looked(work)
    assert len(work.running) == 1
    announce(work, REBOOT, threat("db-0", kind="Freeze", notice=MINUTE))
    await work.target.until_called(2)
    [row] = await until_told(work)
    assert row.reason.startswith("broken off: Freeze of db-0")


async def test_an_execution_that_starts_on_a_threatened_host_is_ended_at_its_deadline_too(work: Dispatching) -> None:
    announce(work, REBOOT)
    await work.add(ruled(at_deadline=AtDeadline.CANCEL, lead_time=timedelta(seconds=1)))
    await work.target.until_called(1)
    pass_to(work, DEADLINE_MARGIN)
    [row] = await until_told(work)
    assert (row.host, row.status) == ("db-0", HistoryStatus.FAILED)


async def test_nothing_starts_that_would_be_broken_off_at_once(work: Dispatching) -> None:
    announce(work, REBOOT)
    pass_to(work, DEADLINE_MARGIN)
    await work.add(ruled(at_deadline=AtDeadline.MOVE, lead_time=timedelta(0), pool=None))
    [row] = await work.until_rows(1)
    assert row.status is HistoryStatus.POSTPONED
    assert work.target.calls == []


async def test_what_runs_on_the_last_host_that_stands_is_ended_by_the_deadline_alone(work: Dispatching) -> None:
    announce(work, REBOOT)
    view = work.fleet.pop(HostKey("db-1"))
    last, cancel = LastStanding.RUN_ON_LEAST_URGENT, InFlight.CANCEL
    what = ruled(at_deadline=AtDeadline.MOVE, last_standing=last, in_flight=cancel)
    await work.add(replace(what, timeout=MINUTE / 2))
    await work.target.until_called(1)
    work.attempts.follow(fleet(*work.fleet.values()))
    await until_looked(work)
    assert len(work.running) == 1
    work.fleet[view.key] = view
    pass_to(work, DEADLINE_MARGIN)
    await work.target.until_called(2)
    work.target.gate.set()
    rows = await until_told(work, 2)
    assert [row.host for row in rows] == ["db-0", "db-1"]


@pytest.mark.parametrize(
    ("rule", "threats", "cause"),
    [
        ({"in_flight": InFlight.CANCEL}, (REBOOT,), Cause.EVENT),
        ({"in_flight": InFlight.CANCEL}, (by_hand(),), Cause.CORDON),
        ({"at_deadline": AtDeadline.CANCEL}, (threat("db-0", status=STARTED),), Cause.DEADLINE),
    ],
)
async def test_history_keeps_why_an_execution_was_broken_off(
    work: Dispatching, rule: dict[str, object], threats: tuple[Threat, ...], cause: Cause
) -> None:
    await start(work, ruled(**rule))  # type: ignore[arg-type]
    announce(work, *threats)
    decision = (await until_told(work))[0].decision
    assert decision is not None
    assert (decision.verdict, decision.cause) == (Verdict.CANCELLED, cause)
    assert (decision.away_from, decision.event_id) == ("db-0", threats[0].event_id)


async def test_what_the_scheduler_breaks_off_as_it_stops_is_repeated(work: Dispatching) -> None:
    await start(work, ruled(at_deadline=AtDeadline.CANCEL))
    work.attempts.break_off()
    await work.target.until_called(2)
    decision = (await until_told(work))[0].decision
    assert decision is not None
    assert (decision.verdict, decision.cause) == (Verdict.CANCELLED, Cause.STOPPING)
