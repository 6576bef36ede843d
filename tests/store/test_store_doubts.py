"""A replica that cannot know what it has claimed asks; and writes that come too late or count for nothing."""

import pytest
from msgspec.structs import replace

from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import ConflictError
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Release,
)
from tests.parts.builders import uri_of
from tests.parts.stored import MINUTE, NOW, SECOND, claim, draft, finished, put_job, register, rescue, row, stored


async def test_a_replica_is_told_what_it_has_claimed_with_each_job_as_it_is_now(store: Store) -> None:
    owner = await register(store)
    job = await put_job(store)
    await put_job(store, "other")
    claims = await claim(store, owner)
    settled = next(each for each in claims if each.job.name == "other")
    await store.settle(owner, [finished(settled)])
    await store.put_jobs(job.collection_id, [draft("backup", uri="http://new/", next_due=NOW + MINUTE)], NOW)
    [mine] = await store.list_claims(owner)
    assert mine.occurrence in [each.occurrence for each in claims]
    assert uri_of(mine.job) == "http://new/"


async def test_another_replicas_claims_are_not_told(shared_store: Store) -> None:
    first, second = await register(shared_store, "one"), await register(shared_store, "two")
    await put_job(shared_store)
    await claim(shared_store, first)
    assert await shared_store.list_claims(second) == []
    await rescue(shared_store, NOW + MINUTE)
    assert await shared_store.list_claims(first) == []


async def test_a_write_that_lets_a_job_go_on_is_refused_once_it_has_ended(store: Store) -> None:
    owner = await register(store)
    job = await put_job(store)
    [last] = await claim(store, owner, once=True)
    await store.settle(owner, [finished(last, job_state=JobState.COMPLETED)])
    going_on = draft("backup", next_due=None, revision=job.revision)
    with pytest.raises(ConflictError, match="has ended meanwhile"):
        await store.put_jobs(job.collection_id, [going_on], NOW)
    anew = replace(going_on, restart=True, next_due=NOW + MINUTE)
    [written] = await store.put_jobs(job.collection_id, [anew], NOW)
    assert written.job.state is JobState.ENABLED


async def test_a_release_that_ends_an_occurrence_may_give_its_place_in_the_count_to_a_later_one(store: Store) -> None:
    owner = await register(store)
    job = await put_job(store)
    [last] = await claim(store, owner, once=True)
    await store.settle(owner, [finished(last, held_for="db-0", reason="reboot")])
    skipped = Release(
        occurrence_id=last.occurrence.id,
        job_id=job.id,
        row=row(last.occurrence, HistoryStatus.SKIPPED),
        job_state=JobState.COMPLETED,
        unplan=True,
        replan=NOW + 5 * SECOND,
    )
    await store.release([skipped])
    after = await stored(store, job)
    assert (after.state, after.planned, after.next_due) == (JobState.ENABLED, 0, NOW + 5 * SECOND)
