"""The lease and the duties that hang on it: whose may be ended, and when."""

from datetime import timedelta
from itertools import count

import pytest

from services.scheduler.dispatch.lease import Lease
from services.scheduler.domain.executions import OccurrenceState
from services.scheduler.errors import LeaseLostError
from services.scheduler.metrics import Metrics
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.upkeep import Upkeep
from tests.parts.fakes_api import HandClock

LENGTH = timedelta(seconds=15)


def parts() -> tuple[MemoryStore, HandClock, Metrics, Lease]:
    ids = count()
    store, clock, metrics = MemoryStore(lambda: f"session-{next(ids)}"), HandClock(), Metrics("test")
    return store, clock, metrics, Lease(store, clock, "one", LENGTH, metrics)


async def test_a_lease_is_proven_for_half_its_length() -> None:
    _, clock, _, lease = parts()
    await lease.begin()
    clock.turn(LENGTH / 2 - timedelta(milliseconds=1))
    assert lease.is_proven
    clock.turn(timedelta(milliseconds=1))
    assert not lease.is_proven


async def test_after_its_own_lease_may_have_ended_a_replica_gives_others_the_time_to_renew_theirs() -> None:
    store, clock, metrics, lease = parts()
    await lease.begin()
    other = await store.register("other", clock.now(), LENGTH)
    upkeep = Upkeep(store, clock, metrics, rescued=lambda: None, may_rescue=lambda: lease.is_steady)
    clock.turn(2 * LENGTH)  # the store was away: nobody could renew
    await lease.prove()
    await upkeep.rescue()
    await store.renew(other, clock.now(), LENGTH)
    assert len(await store.live_sessions(clock.now())) == 2


async def test_a_replica_never_ends_its_own_lease_before_it_has_tried_to_renew_it() -> None:
    store, clock, metrics, lease = parts()
    await lease.begin()
    upkeep = Upkeep(store, clock, metrics, rescued=lambda: None, may_rescue=lambda: lease.is_steady)
    clock.turn(2 * LENGTH)
    await upkeep.rescue()
    await lease.prove()
    assert lease.is_proven


async def test_a_steady_replica_ends_the_lease_of_a_dead_one() -> None:
    store, clock, metrics, lease = parts()
    dead = await store.register("dead", clock.now(), LENGTH)
    await lease.begin()
    clock.turn(LENGTH * 0.6)
    await lease.prove()
    clock.turn(LENGTH * 0.6)
    await lease.prove()
    upkeep = Upkeep(store, clock, metrics, rescued=lambda: None, may_rescue=lambda: lease.is_steady)
    await upkeep.rescue()
    with pytest.raises(LeaseLostError):
        await store.renew(dead, clock.now(), LENGTH)


async def test_a_lost_lease_is_counted_once_whoever_finds_out() -> None:
    store, clock, metrics, lease = parts()
    await lease.begin()
    await store.rescue(clock.now() + LENGTH)
    with pytest.raises(LeaseLostError):
        await lease.prove()
    lease.lose()
    assert metrics.registry.get_sample_value("leeward_leases_lost_total") == 1


async def test_a_gauge_falls_to_zero_when_nothing_is_in_its_state_any_more() -> None:
    store, clock, metrics, _ = parts()
    metrics.occurrences.labels(OccurrenceState.HELD.value).set(7)
    await Upkeep(store, clock, metrics, rescued=lambda: None).measure()
    assert metrics.registry.get_sample_value("leeward_occurrences", {"state": "held"}) == 0
