"""Held occurrences: listing and releasing them."""

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import HistoryStatus, Next, OccurrenceId, OccurrenceState
from services.scheduler.domain.jobs import JobId, JobState
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Claim,
    Release,
)
from tests.parts.builders import uri_of
from tests.parts.stored import MINUTE, NOW, claim, draft, finished, put_collection, put_job, register, row, stored


async def _hold(store: Store, *, once: bool = False) -> list[Claim]:
    """Hold whatever is due."""
    owner = await register(store)
    claims = await claim(store, owner, once=once)
    await store.settle(owner, [finished(one, held_for="db-0", reason="reboot") for one in claims])
    return claims


async def test_held_occurrences_are_listed_by_id_a_page_at_a_time_with_their_jobs(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft(f"job-{n}") for n in range(7)], NOW)
    claims = await _hold(store)
    first = await store.list_held(limit=5)
    second = await store.list_held(after=first[-1].occurrence.id, limit=5)
    listed = [*first, *second]
    assert [one.occurrence.id for one in listed] == sorted(one.occurrence.id for one in claims)
    assert all(one.occurrence.job_id == one.job.id for one in listed)
    assert await store.list_held(after=listed[-1].occurrence.id) == []


async def test_a_released_occurrence_is_ready_at_its_instant_under_its_own_id(store: Store) -> None:
    job = await put_job(store)
    [held] = await _hold(store)
    release = Release(occurrence_id=held.occurrence.id, job_id=job.id, fire_at=NOW + MINUTE)
    assert await store.release([release]) == {held.occurrence.id}
    owner = await register(store)
    assert await claim(store, owner, once=True) == []
    again = next(one for one in await claim(store, owner, at=NOW + MINUTE) if one.occurrence.due == NOW)
    assert again.occurrence.id == held.occurrence.id
    assert (again.occurrence.state, again.occurrence.attempt) == (OccurrenceState.CLAIMED, 1)
    assert (again.occurrence.fire_at, again.occurrence.host) == (NOW + MINUTE, "db-0")


async def test_an_occurrence_is_released_once(store: Store) -> None:
    job = await put_job(store)
    [held] = await _hold(store)
    release = Release(occurrence_id=held.occurrence.id, job_id=job.id, fire_at=NOW)
    assert await store.release([release]) == {held.occurrence.id}
    assert await store.release([release]) == frozenset()


async def test_a_release_may_end_the_occurrence_with_a_row_and_its_job(store: Store) -> None:
    job = await put_job(store)
    [held] = await _hold(store, once=True)
    skipped = row(held.occurrence, HistoryStatus.SKIPPED)
    release = Release(occurrence_id=held.occurrence.id, job_id=job.id, row=skipped, job_state=JobState.COMPLETED)
    assert await store.release([release]) == {held.occurrence.id}
    assert await store.list_held() == []
    assert (await stored(store, job)).state is JobState.COMPLETED
    newest = (await store.list_history(job.id, top=1, skip=0))[0]
    assert newest.status is HistoryStatus.SKIPPED


async def test_releasing_what_is_not_there_does_nothing(store: Store) -> None:
    assert await store.release([]) == frozenset()
    ghost = Release(occurrence_id=OccurrenceId("ghost"), job_id=JobId(7), fire_at=NOW)
    assert await store.release([ghost]) == frozenset()


async def test_a_held_occurrence_goes_with_its_job(store: Store) -> None:
    job = await put_job(store)
    await _hold(store)
    await store.delete_job(job.collection_id, job.name)
    assert await store.list_held() == []


async def test_replacing_a_job_leaves_its_held_occurrences(store: Store) -> None:
    job = await put_job(store)
    await _hold(store)
    await store.put_jobs(job.collection_id, [draft("backup", uri="http://new/")], NOW - MINUTE)
    [held] = await store.list_held()
    assert uri_of(held.job) == "http://new/"


async def test_the_last_release_that_is_still_to_come_is_known_by_what_was_held_for(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft(f"job-{n}") for n in range(3)], NOW)
    first, second, third = await _hold(store)
    goes = [(first, NOW + MINUTE), (second, NOW + 2 * MINUTE)]
    await store.release([Release(occurrence_id=one.occurrence.id, job_id=one.job.id, fire_at=at) for one, at in goes])
    assert third.occurrence.id in {held.occurrence.id for held in await store.list_held()}
    assert await store.last_releases(NOW) == {"db-0": NOW + 2 * MINUTE}
    assert await store.last_releases(NOW + 2 * MINUTE) == {}


async def test_a_release_that_is_claimed_but_has_not_come_still_counts_and_what_has_run_does_not(store: Store) -> None:
    job = await put_job(store)
    [held] = await _hold(store, once=True)
    await store.release([Release(occurrence_id=held.occurrence.id, job_id=job.id, fire_at=NOW + MINUTE)])
    owner = await register(store)
    [again] = await claim(store, owner, at=NOW + MINUTE)
    assert await store.last_releases(NOW) == {"db-0": NOW + MINUTE}
    retry = Next(action=ActionName.MAIN, fire_at=NOW + 2 * MINUTE, retries=1)
    await store.settle(owner, [finished(again, following=retry)])
    assert await store.last_releases(NOW) == {}
    [repeated] = await claim(store, owner, at=NOW + 2 * MINUTE)
    assert (repeated.occurrence.host, repeated.occurrence.reason, repeated.occurrence.held_under) == (None, "", "")


async def test_what_was_let_go_and_waits_for_its_turn_stays_though_its_jobs_schedule_is_changed(store: Store) -> None:
    job = await put_job(store)
    [held] = await _hold(store)
    await store.release([Release(occurrence_id=held.occurrence.id, job_id=job.id, fire_at=NOW + MINUTE)])
    await store.put_jobs(job.collection_id, [draft("backup", next_due=NOW + 9 * MINUTE)], NOW + MINUTE / 2)
    assert [row.status for row in await store.list_history(job.id, top=9, skip=0)] == [HistoryStatus.COMPLETED]
    [claimed] = await claim(store, await register(store), at=NOW + MINUTE)
    assert claimed.occurrence.id == held.occurrence.id
