"""History, runs asked for, pruning, gauges."""

from datetime import timedelta

import pytest

from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import NotFoundError
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Plan,
)
from tests.parts.stored import (
    MINUTE,
    NOW,
    SECOND,
    asked_for,
    claim,
    draft,
    finished,
    planned,
    put_collection,
    put_job,
    register,
    row,
)

_YEAR = timedelta(days=365)


async def _run_once(store: Store, rows: int = 1, **fields: timedelta) -> None:
    """Leave `rows` history rows for each job that is due, the n-th one n times `step` before now."""
    owner = await register(store)
    step = fields.get("step", timedelta())
    for claimed in await claim(store, owner, once=True):
        written = tuple(row(claimed.occurrence, at=NOW - step * number) for number in range(rows))
        await store.settle(owner, [finished(claimed, rows=written)])


async def test_history_is_newest_first_a_page_at_a_time_and_by_status(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    kinds = [HistoryStatus.FAILED, HistoryStatus.POSTPONED, HistoryStatus.FAILED, HistoryStatus.COMPLETED]
    rows = tuple(row(claimed.occurrence, status) for status in kinds)
    await store.settle(owner, [finished(claimed, rows=rows)])
    listed = await store.list_history(job.id, top=10, skip=0)
    assert [one.status for one in listed] == list(reversed(kinds))
    assert [one.id for one in listed] == sorted((one.id for one in listed if one.id is not None), reverse=True)
    assert await store.list_history(job.id, top=2, skip=1) == listed[1:3]
    failed = await store.list_history(job.id, status=HistoryStatus.FAILED, top=10, skip=0)
    assert [one.status for one in failed] == [HistoryStatus.FAILED] * 2


async def test_a_history_row_comes_back_as_it_was_written(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    written = row(claimed.occurrence)
    await store.settle(owner, [finished(claimed, rows=(written,))])
    [read] = await store.list_history(job.id, top=1, skip=0)
    assert read.id is not None
    assert type(written)(**{**{name: getattr(read, name) for name in read.__struct_fields__}, "id": None}) == written


async def test_recent_history_names_collection_and_job(store: Store) -> None:
    await put_job(store, "first")
    await put_job(store, "second")
    await _run_once(store)
    recent = await store.recent_history(10)
    assert sorted((one.collection, one.job) for one in recent) == [("nightly", "first"), ("nightly", "second")]
    assert await store.recent_history(1) == recent[:1]


async def test_a_run_is_added_once_per_request_within_ten_minutes(store: Store) -> None:
    job = await put_job(store, next_due=None)
    owner = await register(store)
    assert await store.add_run(asked_for(job))
    assert not await store.add_run(asked_for(job))
    assert await store.add_run(asked_for(job, "request-2"))
    claims = await claim(store, owner)
    await store.settle(owner, [finished(one) for one in claims])
    assert len(claims) == 2
    assert not await store.add_run(asked_for(job, at=NOW + 9 * MINUTE))
    assert await store.add_run(asked_for(job, at=NOW + 11 * MINUTE))


async def test_a_run_of_a_deleted_job_is_not_found(store: Store) -> None:
    job = await put_job(store)
    await store.delete_job(job.collection_id, job.name)
    with pytest.raises(NotFoundError):
        await store.add_run(asked_for(job))


async def test_pruning_keeps_the_newest_rows_of_each_job_and_goes_in_steps(store: Store) -> None:
    first, second = await put_job(store, "first"), await put_job(store, "second")
    await _run_once(store, rows=10)
    newest = (await store.list_history(first.id, top=4, skip=0))[:4]

    async def prune() -> int:
        return await store.prune(rows_per_job=4, older_than=NOW - _YEAR, limit=5)

    assert [await prune(), await prune(), await prune(), await prune()] == [5, 5, 2, 0]
    assert await store.list_history(first.id, top=100, skip=0) == newest
    assert len(await store.list_history(second.id, top=100, skip=0)) == 4


async def test_pruning_deletes_what_is_too_old(store: Store) -> None:
    job = await put_job(store)
    await _run_once(store, rows=10, step=timedelta(days=1))

    async def prune() -> int:
        return await store.prune(rows_per_job=1000, older_than=NOW - timedelta(days=3, hours=1), limit=4)

    assert [await prune(), await prune(), await prune()] == [4, 2, 0]
    assert {NOW - one.end_time for one in await store.list_history(job.id, top=100, skip=0)} == {
        timedelta(days=days) for days in range(4)
    }


async def test_gauges_count_what_is_due_unfinished_and_stored(store: Store) -> None:
    collection = await put_collection(store)
    due = [draft("due"), draft("later", next_due=NOW + MINUTE), draft("never", next_due=None)]
    await store.put_jobs(collection.id, due, NOW)
    empty = await store.gauges(NOW)
    assert (empty.backlog, empty.occurrences, empty.jobs) == (1, {}, {"enabled": 3})
    owner = await register(store)
    [claimed] = await claim(store, owner)
    assert (await store.gauges(NOW)).occurrences == {"claimed": 1}
    await store.settle(owner, [finished(claimed, held_for="db", reason="reboot")])
    gauges = await store.gauges(NOW + 2 * MINUTE)
    assert (gauges.backlog, gauges.occurrences) == (2, {"held": 1})


async def test_missed_occurrences_become_rows_of_their_job(store: Store) -> None:
    job = await put_job(store)
    missed = tuple(row(planned(job, NOW - SECOND * n), HistoryStatus.MISSED) for n in range(3))
    plan = Plan(missed=missed, next_due=NOW + MINUTE, planned=3)
    owner = await register(store)
    assert await store.claim(owner, now=NOW, horizon=NOW, limit=10, plan=lambda _: plan) == []
    assert [one.status for one in await store.list_history(job.id, top=10, skip=0)] == [HistoryStatus.MISSED] * 3


async def test_jobs_that_ended_long_ago_are_deleted_with_their_history(store: Store) -> None:
    collection = await put_collection(store)
    for name in ("old", "live"):
        await put_job(store, name, next_due=NOW if name == "old" else NOW + _YEAR)
    owner = await register(store)
    for claimed in await claim(store, owner, once=True):
        await store.settle(owner, [finished(claimed, rows=(row(claimed.occurrence),), job_state=JobState.COMPLETED)])
    assert await store.prune_jobs(ended_before=NOW, limit=10) == 0
    assert await store.prune_jobs(ended_before=NOW + MINUTE, limit=10) == 1
    assert [job.name for job in await store.list_jobs(collection.id, top=10, skip=0)] == ["live"]
    assert await store.recent_history(10) == []
