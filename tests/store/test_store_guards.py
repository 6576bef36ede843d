"""Lives on PostgreSQL: guarded by locks that end with their process, and told what the others change."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from msgspec.structs import replace
from sqlalchemy.exc import ProgrammingError

from services.scheduler.domain.collections import CollectionId, CollectionState
from services.scheduler.domain.jobs import JobId
from services.scheduler.errors import LeaseLostError, StoreUnavailableError
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from services.scheduler.store.records import Guard, Ownership
from tests.parts.postgres import Postgres
from tests.parts.stored import LEASE, NOW, claim, draft, put_collection, put_job, register
from tests.parts.tcp_proxy import TcpProxy
from tests.parts.waiting import until

pytestmark = pytest.mark.postgresql


class Ear:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.shakes = 0
        self.jobs: list[JobId] = []
        self.collections: list[CollectionId] = []

    def shaken(self) -> None:
        """Count."""
        self.shakes += 1

    def jobs_changed(self, job_ids: Sequence[JobId]) -> None:
        """Remember."""
        self.jobs += job_ids

    def collection_changed(self, collection_id: CollectionId) -> None:
        """Remember."""
        self.collections.append(collection_id)


@pytest.fixture
async def pair(postgres_url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two stores on one database."""
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(open_store(postgres_url, connections=2)) for _ in range(2)]
        yield one, two


@pytest.fixture
async def settled(postgres: Postgres) -> None:
    """The server has run long enough for a free lock to say something."""
    await postgres.until_locks_tell()


async def guard_of(store: Store) -> Guard:
    """Return how the only life is guarded."""
    [life] = await store.lives()
    return life.guard


