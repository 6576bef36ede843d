"""One of two schedulers loses its database, told so or not: the other has its claims, and it fires none of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.parts.postgres import Postgres
from tests.parts.replicas import LEASE_SECONDS, Replica, Team, repeated, team
from tests.parts.tcp_proxy import TcpProxy

pytestmark = pytest.mark.postgresql


@asynccontextmanager
async def one_behind_a_line(folder: Path, postgres: Postgres) -> AsyncIterator[tuple[Team, Replica, Replica, TcpProxy]]:
    """Give two replicas at work, the second of which reaches the database over a line."""
    database = await postgres.new_database()
    async with team(folder, database) as both, TcpProxy("127.0.0.1", postgres.port) as line:
        near = await both.start("near")
        far = await both.start("far", database=database.replace(f":{postgres.port}/", f":{line.port}/"))
        await both.ready()
        await both.create_ticks(20)
        await both.all_work()
        yield both, near, far, line


async def works_on(both: Team, far: Replica) -> None:
    """Wait until the one that was cut off has begun anew and nothing is owed any more."""
    await both.until_metric(far, "leeward_leases_lost_total", 1)
    await both.all_work()
    await both.until_caught_up(seconds=3)


async def test_a_line_that_is_silent_for_longer_than_the_lease(tmp_path: Path, postgres: Postgres) -> None:
    async with one_behind_a_line(tmp_path, postgres) as (both, near, far, line):
        line.blackhole()
        await both.until_metric(near, 'leeward_lease_takeovers_total{cause="hung"}', 1, seconds=LEASE_SECONDS + 2)
        await both.until_caught_up(seconds=2)
        line.heal()
        await works_on(both, far)
        assert repeated(both.targets.hits) == []


async def test_a_line_that_breaks(tmp_path: Path, postgres: Postgres) -> None:
    await postgres.until_locks_tell()
    async with one_behind_a_line(tmp_path, postgres) as (both, near, far, line):
        line.cut()
        await both.until_metric(near, 'leeward_lease_takeovers_total{cause="dead"}', 1, seconds=3)
        await both.until_caught_up(seconds=2)
        line.heal()
        await works_on(both, far)
        assert repeated(both.targets.hits) == []
