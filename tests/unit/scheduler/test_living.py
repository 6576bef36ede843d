"""A replica whose guard breaks, or that hears what others changed, while it has claims."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.scheduler.dispatch.collection_policies import CollectionPolicies
from services.scheduler.dispatch.living import Living
from services.scheduler.dispatch.rescue import Rescue
from tests.parts.builders import definition
from tests.parts.dispatching import Dispatching, FaultyStore, dispatching_over_faults
from tests.parts.waiting import until

SOON = timedelta(seconds=0.5)


@pytest.fixture
async def work() -> AsyncIterator[tuple[Dispatching, FaultyStore]]:
    async with dispatching_over_faults() as running:
        yield running


def living(work: Dispatching) -> Living:
    rescue = Rescue(work.store, work.clock, work.lease, work.metrics, rescued=work.engine.wake)
    policies = CollectionPolicies(work.store, work.metrics, changed=lambda: None)
    return Living(work.lease, rescue, work.engine, policies, work.metrics)


async def test_nothing_fires_behind_a_broken_guard_before_the_lease_is_renewed(
    work: tuple[Dispatching, FaultyStore],
) -> None:
    dispatch, store = work
    job = await dispatch.add(definition(), due=dispatch.clock.now() + SOON)
    await until(dispatch.has_claimed)
    store.away = True
    living(dispatch).shaken()

    async def is_due() -> bool:
        return dispatch.clock.now() > job.created_at + 2 * SOON

    await until(is_due)
    assert dispatch.target.calls == []
    store.away = False
    await dispatch.target.until_called(1)
    assert dispatch.target.attempts == [1]


async def test_what_another_replica_has_deleted_unheard_is_missed_at_the_next_look(
    work: tuple[Dispatching, FaultyStore],
) -> None:
    dispatch, _ = work
    job = await dispatch.add(definition(), due=dispatch.clock.now() + SOON)
    await until(dispatch.has_claimed)
    await dispatch.store.delete_job(job.collection_id, job.name)
    living(dispatch).shaken()
    await dispatch.add(definition(), name="another", due=dispatch.clock.now() + 2 * SOON)
    await dispatch.until_rows(1, "another")
    assert len(dispatch.target.calls) == 1


@pytest.mark.parametrize("whole_collection", [False, True])
async def test_what_another_replica_says_it_has_deleted_does_not_fire(
    work: tuple[Dispatching, FaultyStore], whole_collection: bool
) -> None:
    dispatch, _ = work
    job = await dispatch.add(definition(), due=dispatch.clock.now() + SOON)
    await until(dispatch.has_claimed)
    await dispatch.store.delete_job(job.collection_id, job.name)
    if whole_collection:
        living(dispatch).collection_changed(job.collection_id)
    else:
        living(dispatch).jobs_changed([job.id])
    await dispatch.add(definition(), name="another", due=dispatch.clock.now() + 2 * SOON)
    await dispatch.until_rows(1, "another")
    assert len(dispatch.target.calls) == 1


async def test_the_lease_is_renewed_three_times_within_its_length_and_sooner_after_a_failure(
    work: tuple[Dispatching, FaultyStore],
) -> None:
    dispatch, store = work
    keeper = living(dispatch)
    assert await keeper._renew() == dispatch.lease.length.total_seconds() / 3
    store.away = True
    assert await keeper._renew() < 1
