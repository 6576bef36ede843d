"""Two schedulers on one PostgreSQL: both work, nothing runs twice, and one takes over when the other dies or hangs."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port, listening
from tests.parts.postgres import Postgres
from tests.parts.programs import Program
from tests.parts.recorder import Hit, Recorder
from tests.parts.waiting import until

pytestmark = pytest.mark.postgresql
LEASE_SECONDS = 3


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with Postgres() as server:
        yield server


class Replica:
    """One scheduler of the pair."""

    def __init__(self, name: str, folder: Path, broker: str, database: str) -> None:
        self.api_port, self.ops_port = free_port(), free_port()
        self.program = Program(
            "services.scheduler",
            log=folder / f"{name}.log",
            settings={
                "LEEWARD_MQTT_URL": broker,
                "LEEWARD_DATABASE_URL": database,
                "LEEWARD_LISTEN": f"127.0.0.1:{self.api_port}",
                "LEEWARD_OPS_LISTEN": f"127.0.0.1:{self.ops_port}",
                "LEEWARD_TARGETS_ALLOW": "127.0.0.0/8",
                "LEEWARD_LEASE_SECONDS": str(LEASE_SECONDS),
                "LEEWARD_REPLICA": name,
            },
        )


class Pair:
    """Two replicas and what they call."""

    def __init__(self, replicas: tuple[Replica, Replica], targets: Recorder, http: ClientSession) -> None:
        self.replicas = replicas
        self.targets = targets
        self._http = http

    async def create_job(self, name: str, path: str, *, every: int | None = 1) -> None:
        """Create a job that asks `path` each `every` seconds, or once."""
        action = {"type": "Http", "request": {"method": "POST", "uri": f"http://127.0.0.1:{self.targets.port}{path}"}}
        body: dict[str, Any] = {"action": action}
        if every:
            body["recurrence"] = {"frequency": "Second", "interval": every}
        await self._put("/collections/demo", {})
        await self._put(f"/collections/demo/jobs/{name}", body)

    async def _put(self, path: str, body: dict[str, Any]) -> None:
        async with self._http.put(f"http://127.0.0.1:{self.replicas[0].api_port}/api/v1{path}", json=body) as reply:
            assert reply.status < 300, await reply.text()

    async def metric(self, replica: Replica, name: str) -> float:
        """Return one sample of a replica's metrics."""
        async with self._http.get(f"http://127.0.0.1:{replica.ops_port}/metrics") as reply:
            lines = (await reply.text()).splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name)

    async def is_ready(self, replica: Replica) -> bool:
        """Whether a replica dispatches."""
        async with self._http.get(f"http://127.0.0.1:{replica.ops_port}/readyz") as reply:
            return reply.status == 200

    async def runs_on(self) -> Replica:
        """Return the replica on which an execution runs now."""
        busy = [each for each in self.replicas if await self.metric(each, "leeward_executions_running")]
        assert len(busy) == 1
        return busy[0]


@pytest.fixture
async def pair(tmp_path: Path, postgres: Postgres) -> AsyncIterator[Pair]:
    """Two replicas at work."""
    database = await postgres.new_database()
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(tmp_path))
        targets = await stack.enter_async_context(Recorder("127.0.0.1"))
        http = await stack.enter_async_context(ClientSession())
        one, two = (Replica(name, tmp_path, broker.url, database) for name in ("one", "two"))
        both = Pair((one, two), targets, http)
        for replica in both.replicas:
            await stack.enter_async_context(replica.program)
        for replica in both.replicas:
            await listening(replica.ops_port)
            await until(lambda replica=replica: both.is_ready(replica))  # type: ignore[misc]
        yield both


def repeated(hits: list[Hit]) -> list[tuple[str, int]]:
    """Return what was sent more than once under the same id and attempt."""
    return [sent for sent, times in Counter((hit.occurrence, hit.attempt) for hit in hits).items() if times > 1]


async def test_both_work_and_no_occurrence_runs_twice(pair: Pair) -> None:
    for number in range(20):
        await pair.create_job(f"tick-{number}", f"/tick-{number}")

    async def both_have_worked() -> bool:
        done = [await pair.metric(each, 'leeward_executions_total{outcome="succeeded"}') for each in pair.replicas]
        return min(done) > 0 and sum(done) > 100

    await until(both_have_worked)
    assert repeated(pair.targets.hits) == []
    assert {hit.attempt for hit in pair.targets.hits} == {1}


async def test_the_other_one_repeats_what_ran_on_the_one_that_died(pair: Pair) -> None:
    await pair.create_job("dump", "/gated", every=None)
    first = await pair.targets.until_hit("/gated")
    await (await pair.runs_on()).program.kill()
    again = await pair.targets.until_hit("/gated", after=1, seconds=LEASE_SECONDS + 10)
    assert (again.occurrence, again.attempt) == (first.occurrence, first.attempt + 1)


async def test_one_that_was_frozen_longer_than_its_lease_fires_nothing_stale_and_works_on(pair: Pair) -> None:
    await pair.create_job("dump", "/gated", every=None)
    first = await pair.targets.until_hit("/gated")
    frozen = await pair.runs_on()
    for number in range(10):
        await pair.create_job(f"tick-{number}", f"/tick-{number}")
    frozen.program.freeze()
    # Frozen in the middle of a transaction it has locks, which the server takes away after five seconds.
    again = await pair.targets.until_hit("/gated", after=1, seconds=LEASE_SECONDS + 10)
    frozen.program.thaw()
    pair.targets.gate.set()

    async def has_begun_anew() -> bool:
        return await pair.metric(frozen, "leeward_leases_lost_total") == 1

    await until(has_begun_anew)
    seen = len(pair.targets.hits)
    await pair.targets.until(lambda hits: len(hits) > seen + 30)
    assert (again.occurrence, again.attempt) == (first.occurrence, first.attempt + 1)
    assert repeated(pair.targets.hits) == []
    assert await pair.metric(frozen, "leeward_outcomes_refused_total") >= 1
