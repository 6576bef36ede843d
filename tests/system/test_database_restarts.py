"""The database under two schedulers goes away and comes back: both go on, and neither takes the other for dead."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.parts.postgres import Postgres
from tests.parts.replicas import LEASE_SECONDS, Team, repeated, team

pytestmark = pytest.mark.postgresql


@pytest.fixture
def fragile() -> Iterator[Postgres]:
    """A PostgreSQL server of this test's own."""
    with Postgres() as server:
        yield server


async def test_both_resume_by_themselves_and_nothing_is_lost_or_sent_twice(tmp_path: Path, fragile: Postgres) -> None:
    async with team(tmp_path, await fragile.new_database()) as both:
        for name in ("one", "two"):
            await both.start(name)
        await both.ready()
        await both.create_ticks(20)
        await both.all_work()
        await asyncio.to_thread(fragile.stop, "immediate")
        await asyncio.to_thread(fragile.start)
        await all_is_well(both)
        assert repeated(both.targets.hits) == []


async def test_connections_that_run_out_are_waited_for(tmp_path: Path, postgres: Postgres) -> None:
    url = await postgres.new_database()
    async with few_connections(url, 30) as allow, team(tmp_path, url.replace("postgres@", "few@")) as both:
        for name in ("one", "two"):
            await both.start(name)
        await both.ready()
        await both.create_ticks(20)
        await both.all_work()
        await allow(0)
        seen = len(both.targets.hits)
        await asyncio.sleep(LEASE_SECONDS)  # the fault itself: longer than any lease is good for
        assert len(both.targets.hits) < seen + 2 * 20  # what was claimed is sent while the lease is proven, no more
        await allow(30)
        await all_is_well(both)


async def all_is_well(both: Team) -> None:
    """Check that both work, that nothing was lost or sent twice, and that nobody was taken over."""
    await both.all_work()
    await both.until_caught_up(seconds=5)
    assert repeated(both.targets.hits) == []
    assert {hit.attempt for hit in both.targets.hits} == {1}
    for replica in both.replicas:
        assert await both.metric(replica, "leeward_leases_lost_total") == 0


@asynccontextmanager
async def few_connections(url: str, most: int) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Give the account `few` so many connections, and a way to give it others, or none; those it has are ended."""
    administrator = await asyncpg.connect(url)

    async def allow(number: int) -> None:
        await administrator.execute(f"ALTER ROLE few CONNECTION LIMIT {number}")
        await administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'few'")

    await administrator.execute(f"CREATE ROLE few LOGIN CONNECTION LIMIT {most}; GRANT ALL ON SCHEMA public TO few")
    try:
        yield allow
    finally:
        await administrator.execute("DROP OWNED BY few; DROP ROLE few")
        await administrator.close()
