"""Jobs: writing, replacing, reading, deleting."""

from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from services.scheduler.domain.collections import CollectionId, CollectionState
from services.scheduler.domain.executions import OccurrenceState
from services.scheduler.domain.jobs import JobCounters, JobState
from services.scheduler.errors import ConflictError, NoRoomError, NotFoundError
from services.scheduler.store.base import Store
from services.scheduler.store.progress import progress_of
from tests.parts.builders import uri_of
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
    stored,
)


async def test_a_job_comes_back_as_it_was_put(store: Store) -> None:
    collection = await put_collection(store, "Nightly")
    made = draft("Báckup-夜", uri="http://10.0.0.4/ünï?q='\"\\")
    [written] = await store.put_jobs(collection.id, [made], NOW)
    job = written.job
    assert written.created
    assert (job.uid, job.name, job.definition, job.revision) == (made.uid, made.name, made.definition, 1)
    assert (job.collection, job.anchor, job.next_due, job.counters) == ("Nightly", NOW, NOW, JobCounters())
    assert await store.get_job(collection.id, "bÁCKUP-夜") == job


async def test_instants_keep_their_milliseconds(store: Store) -> None:
    due = NOW + timedelta(milliseconds=1)
    job = await put_job(store, next_due=due)
    assert (await stored(store, job)).next_due == due


async def test_a_replaced_job_keeps_its_identity_and_rises_in_revision(store: Store) -> None:
    job = await put_job(store, "Backup")
    [written] = await store.put_jobs(job.collection_id, [draft("BACKUP", uri="http://new/", uid="other")], NOW + SECOND)
    again = written.job
    assert not written.created
    assert (again.id, again.uid, again.name, again.revision) == (job.id, job.uid, "Backup", 2)
    assert (again.created_at, again.updated_at) == (NOW, NOW + SECOND)
    assert uri_of(again) == "http://new/"
    assert again == await stored(store, job)


async def test_an_outdated_revision_conflicts_and_nothing_of_the_batch_is_written(store: Store) -> None:
    job = await put_job(store)
    batch = [draft("new"), draft("backup", uri="http://new/", revision=7)]
    with pytest.raises(ConflictError, match="backup"):
        await store.put_jobs(job.collection_id, batch, NOW)
    assert await stored(store, job) == job
    assert await store.count_jobs(job.collection_id) == 1
    [written] = await store.put_jobs(job.collection_id, [draft("backup", revision=1)], NOW)
    assert written.job.revision == 2


async def test_a_revision_of_a_job_that_is_gone_conflicts(store: Store) -> None:
    collection = await put_collection(store)
    with pytest.raises(ConflictError, match="backup"):
        await store.put_jobs(collection.id, [draft("backup", revision=1)], NOW)


async def test_jobs_of_a_collection_that_is_gone_are_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError):
        await store.put_jobs(CollectionId(77), [draft("backup")], NOW)
    with pytest.raises(NotFoundError):
        await store.get_job(CollectionId(77), "backup")
    with pytest.raises(NotFoundError):
        await store.delete_job(CollectionId(77), "backup")


async def test_ten_thousand_jobs_are_written_at_once_and_replaced_at_once(store: Store) -> None:
    collection = await put_collection(store)
    drafts = [draft(f"job-{number:05}") for number in range(10_000)]
    created = await store.put_jobs(collection.id, drafts, NOW)
    replaced = await store.put_jobs(collection.id, list(reversed(drafts)), NOW)
    assert [one.job.name for one in created] == [one.name for one in drafts]
    assert all(one.created for one in created)
    assert [one.job.name for one in replaced] == [one.name for one in reversed(drafts)]
    assert {(one.created, one.job.revision) for one in replaced} == {(False, 2)}
    assert await store.count_jobs(collection.id) == 10_000


async def test_the_same_name_twice_in_a_batch_is_created_then_replaced(store: Store) -> None:
    collection = await put_collection(store)
    written = await store.put_jobs(collection.id, [draft("a"), draft("b"), draft("A", uri="http://two/")], NOW)
    assert [(one.job.name, one.created, one.job.revision) for one in written] == [
        ("a", True, 1),
        ("b", True, 1),
        ("a", False, 2),
    ]
    assert written[2].job == await store.get_job(collection.id, "a")


