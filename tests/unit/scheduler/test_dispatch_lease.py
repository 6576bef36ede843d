"""The lease and the duties that hang on it: whose may be ended, and when."""

import asyncio
from datetime import timedelta
from itertools import count

import pytest

from services.scheduler.dispatch.lease import Lease
from services.scheduler.domain.executions import OccurrenceState
from services.scheduler.errors import LeaseLostError
from services.scheduler.metrics import Metrics
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.upkeep import Upkeep
from tests.parts.dispatching import dispatching
from tests.parts.fakes_api import HandClock
from tests.parts.stored import rescue

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


async def test_a_lease_that_is_doubted_is_not_proven_before_it_is_renewed() -> None:
    _, _, _, lease = parts()
    await lease.begin()
    lease.doubt()
    assert not lease.is_proven
    await lease.prove()
    assert lease.is_proven
    assert lease.lapses == 0


async def test_who_waits_is_told_also_when_the_lease_was_renewed_without_a_gap_meanwhile() -> None:
    async with dispatching() as work, asyncio.timeout(10):
        assert work.assurance.is_given
        await work.assurance.wait()


async def test_an_answer_that_was_under_way_when_the_doubt_came_settles_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, _, _, lease = parts()
    await lease.begin()
    renew = store.renew

    async def overtaken(*arguments: object) -> None:
        await renew(*arguments)  # type: ignore[arg-type]
        lease.doubt()

    monkeypatch.setattr(store, "renew", overtaken)
    await lease.prove()
    assert not lease.is_proven


async def test_a_machine_whose_clock_jumps_has_its_lease_proven_again() -> None:
    store, clock, metrics, _ = parts()
    wall = HandClock()
    lease = Lease(store, clock, "one", LENGTH, metrics, wall=wall)
    await lease.begin()
    clock.turn(10 * LENGTH)  # the store's clock was set: that says nothing about the lease
    assert lease.is_proven
    wall.turn(LENGTH)
    assert not lease.is_proven


async def test_a_lost_lease_is_counted_once_whoever_finds_out() -> None:
    store, clock, metrics, lease = parts()
    await lease.begin()
    await rescue(store, clock.now() + LENGTH)
    with pytest.raises(LeaseLostError):
        await lease.prove()
    lease.lose()
    assert metrics.registry.get_sample_value("leeward_leases_lost_total") == 1


async def test_a_gauge_falls_to_zero_when_nothing_is_in_its_state_any_more() -> None:
    store, clock, metrics, _ = parts()
    metrics.occurrences.labels(OccurrenceState.HELD.value).set(7)
    await Upkeep(store, clock, metrics).measure()
    assert metrics.registry.get_sample_value("leeward_occurrences", {"state": "held"}) == 0
