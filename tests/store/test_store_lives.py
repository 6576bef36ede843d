"""Lives of replicas: registration, lease, fencing, rescue."""

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
)

_DEAD = NOW + LEASE


async def test_each_life_has_a_session_of_its_own_and_a_higher_fence(store: Store) -> None:
    first = await register(store)
    await store.resign(first)
    second = await register(store)
    assert first.session != second.session
    assert first.fence < second.fence


async def test_a_session_lives_as_long_as_its_lease(store: Store) -> None:
    owner = await register(store)
    assert await store.live_sessions(_DEAD - SECOND) == [owner.session]
    assert await store.live_sessions(_DEAD) == []
    await store.renew(owner, NOW + SECOND, LEASE)
    assert await store.live_sessions(_DEAD) == [owner.session]


async def test_an_ended_lease_may_be_renewed_until_somebody_rescues(store: Store) -> None:
    owner = await register(store)
    await store.renew(owner, _DEAD + MINUTE, LEASE)
    assert await store.live_sessions(_DEAD + MINUTE) == [owner.session]
    assert await store.rescue(_DEAD + MINUTE) == 0
    await store.renew(owner, _DEAD + MINUTE, LEASE)


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
    assert await store.rescue(_DEAD - SECOND) == 0
    assert await store.rescue(_DEAD) == 2
    claims = await claim(store, await register(store, at=_DEAD), at=_DEAD)
    assert {(one.job.name, one.occurrence.attempt) for one in claims} == {("came", 2), ("ahead", 1)}


async def test_nothing_of_a_rescued_session_is_taken_any_more(store: Store) -> None:
    await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    await store.rescue(_DEAD)
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
    await store.rescue(_DEAD)
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
    assert await store.live_sessions(NOW) == []
    [again] = await claim(store, await register(store))
    assert (again.occurrence.id, again.occurrence.attempt) == (claimed.occurrence.id, 1)


async def test_a_living_replica_keeps_its_claims_when_another_is_rescued(shared_store: Store) -> None:
    collection = await put_collection(shared_store)
    await shared_store.put_jobs(collection.id, [draft("a"), draft("b")], NOW)
    dead, alive = await register(shared_store, "a"), await register(shared_store, "b")
    [lost] = await claim(shared_store, dead, limit=1)
    [kept] = await claim(shared_store, alive, limit=1)
    await shared_store.renew(alive, NOW + SECOND, LEASE)
    assert await shared_store.rescue(_DEAD) == 1
    assert await shared_store.settle(alive, [finished(kept)]) == frozenset()
    assert await shared_store.settle(dead, [finished(lost)]) == {lost.occurrence.id}
