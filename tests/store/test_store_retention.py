"""What is kept no longer: history by number and age, ended jobs and events, what deletions leave behind."""

from datetime import datetime, timedelta

import pytest

from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.errors import NotFoundError
from services.scheduler.store.base import Store
from services.scheduler.store.records import Approval, ApprovalState, DrainReport, EventOutcome, EventRecord
from tests.parts.stored import MINUTE, NOW, asked_for, put_job, register, run_once

_YEAR = timedelta(days=365)


def _event(event_id: str, ended_at: datetime | None = None) -> EventRecord:
    return EventRecord(
        event_id=event_id,
        type="Reboot",
        status="Started",
        resources=("db-0",),
        not_before=None,
        duration_seconds=None,
        source="Platform",
        description="",
        first_seen_at=NOW,
        ended_at=ended_at,
        outcome=EventOutcome.ACTIVE if ended_at is None else EventOutcome.COMPLETED,
    )


async def _rows_of(store: Store, *jobs: Job) -> list[int]:
    return [len(await store.list_history(job.id, top=100, skip=0)) for job in jobs]


async def test_trimming_keeps_the_newest_rows_of_the_jobs_it_is_given(store: Store) -> None:
    jobs = [await put_job(store, name) for name in ("first", "second", "third")]
    await run_once(store, rows=10)
    newest = await store.list_history(jobs[0].id, top=4, skip=0)
    assert await store.trim_history([jobs[0].id, jobs[1].id], keep=4) == 12
    assert await store.list_history(jobs[0].id, top=100, skip=0) == newest
    assert await _rows_of(store, *jobs) == [4, 4, 10]
    assert await store.trim_history([jobs[0].id], keep=4) == 0
    assert await store.trim_history([], keep=4) == 0


async def test_pruning_deletes_what_is_too_old_the_oldest_first_and_goes_in_steps(store: Store) -> None:
    job = await put_job(store)
    await run_once(store, rows=10, step=timedelta(days=1))

    async def prune() -> int:
        return await store.prune(older_than=NOW - timedelta(days=3, hours=1), limit=4)

    assert await prune() == 4
    assert max(NOW - one.end_time for one in await store.list_history(job.id, top=100, skip=0)) == timedelta(days=5)
    assert [await prune(), await prune()] == [2, 0]
    assert await _rows_of(store, job) == [4]


async def test_jobs_that_ended_long_ago_are_deleted_with_their_history(store: Store) -> None:
    old, live = await put_job(store, "old"), await put_job(store, "live", next_due=NOW + _YEAR)
    await run_once(store, job_state=JobState.COMPLETED)
    assert await store.prune_jobs(ended_before=NOW, limit=10) == 0
    assert await store.prune_jobs(ended_before=NOW + MINUTE, limit=10) == 1
    assert [job.name for job in await store.list_jobs(live.collection_id, top=10, skip=0)] == ["live"]
    assert await store.recent_history(10) == []
    assert await _rows_of(store, old) == [0]


async def test_a_job_that_ended_long_ago_stays_as_long_as_a_run_asked_for_is_unfinished(store: Store) -> None:
    old = await put_job(store, "old")
    await run_once(store, job_state=JobState.COMPLETED)
    await store.add_run(asked_for(old))
    assert await store.prune_jobs(ended_before=NOW + MINUTE, limit=10) == 0
    await run_once(store)
    assert await store.prune_jobs(ended_before=NOW + MINUTE, limit=10) == 1


async def test_jobs_that_ended_long_ago_go_in_steps(store: Store) -> None:
    for number in range(5):
        await put_job(store, f"job-{number}")
    await run_once(store, job_state=JobState.COMPLETED)
    pruned = [await store.prune_jobs(ended_before=NOW + MINUTE, limit=2) for _ in range(4)]
    assert pruned == [2, 2, 1, 0]


async def test_what_deletions_leave_behind_is_swept_until_nothing_is_left(store: Store) -> None:
    doomed, other = await put_job(store, "doomed"), await put_job(store, "other")
    await run_once(store, rows=10)
    await store.delete_job(doomed.collection_id, doomed.name)
    assert await _rows_of(store, doomed, other) == [0, 10]
    while await store.sweep(limit=4):
        pass
    assert await _rows_of(store, doomed, other) == [0, 10]
    assert await store.prune(older_than=NOW + _YEAR, limit=100) == 10


async def test_events_that_ended_long_ago_are_deleted_with_their_approvals_and_drains(store: Store) -> None:
    owner = await register(store)
    for event in (_event("OLD", NOW), _event("NEW", NOW + _YEAR), _event("ON")):
        await store.put_event(event)
        await store.record_approval(event.event_id, Approval(state=ApprovalState.APPROVED, at=NOW))
        report = DrainReport(event_id=event.event_id, host="db-0", running=0, held=0, rerouted=0, settled=True)
        await store.report_drain(owner, report)
    assert [await store.prune_events(ended_before=NOW + MINUTE, limit=10) for _ in range(2)] == [1, 0]
    with pytest.raises(NotFoundError):
        await store.get_event("OLD")
    assert {event.event_id for event in await store.list_events(active=False, limit=10)} == {"NEW", "ON"}
    reports = {key: await store.drain_reports(key) for key in ("OLD", "NEW", "ON")}
    assert [len(reports[key]) for key in ("OLD", "NEW", "ON")] == [0, 1, 1]
    await store.put_event(_event("OLD"))
    assert (await store.get_event("OLD")).approval.state is ApprovalState.NONE


async def test_the_oldest_events_are_deleted_first(store: Store) -> None:
    for number in range(4):
        await store.put_event(_event(f"EVENT-{number}", NOW - timedelta(days=number + 1)))
    assert await store.prune_events(ended_before=NOW, limit=2) == 2
    assert [event.event_id for event in await store.list_events(active=False, limit=10)] == ["EVENT-0", "EVENT-1"]


async def test_requests_for_runs_are_forgotten_when_nobody_repeats_them(store: Store) -> None:
    job = await put_job(store)
    for number in range(3):
        await store.add_run(asked_for(job, f"request-{number}", at=NOW + number * MINUTE))
    forgotten = [await store.prune_runs(asked_before=NOW + 2 * MINUTE, limit=1) for _ in range(3)]
    assert forgotten == [1, 1, 0]
