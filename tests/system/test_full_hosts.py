"""Hosts with a capacity: two replicas together never have more running there, and leave none of it unused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from shared.bus import Bus, BusSettings
from shared.clock import SystemClock
from shared.messages import encode
from shared.topics import HostKey, Topics
from tests.parts.builders import inventory, online
from tests.parts.ports import free_port
from tests.parts.postgres import Postgres
from tests.parts.replicas import Team, team
from tests.parts.waiting import until

pytestmark = pytest.mark.postgresql

JOBS, CALLS = 12, 30
CALL_SECONDS = 0.5
"""Twelve jobs a second want six places at a time: more than there are."""
TOPICS, DB_0 = Topics(), HostKey("db-0")


class Counted:
    """A target that takes a while, and counts how many calls it has at a time."""

    def __init__(self) -> None:
        self.port = free_port()
        self.now, self.most, self.total = 0, 0, 0
        self._enough = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Counted"]:
        """Answer calls for as long as the context lasts."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def until_called(self, *, seconds: float = 60) -> None:
        """Wait until enough calls have come to tell something."""
        async with asyncio.timeout(seconds):
            await self._enough.wait()

    async def _take(self, _request: web.Request) -> web.Response:
        self.now, self.total = self.now + 1, self.total + 1
        self.most = max(self.most, self.now)
        if self.total >= CALLS:
            self._enough.set()
        await asyncio.sleep(CALL_SECONDS)
        self.now -= 1
        return web.Response()


@asynccontextmanager
async def watched(broker: str) -> AsyncIterator[None]:
    """Have a watcher's words about db-0 on the bus."""
    bus = Bus(BusSettings(url=broker), client_id="db-0")
    bus.keep(TOPICS.inventory(DB_0), encode(inventory("db-0", addresses=("127.0.0.1",))))
    bus.keep(TOPICS.status(DB_0), encode(online("db-0", at=SystemClock().now())))
    task = asyncio.create_task(bus.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def a_pair(tmp_path: Path, postgres: Postgres, capacity: int) -> AsyncIterator[Team]:
    """Two replicas at work that let a host have no more than so many executions."""
    async with team(tmp_path, await postgres.new_database()) as both, watched(both.broker):
        for name in ("one", "two"):
            await both.start(name, environment={"LEEWARD_HOST_CAPACITY": str(capacity)})
        await both.ready()
        yield both


@pytest.mark.parametrize(("capacity", "at_work"), [(3, 2), (1, 1)])
async def test_two_replicas_share_what_a_host_may_have_and_use_all_of_it(
    tmp_path: Path, postgres: Postgres, capacity: int, at_work: int
) -> None:
    async with a_pair(tmp_path, postgres, capacity) as pair, Counted().listening() as target:
        for number in range(JOBS):
            uri = f"http://{{host}}:{target.port}/{number}"
            action = {"type": "Http", "request": {"method": "POST", "uri": uri}}
            await pair.create_job(f"job-{number}", "", action=action, placement={"host": "db-0"}, overlap="QueueOne")
        await target.until_called()
        succeeded = 'leeward_executions_total{outcome="succeeded"}'

        async def have_worked() -> bool:
            working = sum([await pair.metric(replica, succeeded) >= 5 for replica in pair.replicas])
            return working == at_work and target.most >= capacity

        await until(have_worked)
        assert target.most == capacity
