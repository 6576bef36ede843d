"""Occurrences that wait in their job's flexible window: nobody's until their instant, whatever happens meanwhile."""

from msgspec.structs import replace

from services.scheduler.domain.executions import HistoryStatus, Occurrence
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.store.base import Store
from services.scheduler.store.progress import REPLANNED
from services.scheduler.store.records import Claim, JobDraft, Ownership, Written
from tests.parts.builders import uri_of
from tests.parts.stored import MINUTE, NOW, SECOND, claim, draft, finished, planned, put_job, register, stored

WAIT = 20 * SECOND


async def claim_at(store: Store, owner: Ownership, seconds: int, *, once: bool = False) -> list[Claim]:
    return await claim(store, owner, at=NOW + seconds * SECOND, once=once, wait=WAIT)


async def write(store: Store, job: Job, at: int = 5, **changes: object) -> Job:
    made: JobDraft = replace(draft(job.name, next_due=NOW + 10 * MINUTE), **{"replan": False, **changes})
    written: list[Written] = await store.put_jobs(job.collection_id, [made], NOW + at * SECOND)
    return written[0].job


def waiting(job: Job) -> Occurrence:
    return replace(planned(job, NOW), fire_at=NOW + WAIT)


async def test_what_starts_later_in_its_window_is_left_for_anybody_until_then(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    assert await claim_at(store, owner, 0) == []
    assert (await stored(store, job)).planned == 1
    assert await store.list_claims(owner) == []
    assert await claim_at(store, owner, 18) == []
    [claimed] = await claim_at(store, owner, 19)
    assert claimed.occurrence == waiting(job)
    assert await store.settle(owner, [finished(claimed)]) == frozenset()


async def test_what_waits_in_its_window_is_in_nobodys_way(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    await claim_at(store, owner, 0)
    await claim_at(store, owner, 59)
    [first] = await store.list_claims(owner)
    for later in (70, 80, 200):
        assert not await store.preceded(owner, [first.occurrence.id], now=NOW + later * SECOND)


async def test_a_changed_job_goes_on_with_what_waits_in_its_window(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    await claim_at(store, owner, 0)
    changed = await write(store, job, definition=draft("backup", uri="http://10.0.0.9/").definition)
    assert changed.planned == 1
    [claimed] = await claim_at(store, owner, 20)
    assert (claimed.occurrence.due, uri_of(claimed.job)) == (NOW, "http://10.0.0.9/")


async def test_a_changed_schedule_takes_what_waits_in_its_window_with_it_and_history_says_so(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    await claim_at(store, owner, 0)
    changed = await write(store, job, replan=True)
    assert (changed.planned, changed.next_due) == (0, NOW + 10 * MINUTE)
    assert await claim_at(store, owner, 20) == []
    [row] = await store.list_history(job.id, top=9, skip=0)
    assert (row.status, row.reason, row.scheduled_time) == (HistoryStatus.SKIPPED, REPLANNED, NOW)


async def test_a_changed_schedule_leaves_what_has_begun(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    await claim_at(store, owner, 0)
    [claimed] = await claim_at(store, owner, 20)
    await write(store, job, at=21, replan=True)
    assert await store.settle(owner, [finished(claimed)]) == frozenset()


async def test_a_job_written_while_its_last_occurrence_waits_is_completed_by_that_one(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    await claim_at(store, owner, 0, once=True)
    await write(store, job, state=JobState.DISABLED, next_due=None)
    assert (await write(store, job, next_due=None)).state is JobState.ENABLED
    [claimed] = await claim_at(store, owner, 20, once=True)
    await store.settle(owner, [finished(claimed, job_state=JobState.COMPLETED)])
    assert (await stored(store, job)).state is JobState.COMPLETED


async def test_a_job_that_is_left_with_nothing_to_do_by_a_write_is_completed(store: Store) -> None:
    job = await put_job(store)
    assert (await write(store, job, next_due=None, replan=True)).state is JobState.COMPLETED
    assert (await stored(store, job)).state is JobState.COMPLETED


async def test_a_rescued_claim_of_a_window_that_had_not_come_keeps_its_attempt_and_instant(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    await claim_at(store, owner, 0)
    assert await claim_at(store, owner, 19)
    await store.resign(owner)
    [again] = await claim_at(store, await register(store), 20)
    assert again.occurrence == waiting(job)
