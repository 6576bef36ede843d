"""What is PostgreSQL's alone: replicas side by side, a server that goes away, migrations raced for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from services.scheduler.domain.collections import CollectionDefinition
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import NoRoomError, StoreUnavailableError
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from services.scheduler.store.records import (
    Claim,
    Ownership,
)
from tests.parts.ports import free_port
from tests.parts.postgres import Postgres
from tests.parts.stored import (
    LEASE,
    MINUTE,
    NOW,
    SOMEWHERE,
    asked_for,
    claim,
    draft,
    finished,
    put_collection,
    put_job,
    register,
    rescue,
    stored,
)
from tests.parts.waiting import until

pytestmark = pytest.mark.postgresql


@pytest.fixture
async def replicas(postgres_url: str) -> AsyncIterator[list[Store]]:
    """Three stores on one database, opened at the same moment: one of them migrates."""
    async with AsyncExitStack() as stack:
        entering = [stack.enter_async_context(open_store(postgres_url, connections=4)) for _ in range(3)]
        yield list(await asyncio.gather(*entering))


async def _claim_until_dry(store: Store, owner: Ownership) -> list[Claim]:
    claims: list[Claim] = []
    while batch := await claim(store, owner, limit=40, once=True):
        claims += batch
    return claims


async def test_concurrent_claims_never_overlap_and_miss_nothing(replicas: list[Store]) -> None:
    collection = await put_collection(replicas[0])
    written = await replicas[0].put_jobs(collection.id, [draft(f"job-{n}") for n in range(600)], NOW)
    for job in (one.job for one in written[:100]):
        await replicas[0].add_run(asked_for(job))
    owners = [await register(store, f"scheduler-{n}") for n, store in enumerate(replicas)]
    pairs = list(zip(replicas, owners, strict=True))
    taken = await asyncio.gather(*(_claim_until_dry(store, owner) for store, owner in pairs))
    leftover = await _claim_until_dry(*pairs[0])
    ids = [one.occurrence.id for claims in [*taken, leftover] for one in claims]
    assert len(ids) == len(set(ids)) == 700


async def test_two_occurrences_of_one_job_claimed_apart_are_seen_as_contended(replicas: list[Store]) -> None:
    collection = await put_collection(replicas[0])
    written = await replicas[0].put_jobs(collection.id, [draft(f"job-{n}") for n in range(50)], NOW)
    for job in (one.job for one in written):
        await replicas[0].add_run(asked_for(job))
    owners = [await register(store, f"scheduler-{n}") for n, store in enumerate(replicas)]
    taken = await asyncio.gather(
        *(claim(store, owner, limit=30, once=True) for store, owner in zip(replicas, owners, strict=True))
    )
    holders: dict[int, list[tuple[int, bool]]] = {}
    for replica, claims in enumerate(taken):
        for one in claims:
            holders.setdefault(one.job.id, []).append((replica, one.contended))
    apart = [pair for pair in holders.values() if len({replica for replica, _ in pair}) == 2]
    assert all(any(contended for _, contended in pair) for pair in apart)


async def test_the_last_two_occurrences_settled_by_two_replicas_complete_their_job(replicas: list[Store]) -> None:
    first, second, _ = replicas
    jobs = [await put_job(first, f"job-{n}") for n in range(20)]
    one, two = await register(first, "a"), await register(second, "b")
    mine = await claim(first, one, once=True)
    for job in jobs:
        await first.add_run(asked_for(job))
    theirs = await claim(second, two)
    await asyncio.gather(
        first.settle(one, [finished(claimed, job_state=JobState.COMPLETED) for claimed in mine]),
        second.settle(two, [finished(claimed, job_state=JobState.COMPLETED) for claimed in reversed(theirs)]),
    )
    assert {(await stored(first, job)).state for job in jobs} == {JobState.COMPLETED}


async def test_writers_of_the_same_new_job_agree(replicas: list[Store]) -> None:
    collection = await put_collection(replicas[0])
    made = [draft("backup", uid=f"uid-{n}") for n in range(3)]
    puts = (store.put_jobs(collection.id, [one], NOW) for store, one in zip(replicas, made, strict=True))
    written = [one for batch in await asyncio.gather(*puts) for one in batch]
    assert len({one.job.uid for one in written}) == 1
    assert sorted((one.created, one.job.revision) for one in written) == [(False, 2), (False, 3), (True, 1)]


async def test_the_last_places_of_a_collection_are_taken_once(replicas: list[Store]) -> None:
    collection = await put_collection(replicas[0])
    puts = [
        store.put_jobs(collection.id, [draft(f"job-{number}-{turn}")], NOW, most=4)
        for number, store in enumerate(replicas)
        for turn in range(3)
    ]
    answers = await asyncio.gather(*puts, return_exceptions=True)
    assert sum(isinstance(answer, NoRoomError) for answer in answers) == 5
    assert await replicas[0].count_jobs(collection.id) == 4


async def test_creators_of_the_same_collection_agree(replicas: list[Store]) -> None:
    puts = (store.put_collection(SOMEWHERE, "nightly", CollectionDefinition(), NOW) for store in replicas)
    results = await asyncio.gather(*puts)
    assert len({collection.id for collection, _ in results}) == 1
    assert sorted(created for _, created in results) == [False, False, True]


async def test_one_replica_wins_an_approval_asked_for_at_the_same_moment(replicas: list[Store]) -> None:
    for event in (f"event-{n}" for n in range(10)):
        bids = (store.take_approval(event, f"scheduler-{n}", NOW, MINUTE) for n, store in enumerate(replicas))
        assert sorted(await asyncio.gather(*bids)) == [False, False, True]


async def test_the_same_run_asked_of_two_replicas_is_added_once(replicas: list[Store]) -> None:
    job = await put_job(replicas[0])
    added = await asyncio.gather(*(store.add_run(asked_for(job)) for store in replicas))
    assert sorted(added) == [False, False, True]


async def test_a_session_is_rescued_once(replicas: list[Store]) -> None:
    for number in range(20):
        await put_job(replicas[0], f"job-{number}")
    await claim(replicas[0], await register(replicas[0]))
    rescued = await asyncio.gather(*(rescue(store, NOW + LEASE) for store in replicas[1:]))
    assert sum(rescued) == 20


async def test_writers_and_settlers_of_the_same_jobs_do_not_lock_each_other_out(replicas: list[Store]) -> None:
    writer, settler, pruner = replicas
    collection = await put_collection(writer)
    drafts = [draft(f"job-{n}") for n in range(200)]
    await writer.put_jobs(collection.id, drafts, NOW)
    owner = await register(settler)
    for turn in range(5):
        at = NOW + turn * MINUTE
        claims = await claim(settler, owner, at=at)
        await asyncio.gather(
            writer.put_jobs(collection.id, [draft(one.name, next_due=at + MINUTE) for one in reversed(drafts)], at),
            settler.settle(owner, [finished(one) for one in claims]),
            pruner.prune(older_than=NOW - MINUTE, limit=100),
            pruner.trim_history([one.job.id for one in claims], keep=1),
            rescue(pruner, NOW),
        )
    assert (await writer.gauges(NOW)).occurrences == {}


async def test_a_server_that_went_away_is_reported_and_used_again_when_it_is_back(postgres: Postgres) -> None:
    async with open_store(await postgres.new_database()) as store:
        job = await put_job(store)
        postgres.stop()
        try:
            with pytest.raises(StoreUnavailableError):
                await store.gauges(NOW)
            with pytest.raises(StoreUnavailableError):
                await put_job(store)
        finally:
            postgres.start()
        await store.gauges(NOW)
        assert await stored(store, job) == job


async def test_a_server_that_is_not_there_is_reported_at_start() -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        await open_store(f"postgresql://postgres@127.0.0.1:{free_port()}/leeward").__aenter__()


async def test_a_database_that_is_not_there_is_reported_at_start(postgres: Postgres) -> None:
    with pytest.raises(StoreUnavailableError, match="does not exist"):
        await open_store(postgres.url("nowhere")).__aenter__()


async def test_the_locks_of_a_process_without_a_lease_do_not_keep_its_claims_from_the_others(
    replicas: list[Store], postgres_url: str
) -> None:
    await put_job(replicas[0])
    owner = await register(replicas[0])
    await claim(replicas[0], owner)
    process = await _process_of(postgres_url, owner)
    frozen = await asyncpg.connect(postgres_url, server_settings={"application_name": process})
    await frozen.execute("BEGIN; SELECT * FROM replicas FOR UPDATE; SELECT * FROM occurrences FOR UPDATE")

    async def is_rescued() -> bool:
        return await rescue(replicas[1], NOW + MINUTE) == 1

    await until(is_rescued, seconds=4)
    await until(lambda: asyncio.sleep(0, frozen.is_closed()), seconds=4)
    assert await claim(replicas[1], await register(replicas[1]), at=NOW + MINUTE)


async def _process_of(url: str, owner: Ownership) -> str:
    connection = await asyncpg.connect(url)
    process: str = await connection.fetchval("SELECT process FROM replicas WHERE fence = $1", owner.fence)
    await connection.close()
    return process
