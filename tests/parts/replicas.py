"""Schedulers that share a PostgreSQL database, as processes, and the target they all call."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import ClientSession

from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.recorder import Hit, Recorder
from tests.parts.waiting import until

LEASE_SECONDS = 3
_CLAIMS = """SELECT count(*) FROM occurrences JOIN replicas ON replicas.fence = occurrences.owner
    WHERE replicas.replica = $1 AND occurrences.fire_at > extract(epoch FROM clock_timestamp()) * 1000"""


class Replica:
    """One scheduler."""

    def __init__(self, name: str, folder: Path, broker: str, database: str, environment: Mapping[str, str]) -> None:
        """Prepare it; `environment` is beyond the usual settings."""
        self.name = name
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
                **environment,
            },
        )


class Team:
    """Replicas that come and go, and what they call."""

    def __init__(self, folder: Path, database: str, broker: str, targets: Recorder, http: ClientSession) -> None:
        """Begin without any."""
        self.replicas: list[Replica] = []
        self.targets = targets
        self._folder = folder
        self._database = database
        self.broker = broker
        self._http = http
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Team":
        """Begin without any."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all."""
        await self._stack.aclose()

    async def start(
        self, name: str, *, database: str | None = None, environment: Mapping[str, str] | None = None
    ) -> Replica:
        """Start one that works on the shared database, as it is seen through `database`; it is not ready yet."""
        replica = Replica(name, self._folder, self.broker, database or self._database, environment or {})
        self.replicas.append(replica)
        await self._stack.enter_async_context(replica.program)
        return replica

    async def ready(self) -> None:
        """Wait until all dispatch."""
        for replica in self.replicas:
            await listening(replica.ops_port)
            await until(lambda replica=replica: self._is_ready(replica))  # type: ignore[misc]

    async def _is_ready(self, replica: Replica) -> bool:
        async with self._http.get(f"http://127.0.0.1:{replica.ops_port}/readyz") as reply:
            return reply.status == 200

    async def leave(self, replica: Replica) -> None:
        """Ask one to leave and wait until it has."""
        self.replicas.remove(replica)
        assert await replica.program.stop() == 0

    @property
    def database(self) -> str:
        """The URL of the database that they share."""
        return self._database

    async def create_job(self, name: str, path: str, *, every: int | None = 1, **more: object) -> None:
        """Create a job that asks `path` each `every` seconds, or once, through the first replica."""
        await self.call(self.replicas[0], "PUT", "/collections/demo", {})
        await self.call(self.replicas[0], "PUT", f"/collections/demo/jobs/{name}", self.job(path, every=every, **more))

    def job(self, path: str, *, every: int | None = 1, **more: object) -> dict[str, Any]:
        """Return a job that asks `path` each `every` seconds, or once."""
        action = {"type": "Http", "request": {"method": "POST", "uri": f"http://127.0.0.1:{self.targets.port}{path}"}}
        recurrence = {"recurrence": {"frequency": "Second", "interval": every}} if every else {}
        return {"action": action, **recurrence, **more}

    async def create_ticks(self, count: int) -> None:
        """Create jobs that ask `/tick-N` each second and catch up with whatever they miss."""
        for number in range(count):
            await self.create_job(f"tick-{number}", f"/tick-{number}", overlap="Allow", catchUp="RunAll")

    async def call(self, replica: Replica, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call a replica's API below /api/v1 and return its JSON; fails on anything but success."""
        url = f"http://127.0.0.1:{replica.api_port}/api/v1{path}"
        async with self._http.request(method, url, json=body) as reply:
            assert reply.status < 300, f"{method} {path}: {reply.status} {await reply.text()}"
            return await reply.json() if reply.content_type.endswith("json") else None

    async def metric(self, replica: Replica, name: str) -> float:
        """Return one sample of a replica's metrics, by its full name with labels."""
        async with self._http.get(f"http://127.0.0.1:{replica.ops_port}/metrics") as reply:
            lines = (await reply.text()).splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name)

    async def until_metric(self, replica: Replica, name: str, least: float, *, seconds: float = 20) -> None:
        """Wait until a sample is at least so high."""

        async def is_high() -> bool:
            return await self.metric(replica, name) >= least

        await until(is_high, seconds=seconds)

    async def all_work(self) -> None:
        """Wait until each replica has run something since now."""
        name = 'leeward_executions_total{outcome="succeeded"}'
        before = {replica.name: await self.metric(replica, name) for replica in self.replicas}
        for replica in self.replicas:
            await self.until_metric(replica, name, before[replica.name] + 1)

    async def kill_with_claims(self, replica: Replica) -> None:
        """Kill one at a moment at which it has claims that have not come to their end."""

        async def has_claims() -> bool:
            replica.program.freeze()
            if await self._claims_of(replica):
                return True
            replica.program.thaw()
            return False

        await until(has_claims)
        await replica.program.kill()

    async def _claims_of(self, replica: Replica) -> int:
        connection = await asyncpg.connect(self._database)
        try:
            return int(await connection.fetchval(_CLAIMS, replica.name))
        finally:
            await connection.close()

    async def runs_on(self) -> Replica:
        """Return the replica on which an execution runs now."""
        busy = [each for each in self.replicas if await self.metric(each, "leeward_executions_running")]
        assert len(busy) == 1
        return busy[0]

    async def until_caught_up(self, *, seconds: float = 20) -> None:
        """Wait until each tick's due instants so far, from its first to the present one, have been sent."""
        now = datetime.now(UTC)
        await self.targets.until(lambda hits: not missing(hits, now), seconds=seconds)


@asynccontextmanager
async def team(folder: Path, database: str) -> AsyncIterator[Team]:
    """Give a team without replicas yet."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(folder))
        targets = await stack.enter_async_context(Recorder("127.0.0.1"))
        http = await stack.enter_async_context(ClientSession())
        yield await stack.enter_async_context(Team(folder, database, broker.url, targets, http))


def repeated(hits: list[Hit]) -> list[tuple[str, int]]:
    """Return what was sent more than once under the same id and attempt."""
    return [sent for sent, times in Counter((hit.occurrence, hit.attempt) for hit in hits).items() if times > 1]


def missing(hits: list[Hit], until: datetime) -> list[tuple[str, datetime]]:
    """Return the due instants of each tick, from the first that was sent up to `until`, that were not sent."""
    sent: dict[str, set[datetime]] = {}
    for hit in hits:
        if hit.path.startswith("/tick-"):
            sent.setdefault(hit.path, set()).add(datetime.fromisoformat(hit.due))
    return [(path, due) for path, dues in sent.items() for due in _each_second(min(dues), until) if due not in dues]


def _each_second(first: datetime, last: datetime) -> list[datetime]:
    return [first + timedelta(seconds=number) for number in range(int((last - first).total_seconds()) + 1)]
