"""A claim brings its job as it is now, however often the same job was claimed before."""

import pytest

from services.scheduler.domain.collections import CollectionState
from services.scheduler.store.base import Store
from tests.parts.builders import uri_of
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
    stored,
)


@pytest.mark.parametrize("uri", ["http://10.0.0.4/work", "http://10.0.0.4/other"])
async def test_a_claim_brings_the_job_as_it_was_last_written(store: Store, uri: str) -> None:
    job = await put_job(store)
    owner = await register(store)
    await claim(store, owner)
    await store.put_jobs(job.collection_id, [draft("backup", uri=uri, next_due=NOW + MINUTE)], NOW + SECOND)
    [claimed] = await claim(store, owner, at=NOW + MINUTE)
    assert claimed.job == await stored(store, job)
    assert uri_of(claimed.job) == uri


async def test_a_claim_sees_the_gate_and_the_counters_of_a_job_it_has_claimed_before(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    await store.settle(owner, [finished(claimed, failures=1, faulted=True)])
    await put_collection(store, state=CollectionState.DISABLED)
    await store.add_run(asked_for(job))
    [asked] = await claim(store, owner)
    assert asked.job == await stored(store, job)
    assert not asked.job.gate_open


async def test_a_job_deleted_and_made_again_is_not_taken_for_the_old_one(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    await claim(store, owner)
    await store.delete_job(job.collection_id, "backup")
    made = await put_job(store, uid="another")
    [claimed] = await claim(store, owner)
    assert (claimed.job.id, claimed.job.uid) == (made.id, "another")
    assert made.id != job.id
