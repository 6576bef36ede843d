"""Occurrences that wait in the store for a later instant: planned into their flexible window, or put off."""

from msgspec.structs import replace

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import Next
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.store.base import Store
from services.scheduler.store.records import Plan
from tests.parts.stored import (
    MINUTE,
    NOW,
    SECOND,
    asked_for,
    claim,
    finished,
    planned,
    put_job,
    register,
    stored,
)

_LATER = NOW + MINUTE


def _into_its_window(job: Job) -> Plan:
    """Plan the due occurrence for a minute later; it is the last one."""
    late = replace(planned(job, NOW), fire_at=_LATER)
    return Plan(occurrences=(late,), next_due=None, planned=1)


async def test_a_job_whose_last_occurrence_waits_for_its_window_is_not_over(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    await store.claim(owner, now=NOW, horizon=NOW, limit=9, plan=_into_its_window)
    await store.add_run(asked_for(job))
    [asked] = await claim(store, owner)
    await store.settle(owner, [finished(asked, job_state=JobState.COMPLETED)])
    assert (await stored(store, job)).state is JobState.ENABLED
    [last] = await claim(store, owner, at=_LATER)
    await store.settle(owner, [finished(last, job_state=JobState.COMPLETED)])
    assert (await stored(store, job)).state is JobState.COMPLETED


async def test_an_occurrence_that_waits_for_its_window_contends_but_has_not_begun(store: Store) -> None:
    await put_job(store)
    owner = await register(store)

    def both(due: Job) -> Plan:
        return replace(_into_its_window(due), occurrences=(*_into_its_window(due).occurrences, planned(due, _soon)))

    _soon = NOW + SECOND
    [claimed] = await store.claim(owner, now=NOW, horizon=_soon, limit=9, plan=both)
    assert (claimed.occurrence.due, claimed.contended) == (_soon, True)
    assert not await store.preceded(owner, [claimed.occurrence.id], now=_soon)
    assert not await store.preceded(owner, [claimed.occurrence.id], now=_LATER)


async def test_an_outcome_that_is_sent_again_is_not_taken_for_that_of_the_next_attempt(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [first] = await claim(store, owner)
    outcomes = [
        finished(first, attempt=1, following=Next(action=ActionName.MAIN, fire_at=NOW, retries=1)),
        finished(first, attempt=1),
    ]
    assert await store.settle(owner, outcomes[:1]) == frozenset()
    [second] = [one for one in await claim(store, owner) if one.occurrence.id == first.occurrence.id]
    for outcome in outcomes:
        assert await store.settle(owner, [outcome]) == {first.occurrence.id}
    assert await store.settle(owner, [finished(second, attempt=2)]) == frozenset()
    assert (await stored(store, job)).counters.execution_count == 2


async def test_a_deferred_claim_comes_back_at_its_instant_with_the_same_attempt(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    deferral = finished(claimed, rows=(), main_attempts=0, last_execution_time=None, deferred_until=_LATER)
    assert await store.settle(owner, [deferral]) == frozenset()
    assert await claim(store, owner, at=_LATER - 2 * SECOND) == []
    assert await store.list_history(job.id, top=9, skip=0) == []
    again = next(one for one in await claim(store, owner, at=_LATER) if one.occurrence.id == claimed.occurrence.id)
    assert again.occurrence == replace(claimed.occurrence, fire_at=_LATER)
    assert again.job.counters == claimed.job.counters


async def test_a_deferral_of_a_claim_taken_over_is_refused(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner, once=True)
    await store.resign(owner)
    [theirs] = await claim(store, await register(store, "two"))
    late = finished(claimed, rows=(), deferred_until=_LATER)
    assert await store.settle(owner, [late]) == frozenset({claimed.occurrence.id})
    assert theirs.occurrence.id == claimed.occurrence.id


async def test_a_deferred_claim_contends_with_the_next_one_of_its_job(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    await store.settle(owner, [finished(claimed, rows=(), deferred_until=NOW + 2 * MINUTE)])
    [following] = await claim(store, owner, at=NOW + MINUTE)
    assert following.contended
