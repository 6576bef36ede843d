"""Looking around: jobs found by what they are, what comes, what happened, and what an event did."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.scheduler.domain.collections import CollectionState
from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.jobs import JobState
from services.scheduler.domain.policies import Placement
from services.scheduler.store.base import Store
from services.scheduler.store.search import JobQuery, JobSort, Ran
from tests.parts.stored import (
    MINUTE,
    NOW,
    SECOND,
    SOMEWHERE,
    claim,
    draft,
    finished,
    put_collection,
    register,
    row,
    run_once,
)


@pytest.fixture
async def filled(store: Store) -> Store:
    """Three jobs of two collections: nightly/backup and nightly/Report (in pool db, tagged), ops/report (disabled)."""
    nightly, ops = await put_collection(store, "nightly"), await put_collection(store, "ops")
    report = draft("Report")
    placed = replace(report.definition, placement=Placement(pool="db"), tags={"team": 'a%_"\\', "env": "prod"})
    later = replace(report, definition=placed, next_due=NOW + MINUTE)
    await store.put_jobs(nightly.id, [draft("backup"), later], NOW)
    await store.put_jobs(ops.id, [replace(draft("report"), state=JobState.DISABLED, next_due=None)], NOW)
    return store


async def names(store: Store, top: int = 10, skip: int = 0, **query: Any) -> list[str]:
    asked = JobQuery(**query)
    found = await store.search_jobs(asked, top=top, skip=skip)
    if skip == 0 and len(found) < top:
        assert await store.count_found(asked, at_most=100) == len(found)
    return [f"{job.collection}/{job.name}" for job in found]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["nightly/backup", "nightly/Report", "ops/report"]),
        ({"descending": True}, ["ops/report", "nightly/Report", "nightly/backup"]),
        ({"words": ("REP",)}, ["nightly/Report", "ops/report"]),
        ({"words": ("rep", "night")}, ["nightly/Report"]),
        ({"words": ("y/b",)}, ["nightly/backup"]),
        ({"words": ("%",)}, []),
        ({"words": ("_",)}, []),
        ({"state": JobState.ENABLED}, ["nightly/backup", "nightly/Report"]),
        ({"state": JobState.DISABLED}, ["ops/report"]),
        ({"pool": "db"}, ["nightly/Report"]),
        ({"pool": "DB"}, []),
        ({"tags": {"team": 'a%_"\\'}}, ["nightly/Report"]),
        ({"tags": {"team": 'a%_"\\', "env": "test"}}, []),
        ({"tags": {"env": "pro"}}, []),
        ({"within": []}, []),
        ({"subscription": SOMEWHERE.subscription.upper(), "words": ("ops",)}, ["ops/report"]),
        ({"subscription": "another"}, []),
        ({"sort": JobSort.NEXT_DUE}, ["nightly/backup", "nightly/Report", "ops/report"]),
        ({"sort": JobSort.NEXT_DUE, "descending": True}, ["nightly/Report", "nightly/backup", "ops/report"]),
    ],
    ids=str,
)
async def test_jobs_are_found_by_what_they_are(filled: Store, query: dict[str, Any], found: list[str]) -> None:
    assert await names(filled, **query) == found


async def test_pages_follow_each_other(filled: Store) -> None:
    assert [await names(filled, top=1, skip=skip) for skip in range(4)] == [
        ["nightly/backup"],
        ["nightly/Report"],
        ["ops/report"],
        [],
    ]
    assert await filled.count_found(JobQuery(), at_most=2) == 2


async def test_jobs_are_found_by_how_they_ran(filled: Store) -> None:
    assert len(await names(filled, ran=Ran.NEVER)) == 3
    owner = await register(filled)
    [claimed] = await claim(filled, owner)
    await filled.settle(owner, [finished(claimed, failures=1, faulted=True)])
    assert await names(filled, ran=Ran.FAILED) == ["nightly/backup"]
    assert (await names(filled, sort=JobSort.LAST_RUN))[0] == "nightly/backup"
    assert (await names(filled, sort=JobSort.FAULTED, descending=True))[0] == "nightly/backup"
    [_, late] = sorted(await claim(filled, owner, at=NOW + MINUTE), key=lambda one: one.job.name.lower())
    await filled.settle(owner, [finished(late), replace(finished(claimed), job_id=late.job.id)])
    assert await names(filled, ran=Ran.SUCCEEDED) == ["nightly/Report"]
    assert await names(filled, ran=Ran.NEVER) == ["ops/report"]


async def test_jobs_of_which_an_occurrence_waits_are_found(filled: Store) -> None:
    owner = await register(filled)
    [claimed] = await claim(filled, owner)
    held = finished(claimed, rows=(), main_attempts=0, last_execution_time=None, held_for="db-0", held_under="Reboot")
    await filled.settle(owner, [held])
    assert await names(filled, ran=Ran.HELD) == ["nightly/backup"]
    [waiting] = await filled.held_now([claimed.job.id], limit=10)
    assert (waiting.id, waiting.host, waiting.held_under) == (claimed.occurrence.id, "db-0", "Reboot")
    assert await filled.held_now([], limit=10) == await filled.held_now([claimed.job.id], limit=0) == []


async def test_jobs_of_a_collection_are_counted_by_the_state_that_readers_see(filled: Store) -> None:
    await filled.put_jobs((await put_collection(filled)).id, [draft("off", state=JobState.DISABLED)], NOW)
    nightly = await put_collection(filled)
    assert await filled.count_states(nightly.id) == {JobState.ENABLED: 2, JobState.DISABLED: 1}
    await put_collection(filled, state=CollectionState.DISABLED)
    assert await filled.count_states(nightly.id) == {JobState.DISABLED: 3}


async def test_collections_are_found_by_their_ids_until_they_are_deleted(filled: Store) -> None:
    nightly, ops = await put_collection(filled), await put_collection(filled, "ops")
    assert sorted(one.name for one in await filled.find_collections([nightly.id, ops.id])) == ["nightly", "ops"]
    await filled.delete_collection(SOMEWHERE, "ops")
    assert await filled.find_collections([nightly.id, ops.id]) == [nightly]
    assert await filled.find_collections([]) == []


async def test_what_comes_is_told_in_order_and_nothing_of_disabled_jobs(filled: Store) -> None:
    hour = NOW + timedelta(hours=1)
    before = NOW - SECOND
    assert [job.name for job in await filled.upcoming(before, hour, limit=10)] == ["backup", "Report"]
    assert [job.name for job in await filled.upcoming(NOW, hour, limit=10)] == ["Report"]
    assert [job.name for job in await filled.upcoming(before, hour, limit=1)] == ["backup"]
    assert await filled.upcoming(before, hour, limit=10, within=[]) == []


async def test_what_happened_is_told_newest_first_from_an_instant_on(filled: Store) -> None:
    await run_once(filled, rows=3, step=-MINUTE)
    ops = (await filled.search_jobs(JobQuery(words=("ops",)), top=1, skip=0))[0].collection_id
    marks = await filled.marks(NOW + MINUTE, limit=10)
    assert [mark.at for mark in marks] == [NOW + 2 * MINUTE, NOW + MINUTE]
    assert len(await filled.marks(NOW, limit=2)) == 2
    assert await filled.marks(NOW, limit=10, within=[ops]) == []


async def test_what_an_event_did_is_found_by_its_id(filled: Store) -> None:
    owner = await register(filled)
    [claimed] = await claim(filled, owner)
    because = DecisionRecord(verdict=Verdict.REROUTED, cause=Cause.EVENT, event_id="E1")
    rows = (replace(row(claimed.occurrence), decision=because), row(claimed.occurrence))
    await filled.settle(owner, [finished(claimed, rows=rows)])
    [touched] = await filled.touched("E1", limit=10)
    assert (touched.collection, touched.job, touched.row.decision) == ("nightly", "backup", because)
    assert await filled.touched("E2", limit=10) == []
    assert await filled.touched("E1", limit=10, within=[]) == []
