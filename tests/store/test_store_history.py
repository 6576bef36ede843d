"""History, runs asked for, gauges."""

import pytest
from msgspec.structs import replace

from services.scheduler.domain.decisions import CAUSES, DecisionRecord, Verdict
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.explanations import decision_of
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import NotFoundError
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    COUNTED,
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
    run_once,
)


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
    assert await store.count_history(job.id, at_most=10) == 4
    assert await store.count_history(job.id, status=HistoryStatus.FAILED, at_most=10) == 2
    assert await store.count_history(job.id, at_most=3) == 3


async def test_a_history_row_comes_back_as_it_was_written(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    written = row(claimed.occurrence)
    await store.settle(owner, [finished(claimed, rows=(written,))])
    [read] = await store.list_history(job.id, top=1, skip=0)
    assert read.id is not None
    assert type(written)(**{**{name: getattr(read, name) for name in read.__struct_fields__}, "id": None}) == written


async def test_recent_history_names_group_collection_and_job(store: Store) -> None:
    await put_job(store, "first")
    await put_job(store, "second")
    await run_once(store)
    recent = await store.recent_history(10)
    names = sorted((one.group, one.collection, one.job) for one in recent)
    assert names == [("default", "nightly", "first"), ("default", "nightly", "second")]
    assert await store.recent_history(1) == recent[:1]


async def test_recent_history_within_collections_knows_no_others(store: Store) -> None:
    mine, other = await put_collection(store, "mine"), await put_collection(store, "other")
    for collection, names in ((mine, ("early", "late")), (other, ("one", "two", "three"))):
        await store.put_jobs(collection.id, [draft(name) for name in names], NOW)
    await run_once(store)
    recent = await store.recent_history(10, within=[mine.id])
    assert sorted((one.collection, one.job) for one in recent) == [("mine", "early"), ("mine", "late")]
    assert await store.recent_history(1, within=[mine.id]) == recent[:1]
    assert await store.recent_history(10, within=[]) == []


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


async def test_gauges_count_what_is_due_and_unfinished_and_say_since_when(store: Store) -> None:
    collection = await put_collection(store)
    due = [draft("due"), draft("later", next_due=NOW + MINUTE), draft("never", next_due=None)]
    await store.put_jobs(collection.id, due, NOW)
    before = await store.gauges(NOW - SECOND)
    assert (before.backlog, before.oldest_due) == (0, None)
    empty = await store.gauges(NOW + SECOND)
    assert (empty.backlog, empty.occurrences, empty.oldest_due) == (1, {}, NOW)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    gauges = await store.gauges(NOW)
    assert (gauges.occurrences, gauges.oldest_due) == ({"claimed": 1}, None)
    await store.settle(owner, [finished(claimed, held_for="db", reason="reboot")])
    gauges = await store.gauges(NOW + 2 * MINUTE)
    assert (gauges.backlog, gauges.occurrences, gauges.oldest_due) == (2, {"held": 1}, NOW + MINUTE)


async def test_an_occurrence_that_is_ready_and_late_is_the_oldest_due(store: Store) -> None:
    job = await put_job(store, next_due=None)
    await store.add_run(asked_for(job, at=NOW - MINUTE))
    assert (await store.gauges(NOW)).oldest_due == NOW - MINUTE
    assert (await store.gauges(NOW - 2 * MINUTE)).oldest_due is None


async def test_gauges_count_no_further_than_they_say(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft(f"job-{number}") for number in range(COUNTED + 5)], NOW)
    assert (await store.gauges(NOW)).backlog == COUNTED
    assert await store.job_counts() == {"enabled": COUNTED + 5}


async def test_jobs_are_counted_by_state(store: Store) -> None:
    for name, state in (("a", JobState.ENABLED), ("b", JobState.DISABLED), ("c", JobState.ENABLED)):
        await put_job(store, name, state=state)
    assert await store.job_counts() == {"enabled": 2, "disabled": 1}


async def test_missed_occurrences_become_rows_of_their_job(store: Store) -> None:
    job = await put_job(store)
    missed = tuple(row(planned(job, NOW - SECOND * n), HistoryStatus.MISSED) for n in range(3))
    plan = Plan(missed=missed, next_due=NOW + MINUTE, planned=3)
    owner = await register(store)
    assert await store.claim(owner, now=NOW, horizon=NOW, limit=10, plan=lambda _: plan) == []
    assert [one.status for one in await store.list_history(job.id, top=10, skip=0)] == [HistoryStatus.MISSED] * 3


@pytest.mark.parametrize("verdict", list(Verdict))
async def test_history_is_found_by_what_was_decided_also_where_no_record_was_kept(
    store: Store, verdict: Verdict
) -> None:
    job = await put_job(store)
    bare = [row(planned(job, NOW), status) for status in HistoryStatus]
    kept = [
        replace(bare[0], decision=DecisionRecord(verdict=each, cause=cause, away_from='"verdict":"ran"'))
        for each, causes in CAUSES.items()
        for cause in causes
    ]
    rows = (*bare, *kept)
    owner = await register(store)
    await store.claim(owner, now=NOW, horizon=NOW, limit=9, plan=lambda _: Plan(missed=rows, next_due=None, planned=1))
    found = await store.list_history(job.id, verdict=verdict, top=100, skip=0)
    assert [replace(one, id=None) for one in reversed(found)] == [
        one for one in rows if decision_of(one).verdict is verdict
    ]
    assert await store.list_history(job.id, verdict=verdict, top=1, skip=1) == found[1:2]
