"""Lives of replicas: registration, lease, fencing, rescue."""

from datetime import timedelta

import pytest

from services.scheduler.errors import LeaseLostError
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Ownership,
    SessionId,
)
from tests.parts.stored import (
    LEASE,
    MINUTE,
    NOW,
    SECOND,
    claim,
    draft,
    finished,
    only_once,
    put_collection,
    put_job,
    register,
    rescue,
)

_DEAD = NOW + LEASE


async def test_each_life_has_a_session_of_its_own_and_a_higher_fence(store: Store) -> None:
    first = await register(store)
    await store.resign(first)
    second = await register(store)
    assert first.session != second.session
    assert first.fence < second.fence


async def test_a_session_lives_until_it_is_taken_over(store: Store) -> None:
    owner = await register(store)
    assert await store.live_sessions() == [owner.session]
    await rescue(store, _DEAD)
    assert await store.live_sessions() == []


async def test_a_life_tells_how_long_it_may_be_silent_and_each_renewal_changes_it(store: Store) -> None:
    owner = await register(store)
    [before] = await store.lives()
    await store.renew(owner, NOW + SECOND, MINUTE)
    [after] = await store.lives()
    assert (before.owner, before.replica, before.lease) == (owner, "scheduler-0", LEASE)
    assert (after.lease, after.lease_until) == (MINUTE, before.lease_until + SECOND - LEASE + MINUTE)


async def test_a_life_that_was_renewed_since_it_was_seen_is_not_taken_over(store: Store) -> None:
    owner = await register(store)
    seen = await store.lives()
    await store.renew(owner, NOW + SECOND, LEASE)
    assert await store.take_over(seen, _DEAD + MINUTE) == {}
    await store.renew(owner, _DEAD + MINUTE, LEASE)


async def test_a_takeover_tells_what_each_life_had(shared_store: Store) -> None:
    for number in range(3):
        await put_job(shared_store, f"job-{number}")
    one, two = await register(shared_store, "a"), await register(shared_store, "b")
    await claim(shared_store, one, limit=2)
    await claim(shared_store, two, limit=1)
    assert await shared_store.take_over(await shared_store.lives(), _DEAD) == {one.session: 2, two.session: 1}


async def test_rescue_raises_the_attempt_of_what_may_have_been_sent(store: Store) -> None:
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [draft("came"), draft("ahead", next_due=_DEAD + SECOND)], NOW)
    await store.claim(
        await register(store),
        now=NOW,
        horizon=_DEAD + SECOND,
        limit=10,
        plan=only_once,
    )
    assert await rescue(store, _DEAD - SECOND) == 0
    assert await rescue(store, _DEAD) == 2
    claims = await claim(store, await register(store, at=_DEAD), at=_DEAD)
    assert {(one.job.name, one.occurrence.attempt) for one in claims} == {("came", 2), ("ahead", 1)}


async def test_rescue_counts_as_sent_what_an_owner_whose_clock_is_a_little_ahead_may_have_sent(store: Store) -> None:
    await put_job(store)
    await claim(store, await register(store))
    early = NOW - timedelta(milliseconds=400)
    assert sum((await store.take_over(await store.lives(), early)).values()) == 1
    [again] = await claim(store, await register(store))
    assert again.occurrence.attempt == 2


async def test_nothing_of_a_rescued_session_is_taken_any_more(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    await rescue(store, _DEAD)
    with pytest.raises(LeaseLostError, match=owner.session):
        await store.renew(owner, _DEAD, LEASE)
    with pytest.raises(LeaseLostError, match=owner.session):
        await claim(store, owner, at=_DEAD)
    assert await store.settle(owner, [finished(claimed)]) == {claimed.occurrence.id}
    await store.resign(owner)
    assert (await store.gauges(_DEAD)).occurrences == {"ready": 1}


async def test_a_late_outcome_does_not_touch_the_new_owners_claim(store: Store) -> None:
    job = await put_job(store)
    dead = await register(store)
    [stale] = await claim(store, dead)
    await rescue(store, _DEAD)
    alive = await register(store, at=_DEAD)
    fresh = next(one for one in await claim(store, alive, at=_DEAD) if one.occurrence.due == NOW)
    assert (fresh.occurrence.id, fresh.occurrence.attempt) == (stale.occurrence.id, 2)
    assert await store.settle(dead, [finished(stale)]) == {stale.occurrence.id}
    assert await store.settle(alive, [finished(fresh)]) == frozenset()
    assert len(await store.list_history(job.id, top=10, skip=0)) == 1


async def test_a_forged_owner_is_refused(store: Store) -> None:
    owner = await register(store)
    with pytest.raises(LeaseLostError):
        await store.renew(Ownership(SessionId("somebody"), owner.fence), NOW, LEASE)
    with pytest.raises(LeaseLostError):
        await store.renew(Ownership(owner.session, owner.fence + 1), NOW, LEASE)


async def test_resigning_gives_claims_back_with_the_same_attempt(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    await store.resign(owner)
    await store.resign(owner)
    assert await store.live_sessions() == []
    [again] = await claim(store, await register(store))
    assert (again.occurrence.id, again.occurrence.attempt) == (claimed.occurrence.id, 1)


async def test_a_living_replica_keeps_its_claims_when_another_is_rescued(shared_store: Store) -> None:
    collection = await put_collection(shared_store)
    await shared_store.put_jobs(collection.id, [draft("a"), draft("b")], NOW)
    dead, alive = await register(shared_store, "a"), await register(shared_store, "b")
    [lost] = await claim(shared_store, dead, limit=1)
    [kept] = await claim(shared_store, alive, limit=1)
    await shared_store.renew(alive, NOW + SECOND, LEASE)
    assert await rescue(shared_store, _DEAD) == 1
    assert await shared_store.settle(alive, [finished(kept)]) == frozenset()
    assert await shared_store.settle(dead, [finished(lost)]) == {lost.occurrence.id}
