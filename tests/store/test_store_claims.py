"""Claims: what is taken, in which order, and how jobs advance."""

import pytest
from msgspec.structs import replace

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import Next, OccurrenceState
from services.scheduler.domain.jobs import Job, JobState
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
    every_minute,
    finished,
    planned,
    put_collection,
    put_job,
    register,
    stored,
)


async def test_a_due_job_is_claimed_once_and_advances(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    assert claimed.occurrence == replace(planned(job, NOW), state=OccurrenceState.CLAIMED)
    assert not claimed.contended
    assert claimed.job == await stored(store, job)
    assert (claimed.job.next_due, claimed.job.planned, claimed.job.revision) == (NOW + MINUTE, 1, 1)
    assert await claim(store, owner) == []


async def test_claims_look_ahead_up_to_the_horizon(store: Store) -> None:
    job = await put_job(store, next_due=NOW + SECOND)
    owner = await register(store)
    assert await store.claim(owner, now=NOW, horizon=NOW, limit=9, plan=every_minute) == []
    [claimed] = await store.claim(owner, now=NOW, horizon=NOW + SECOND, limit=9, plan=every_minute)
    assert claimed.occurrence.due == job.next_due


async def test_ready_occurrences_come_first_then_jobs_by_due_time_within_the_limit(store: Store) -> None:
    collection = await put_collection(store)
    drafts = [draft(f"job-{n}", next_due=NOW - n * SECOND) for n in range(5)]
    jobs = [one.job for one in await store.put_jobs(collection.id, drafts, NOW)]
    await store.add_run(asked_for(jobs[0], "late", NOW))
    await store.add_run(asked_for(jobs[0], "early", NOW - MINUTE))
    owner = await register(store)
    first = await claim(store, owner, limit=4)
    second = await claim(store, owner, limit=4)
    assert [one.occurrence.due for one in first] == [NOW - MINUTE, NOW, NOW - 4 * SECOND, NOW - 3 * SECOND]
    assert [one.occurrence.due for one in second] == [NOW - 2 * SECOND, NOW - SECOND, NOW]


async def test_a_plan_may_finish_a_job_without_running_it(store: Store) -> None:
    job = await put_job(store)
    plan = Plan(next_due=None, planned=0, final_state=JobState.COMPLETED)
    owner = await register(store)
    assert await store.claim(owner, now=NOW, horizon=NOW, limit=9, plan=lambda _: plan) == []
    assert (await stored(store, job)).state is JobState.COMPLETED


async def test_a_plan_of_several_occurrences_claims_them_all(store: Store) -> None:
    job = await put_job(store)
    dues = [NOW - 2 * MINUTE, NOW - MINUTE, NOW]
    plan = Plan(occurrences=tuple(planned(job, due) for due in dues), next_due=NOW + MINUTE, planned=3)
    owner = await register(store)
    claims = await store.claim(owner, now=NOW, horizon=NOW, limit=9, plan=lambda _: plan)
    assert [one.occurrence.due for one in claims] == dues
    assert not any(one.contended for one in claims)


async def test_a_planned_occurrence_that_exists_is_left_out(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    again = Plan(occurrences=(planned(job, NOW), planned(job, NOW + MINUTE)), next_due=None, planned=2)
    claims = await store.claim(owner, now=NOW, horizon=NOW + MINUTE, limit=9, plan=lambda _: again)
    assert [one.occurrence.due for one in claims] == [NOW + MINUTE]
    assert await store.settle(owner, [finished(claimed)]) == frozenset()


async def test_a_plan_that_fails_claims_nothing(store: Store) -> None:
    job = await put_job(store)
    await store.add_run(asked_for(job))
    owner = await register(store)

    def broken(_: Job) -> Plan:
        raise ArithmeticError("no such day")

    with pytest.raises(ArithmeticError):
        await store.claim(owner, now=NOW, horizon=NOW, limit=9, plan=broken)
    assert (await store.gauges(NOW)).occurrences == {"ready": 1}
    assert len(await claim(store, owner)) == 2


async def test_a_claim_is_contended_while_a_retry_of_its_job_waits(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    [first] = await claim(store, owner)
    retry = Next(action=ActionName.MAIN, fire_at=NOW + 10 * MINUTE, retries=1)
    await store.settle(owner, [finished(first, following=retry)])
    [second] = await claim(store, owner, at=NOW + MINUTE)
    assert second.contended
    assert await store.preceded(owner, [second.occurrence.id], now=NOW)
    assert not await store.preceded(owner, [first.occurrence.id], now=NOW)


async def test_what_is_held_or_owned_does_not_contend(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    [first] = await claim(store, owner)
    await store.settle(owner, [finished(first, held_for="db-0", reason="reboot")])
    [second] = await claim(store, owner, at=NOW + MINUTE)
    [third] = await claim(store, owner, at=NOW + 2 * MINUTE)
    assert not second.contended
    assert not third.contended
    assert not await store.preceded(owner, [third.occurrence.id], now=NOW + 2 * MINUTE)


async def test_another_replicas_claim_contends(shared_store: Store) -> None:
    await put_job(shared_store)
    mine, theirs = await register(shared_store, "a"), await register(shared_store, "b")
    [first] = await claim(shared_store, mine)
    [second] = await claim(shared_store, theirs, at=NOW + MINUTE)
    assert not first.contended
    assert second.contended
    assert await shared_store.preceded(theirs, [second.occurrence.id], now=NOW)
    await shared_store.settle(mine, [finished(first)])
    assert not await shared_store.preceded(theirs, [second.occurrence.id], now=NOW)


async def test_of_two_that_come_at_the_same_time_on_two_replicas_only_the_later_one_waits(
    shared_store: Store,
) -> None:
    job = await put_job(shared_store)
    mine, theirs = await register(shared_store, "a"), await register(shared_store, "b")
    [first] = await claim(shared_store, mine)
    [second] = await claim(shared_store, theirs, at=NOW + MINUTE)
    late = NOW + 5 * MINUTE
    assert not await shared_store.preceded(mine, [first.occurrence.id], now=late)
    assert await shared_store.preceded(theirs, [second.occurrence.id], now=late)
    await shared_store.add_run(asked_for(job))
    [asked] = await claim(shared_store, theirs)
    assert asked.occurrence.manual
    assert await shared_store.preceded(mine, [first.occurrence.id], now=late)