async def end_guards(url: str) -> None:
    """Have the server end the connections that hold lives' locks."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    )
    await connection.close()


@pytest.mark.usefixtures("settled")
async def test_a_life_is_guarded_until_its_process_is_gone(postgres_url: str, pair: tuple[Store, Store]) -> None:
    async with open_store(postgres_url) as dying:
        await put_job(dying)
        owner = await register(dying)
        await claim(dying, owner)
        assert await guard_of(pair[0]) is Guard.HELD
    assert await guard_of(pair[0]) is Guard.LOST
    assert await pair[0].take_over(await pair[0].lives(), NOW + LEASE) == {owner.session: 1}
    assert await pair[0].lives() == []


async def test_a_life_that_could_not_begin_leaves_no_lock_behind(postgres_url: str, pair: tuple[Store, Store]) -> None:
    administrator = await asyncpg.connect(postgres_url)
    await administrator.execute("ALTER TABLE replicas RENAME TO away")
    with pytest.raises(ProgrammingError):
        await register(pair[0])
    assert await administrator.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    await administrator.close()


@pytest.mark.usefixtures("settled")
async def test_a_guard_that_broke_is_taken_again_and_both_are_told(
    postgres_url: str, pair: tuple[Store, Store]
) -> None:
    ear = Ear()
    pair[0].listen(ear)
    owner = await register(pair[0])
    await end_guards(postgres_url)

    async def is_back() -> bool:
        return ear.shakes >= 2

    await until(is_back)
    await pair[0].renew(owner, NOW, LEASE)
    assert await guard_of(pair[1]) is Guard.HELD


@pytest.mark.usefixtures("settled")
async def test_a_life_that_took_its_lock_again_is_not_taken_over(postgres_url: str, pair: tuple[Store, Store]) -> None:
    owner = await register(pair[0])
    [seen] = await pair[1].lives()
    assert await pair[1].take_over([replace(seen, guard=Guard.LOST)], NOW) == {}
    await pair[0].renew(owner, NOW, LEASE)


async def test_a_life_taken_over_behind_a_broken_guard_can_do_nothing_more(pair: tuple[Store, Store]) -> None:
    owner = await register(pair[0])
    await pair[1].take_over(await pair[1].lives(), NOW)
    with pytest.raises((LeaseLostError, StoreUnavailableError)):
        await claim(pair[0], owner)
    await until(lambda: _is_lost(pair[0], owner))


async def _is_lost(store: Store, owner: Ownership) -> bool:
    try:
        await store.renew(owner, NOW, LEASE)
    except LeaseLostError:
        return True
    except StoreUnavailableError:
        return False
    return False


async def test_on_a_server_that_has_just_started_a_lock_that_is_free_says_nothing() -> None:
    with Postgres() as young:
        url = await young.new_database()
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store(url))
            async with open_store(url) as gone:
                await register(gone)
            assert await guard_of(store) is Guard.HELD


async def test_without_a_connection_to_spare_a_life_has_its_lease_alone(postgres: Postgres) -> None:
    url = await postgres.new_database()
    administrator = await asyncpg.connect(url)
    await administrator.execute("CREATE ROLE few LOGIN CONNECTION LIMIT 2; GRANT ALL ON SCHEMA public TO few")
    try:
        async with open_store(url.replace("postgres@", "few@"), connections=1) as store:
            owner = await register(store)
            assert await guard_of(store) is Guard.ABSENT
            await administrator.execute("ALTER ROLE few CONNECTION LIMIT 9")

            async def is_guarded() -> bool:
                await store.renew(owner, NOW, LEASE)
                return await guard_of(store) is Guard.HELD

            await until(is_guarded)
    finally:
        await administrator.execute("REASSIGN OWNED BY few TO postgres; DROP OWNED BY few; DROP ROLE few")
        await administrator.close()


async def test_others_hear_of_jobs_that_were_replaced_or_deleted_and_of_gates_that_moved(
    pair: tuple[Store, Store],
) -> None:
    ears = Ear(), Ear()
    for store, ear in zip(pair, ears, strict=True):
        store.listen(ear)
        await register(store)
    job = await put_job(pair[0])
    await put_job(pair[0])
    await pair[0].delete_job(job.collection_id, job.name)
    await put_collection(pair[0], state=CollectionState.DISABLED)

    async def has_heard() -> bool:
        return ears[1].jobs == [job.id, job.id] and job.collection_id in ears[1].collections

    await until(has_heard)
    assert (ears[0].jobs, ears[0].collections) == ([], [])


async def test_very_many_changed_jobs_are_announced_as_their_collection(pair: tuple[Store, Store]) -> None:
    ear = Ear()
    pair[1].listen(ear)
    await register(pair[1])
    collection = await put_collection(pair[0])
    drafts = [draft(f"job-{number}") for number in range(300)]
    for _ in range(2):
        await pair[0].put_jobs(collection.id, drafts, NOW)

    async def has_heard() -> bool:
        return bool(ear.collections)

    await until(has_heard)
    assert (ear.jobs, set(ear.collections)) == ([], {collection.id})


async def test_the_time_is_the_databases(pair: tuple[Store, Store]) -> None:
    for guarded in (False, True):
        if guarded:
            await register(pair[0])
        assert abs(await pair[0].time() - datetime.now(UTC)) < timedelta(seconds=1)


async def test_whoever_waits_for_a_server_that_does_not_answer_any_more_is_told_soon(postgres: Postgres) -> None:
    url = await postgres.new_database()
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(TcpProxy("127.0.0.1", postgres.port))
        through = url.replace(f":{postgres.port}/", f":{proxy.port}/")
        store = await stack.enter_async_context(open_store(through, connections=2))
        ear = Ear()
        store.listen(ear)
        owner = await register(store)
        proxy.blackhole()
        began = asyncio.get_running_loop().time()
        with pytest.raises(StoreUnavailableError):
            await claim(store, owner)
        assert asyncio.get_running_loop().time() - began < 5
        assert ear.shakes == 1
        proxy.heal()

        async def is_back() -> bool:
            return ear.shakes == 2

        await until(is_back)
        await until(lambda: _works(store))


async def _works(store: Store) -> bool:
    try:
        await store.gauges(NOW)
    except StoreUnavailableError:
        return False
    return True
