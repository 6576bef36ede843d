"""Outcomes: how claims end or go on, and what they add to their job."""

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import HistoryStatus, Next, OccurrenceState
from services.scheduler.domain.jobs import JobCounters, JobState, LastRun
from services.scheduler.store.base import Store
from tests.parts.stored import (
    MINUTE,
    NOW,
    SECOND,
    asked_for,
    claim,
    draft,
    finished,
    put_collection,
    put_job,
    register,
    row,
    stored,
)


async def test_a_finished_occurrence_leaves_the_table_for_history(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    assert await store.settle(owner, [finished(claimed)]) == frozenset()
    assert (await store.gauges(NOW)).occurrences == {}
    assert len(await store.list_history(job.id, top=10, skip=0)) == 1
    assert await store.settle(owner, [finished(claimed)]) == {claimed.occurrence.id}
    assert len(await store.list_history(job.id, top=10, skip=0)) == 1


async def test_no_outcomes_write_nothing(store: Store) -> None:
    assert await store.settle(await register(store), []) == frozenset()


async def test_counters_add_up_over_a_batch_of_hundreds(store: Store) -> None:
    collection = await put_collection(store)
    jobs = [one.job for one in await store.put_jobs(collection.id, [draft(f"j{n}") for n in range(300)], NOW)]
    for number in (1, 2):
        await store.add_run(asked_for(jobs[0], f"run-{number}"))
    owner = await register(store)
    claims = await claim(store, owner)
    outcomes = [
        finished(one, failures=1, faulted=True, last_execution_time=NOW - number * SECOND)
        for number, one in enumerate(claims)
    ]
    assert await store.settle(owner, outcomes) == frozenset()
    assert len(claims) == 302
    first, last = await stored(store, jobs[0]), await stored(store, jobs[-1])
    assert first.counters == JobCounters(
        execution_count=3, failure_count=3, faulted_count=3, last_execution_time=NOW, last_run=LastRun.FAILED
    )
    assert last.counters.execution_count == 1


async def test_an_outcome_that_says_nothing_of_counters_changes_none(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    before = await stored(store, job)
    await store.settle(owner, [finished(claimed, main_attempts=0, last_execution_time=None)])
    assert await stored(store, job) == before


async def test_a_retry_waits_for_anybody_with_a_higher_attempt(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    retry = Next(action=ActionName.ERROR, fire_at=NOW + 30 * SECOND, retries=2)
    await store.settle(owner, [finished(claimed, following=retry)])
    assert await claim(store, owner, at=NOW + 28 * SECOND) == []
    [again] = await claim(store, owner, at=NOW + 30 * SECOND)
    occurrence = again.occurrence
    assert (occurrence.id, occurrence.due) == (claimed.occurrence.id, NOW)
    assert (occurrence.attempt, occurrence.retries, occurrence.action) == (2, 2, ActionName.ERROR)
    assert occurrence.fire_at == NOW + 30 * SECOND


async def test_the_last_outcome_moves_a_job_without_a_future(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner, once=True)
    assert (await stored(store, job)).state is JobState.ENABLED
    await store.settle(owner, [finished(claimed, job_state=JobState.FAULTED)])
    assert (await stored(store, job)).state is JobState.FAULTED


async def test_a_job_with_more_to_come_stays_as_it_is(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    await store.settle(owner, [finished(claimed, job_state=JobState.COMPLETED)])
    assert (await stored(store, job)).state is JobState.ENABLED


async def test_a_disabled_job_is_not_completed(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner, once=True)
    await store.put_jobs(job.collection_id, [draft("backup", state=JobState.DISABLED, next_due=None)], NOW)
    await store.settle(owner, [finished(claimed, job_state=JobState.COMPLETED)])
    assert (await stored(store, job)).state is JobState.DISABLED


async def test_only_the_last_unfinished_occurrence_completes_its_job(store: Store) -> None:
    job = await put_job(store)
    await store.add_run(asked_for(job))
    owner = await register(store)
    first, second = await claim(store, owner, once=True)
    await store.settle(owner, [finished(first, job_state=JobState.COMPLETED)])
    assert (await stored(store, job)).state is JobState.ENABLED
    await store.settle(owner, [finished(second, job_state=JobState.COMPLETED)])
    assert (await stored(store, job)).state is JobState.COMPLETED


async def test_the_last_two_occurrences_settled_together_complete_their_job(store: Store) -> None:
    job = await put_job(store)
    await store.add_run(asked_for(job))
    owner = await register(store)
    claims = await claim(store, owner, once=True)
    await store.settle(owner, [finished(one, job_state=JobState.COMPLETED) for one in claims])
    assert (await stored(store, job)).state is JobState.COMPLETED


async def test_an_occurrence_skipped_by_overlap_does_not_count(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    skipped = row(claimed.occurrence, HistoryStatus.SKIPPED)
    outcome = finished(claimed, rows=(skipped,), main_attempts=0, unplan=True, replan=NOW + 5 * MINUTE)
    await store.settle(owner, [outcome])
    after = await stored(store, job)
    assert (after.planned, after.next_due) == (0, NOW + MINUTE)


async def test_a_skipped_last_occurrence_is_planned_anew(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner, once=True)
    outcome = finished(claimed, unplan=True, replan=NOW + 5 * MINUTE, job_state=JobState.COMPLETED)
    await store.settle(owner, [outcome])
    after = await stored(store, job)
    assert (after.planned, after.next_due, after.state) == (0, NOW + 5 * MINUTE, JobState.ENABLED)


async def test_outcomes_of_some_claims_are_written_though_others_are_refused(store: Store) -> None:
    kept, deleted = await put_job(store, "kept"), await put_job(store, "deleted")
    owner = await register(store)
    claims = {one.job.id: one for one in await claim(store, owner)}
    await store.delete_job(deleted.collection_id, "deleted")
    refused = await store.settle(owner, [finished(one) for one in claims.values()])
    assert refused == {claims[deleted.id].occurrence.id}
    assert (await stored(store, kept)).counters.execution_count == 1


async def test_a_held_occurrence_is_nobodys_and_says_why(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    postponed = row(claimed.occurrence, HistoryStatus.POSTPONED)
    await store.settle(
        owner, [finished(claimed, rows=(postponed,), held_for="db-0", held_under="Reboot", reason="reboot announced")]
    )
    [held] = await store.list_held()
    assert (held.occurrence.state, held.occurrence.host) == (OccurrenceState.HELD, "db-0")
    assert (held.occurrence.reason, held.occurrence.held_under, held.occurrence.attempt) == (
        "reboot announced",
        "Reboot",
        1,
    )
    assert await store.settle(owner, [finished(claimed)]) == {claimed.occurrence.id}