async def test_an_empty_batch_writes_nothing(store: Store) -> None:
    collection = await put_collection(store)
    assert await store.put_jobs(collection.id, [], NOW) == []


async def test_jobs_are_listed_by_name_without_regard_to_case_a_page_at_a_time(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft(name) for name in ("b", "A", "a_1", "a-1", "C", "a.1", "é")], NOW)
    names = [job.name for job in await store.list_jobs(collection.id, top=100, skip=0)]
    assert names == ["A", "a-1", "a.1", "a_1", "b", "C", "é"]
    assert all(first.casefold() < second.casefold() for first, second in pairwise(names))
    assert [job.name for job in await store.list_jobs(collection.id, top=2, skip=3)] == ["a_1", "b"]


async def test_jobs_are_listed_by_the_state_that_readers_see(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft(state.value, state=state) for state in JobState], NOW)

    async def names(state: JobState) -> list[str]:
        return [job.name for job in await store.list_jobs(collection.id, state=state, top=9, skip=0)]

    assert [await names(state) for state in JobState] == [["enabled"], ["disabled"], ["completed"], ["faulted"]]
    await put_collection(store, state=CollectionState.SUSPENDED)
    assert await names(JobState.ENABLED) == []
    assert await names(JobState.DISABLED) == ["disabled", "enabled"]
    assert await names(JobState.FAULTED) == ["faulted"]


