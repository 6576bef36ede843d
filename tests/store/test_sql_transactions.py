"""What every transaction leaves behind: a connection that is free, whole and of use to the next one."""

import asyncio

import asyncpg
import pytest
from msgspec.structs import replace

from services.scheduler.errors import StoreUnavailableError
from services.scheduler.store.open import open_store
from services.scheduler.store.sql.driver import Change
from services.scheduler.store.sql.postgresql_driver import _update
from services.scheduler.store.sql.tables import jobs
from tests.parts.postgres import Postgres
from tests.parts.stored import MINUTE, NOW, claim, draft, finished, put_collection, put_job, register, row, stored


async def test_a_transaction_that_fails_leaves_nothing_and_frees_its_connection(sql_url: str) -> None:
    async with open_store(sql_url, connections=1) as store:
        job = await put_job(store)
        owner = await register(store)

        def broken(_: object) -> object:
            raise ZeroDivisionError

        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await store.claim(owner, now=NOW, horizon=NOW, limit=9, plan=broken)  # type: ignore[arg-type]
        assert (await stored(store, job)).planned == 0
        assert len(await claim(store, owner)) == 1


async def test_an_outcome_with_a_text_that_cannot_be_stored_is_refused_as_it_is_and_others_are_not(
    sql_url: str,
) -> None:
    async with open_store(sql_url) as store:
        collection = await put_collection(store)
        await store.put_jobs(collection.id, [draft("bad"), draft("good")], NOW)
        owner = await register(store)
        bad, good = sorted(await claim(store, owner), key=lambda one: one.job.name)
        poisoned = finished(bad, rows=(replace(row(bad.occurrence), message="\udc80"),))
        with pytest.raises((ValueError, asyncpg.DataError)) as raised:
            await store.settle(owner, [poisoned])
        assert not isinstance(raised.value, StoreUnavailableError)
        assert await store.settle(owner, [finished(good), finished(bad)]) == frozenset()


async def test_an_outcome_of_more_jobs_than_fit_a_block_is_counted_once_each(sql_url: str) -> None:
    async with open_store(sql_url) as store:
        collection = await put_collection(store)
        written = await store.put_jobs(collection.id, [draft(f"job-{n}") for n in range(75)], NOW)
        owner = await register(store)
        claims = await claim(store, owner)
        await store.settle(owner, [finished(one, failures=1) for one in reversed(claims)])
        after = await store.list_jobs(collection.id, top=100, skip=0)
        lines = [line for one in written for line in await store.list_history(one.job.id, top=9, skip=0)]
    assert {(one.planned, one.next_due) for one in after} == {(1, NOW + MINUTE)}
    assert {(one.counters.execution_count, one.counters.failure_count) for one in after} == {(1, 1)}
    assert len({line.occurrence_id for line in lines}) == len(lines) == 75


@pytest.mark.postgresql
async def test_connections_that_the_server_closed_meanwhile_are_replaced_unnoticed(postgres: Postgres) -> None:
    url = await postgres.new_database()
    async with open_store(url, connections=3) as store:
        job = await put_job(store)
        await asyncio.gather(*(stored(store, job) for _ in range(3)))
        postgres.stop()
        postgres.start()
        await (await asyncpg.connect(url)).close()  # by then the loop has read what the server said last
        assert [one.id for one in await asyncio.gather(*(stored(store, job) for _ in range(3)))] == [job.id] * 3


@pytest.mark.postgresql
async def test_many_rows_are_updated_without_a_join_whatever_the_statistics_say(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        collection = await put_collection(store)
        await store.put_jobs(collection.id, [draft(f"job-{n}") for n in range(300)], NOW)
        await store.delete_collection(collection.namespace, collection.name)
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("ANALYZE jobs")
        await put_job(store)
        statement = _update(Change(jobs, ("id", "next_due", "planned")))
        plan = await connection.fetch(f"EXPLAIN {statement}", [1, 2], [3, None], [4, 5])
        await connection.close()
    assert not [step for (step,) in plan if "Join" in step or "Nested Loop" in step]