async def test_a_deleted_job_leaves_nothing_and_its_name_is_free(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    assert await store.delete_job(job.collection_id, "BACKUP") == job.id
    with pytest.raises(NotFoundError, match="backup"):
        await stored(store, job)
    assert await store.settle(owner, [finished(claimed)]) == {claimed.occurrence.id}
    assert await store.list_history(job.id, top=10, skip=0) == []
    assert (await put_job(store, uid="new")).id != job.id


async def test_replacing_a_job_drops_what_was_planned_ahead_and_uncounts_it(store: Store) -> None:
    job = await put_job(store, next_due=NOW + SECOND)
    owner = await register(store)
    [ahead] = await claim(store, owner)
    assert (await stored(store, job)).planned == 1
    made = replace(draft("backup", next_due=NOW + MINUTE), withheld=frozenset([ahead.occurrence.id]))
    [written] = await store.put_jobs(job.collection_id, [made], NOW)
    assert (written.job.planned, written.job.next_due) == (0, NOW + MINUTE)
    assert await store.settle(owner, [finished(ahead)]) == {ahead.occurrence.id}


async def test_replacing_a_job_leaves_what_is_claimed_and_may_be_started_and_never_plans_it_again(
    store: Store,
) -> None:
    job = await put_job(store, next_due=NOW + SECOND)
    owner = await register(store)
    [ahead] = await claim(store, owner)
    every_half = replace(draft("backup"), due_after=lambda last: last + SECOND / 2)
    [written] = await store.put_jobs(job.collection_id, [every_half], NOW)
    assert (written.job.planned, written.job.next_due) == (1, NOW + 1.5 * SECOND)
    assert await store.settle(owner, [finished(ahead)]) == frozenset()


async def test_a_job_whose_timing_stays_is_due_when_it_was(store: Store) -> None:
    job = await put_job(store, next_due=NOW + SECOND)
    owner = await register(store)
    [ahead] = await claim(store, owner)
    due = (await stored(store, job)).next_due
    same = replace(draft("backup", next_due=NOW + 99 * MINUTE), replan=False)
    [kept] = await store.put_jobs(job.collection_id, [same], NOW)
    assert (kept.job.planned, kept.job.next_due) == (1, due)
    [dropped] = await store.put_jobs(job.collection_id, [replace(same, withheld=frozenset([ahead.occurrence.id]))], NOW)
    assert (dropped.job.planned, dropped.job.next_due) == (0, ahead.occurrence.due)


async def test_a_change_of_timing_made_from_a_job_that_has_come_due_since_is_refused(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    made = replace(draft("backup"), expected=progress_of(job))
    await claim(store, owner)
    with pytest.raises(ConflictError, match="came due while the change was made"):
        await store.put_jobs(job.collection_id, [made], NOW)


async def test_replacing_a_job_leaves_what_has_come_due_or_was_asked_for(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [running] = await claim(store, owner)
    later = asked_for(job, at=NOW + MINUTE)
    assert await store.add_run(later)
    await store.put_jobs(job.collection_id, [draft("backup")], NOW)
    assert await store.settle(owner, [finished(running)]) == frozenset()
    assert (await store.gauges(NOW)).occurrences == {"ready": 1}
    assert (await stored(store, job)).planned == 1


async def test_starting_a_job_anew_resets_it_and_drops_every_occurrence(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [first] = await claim(store, owner)
    await store.settle(owner, [finished(first, failures=1, faulted=True)])
    [running] = await claim(store, owner, at=NOW + MINUTE)
    made = draft("backup", restart=True, next_due=NOW + MINUTE)
    [written] = await store.put_jobs(job.collection_id, [made], NOW + MINUTE)
    assert (written.job.planned, written.job.counters, written.job.revision) == (0, JobCounters(), 2)
    assert await stored(store, job) == written.job
    assert await store.settle(owner, [finished(running)]) == {running.occurrence.id}
    assert len(await store.list_history(job.id, top=10, skip=0)) == 1


async def test_a_job_that_is_not_started_anew_keeps_counters_and_anchor(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    await store.settle(owner, [finished(one) for one in await claim(store, owner)])
    before = await stored(store, job)
    [written] = await store.put_jobs(job.collection_id, [draft("backup", state=JobState.DISABLED)], NOW)
    assert (written.job.counters, written.job.planned) == (before.counters, 1)
    assert (written.job.anchor, written.job.state) == (before.anchor, JobState.DISABLED)


async def test_a_disabled_job_is_not_claimed_but_a_run_of_it_is(store: Store) -> None:
    job = await put_job(store, state=JobState.DISABLED)
    owner = await register(store)
    assert await claim(store, owner) == []
    await store.add_run(asked_for(job))
    [claimed] = await claim(store, owner)
    assert claimed.occurrence.manual
    assert claimed.occurrence.state is OccurrenceState.CLAIMED
    assert claimed.job == job
    assert planned(job, NOW).id != claimed.occurrence.id


async def test_jobs_beyond_the_room_of_their_collection_are_not_created(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft("a"), draft("b")], NOW, most=2)
    with pytest.raises(NoRoomError, match="may have 2 jobs and would have 4"):
        await store.put_jobs(collection.id, [draft("a"), draft("c"), draft("d")], NOW, most=2)
    assert await store.count_jobs(collection.id) == 2
    await store.put_jobs(collection.id, [draft("a")], NOW, most=1)  # a limit lowered since locks nothing out


async def test_jobs_are_found_by_their_names_in_any_case(store: Store) -> None:
    jobs = {name: await put_job(store, name) for name in ("one", "Two", "three")}
    found = await store.find_jobs(jobs["one"].collection_id, ["ONE", "two", "ghost"])
    assert sorted(found, key=lambda job: job.id) == [jobs["one"], jobs["Two"]]
    assert await store.find_jobs(jobs["one"].collection_id, []) == []


async def test_a_walk_through_jobs_goes_on_after_the_last_one(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft(name) for name in ("b", "A", "c", "D")], NOW)
    first = await store.list_jobs(collection.id, top=2, skip=0)
    second = await store.list_jobs(collection.id, after=first[-1].name.upper(), top=2, skip=0)
    assert [job.name for job in [*first, *second]] == ["A", "b", "c", "D"]
    assert await store.list_jobs(collection.id, after="D", top=2, skip=0) == []


async def test_jobs_are_counted_no_further_than_asked(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft(f"job-{number}") for number in range(5)], NOW)
    assert [await store.count_jobs(collection.id, at_most=limit) for limit in (None, 3, 9)] == [5, 3, 5]


async def test_many_jobs_are_deleted_at_once_and_only_those_of_the_collection(store: Store) -> None:
    jobs = [await put_job(store, f"job-{number}") for number in range(4)]
    other = await put_collection(store, "other")
    [elsewhere] = await store.put_jobs(other.id, [draft("elsewhere")], NOW)
    wanted = [jobs[0].id, jobs[2].id, elsewhere.job.id]
    assert sorted(await store.delete_jobs(jobs[0].collection_id, wanted)) == sorted(wanted[:2])
    assert await store.delete_jobs(jobs[0].collection_id, wanted) == []
    left = await store.list_jobs(jobs[0].collection_id, top=10, skip=0)
    assert [job.name for job in left] == ["job-1", "job-3"]
    assert await store.count_jobs(other.id) == 1
