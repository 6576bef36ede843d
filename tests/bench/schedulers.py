"""Leeward as a contestant: real `services.scheduler` processes, their jobs created through the API."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.bench.contestants import LEAD, Urls
from tests.bench.loads import Load
from tests.bench.machine import ServerProcesses, executed, processor_seconds
from tests.bench.orders import Order
from tests.parts.ports import free_port
from tests.parts.programs import Program
from tests.parts.waiting import until

COLLECTION = "bench"
_BATCH = 1_000
_MARGIN = 1.4
"""How much longer than the last time creating jobs may take."""
_PATIENCE = ClientTimeout(total=120)
_START_SECONDS = 60.0
_STOP_SECONDS = 2.0
_SUCCEEDED = 'leeward_executions_total{outcome="succeeded"}'

Json = dict[str, Any]


class Replica:
    """One scheduler process that can be stopped and started again."""

    def __init__(self, name: str, folder: Path, database: str, broker: str, prefix: str, **settings: str) -> None:
        """Prepare; `database` and `broker` are URLs. What it says goes to a file in `folder`."""
        self._api, self._ops = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._api}/api/v1"
        self.program = Program(
            "services.scheduler",
            log=folder / f"{name}.log",
            settings={
                "LEEWARD_DATABASE_URL": database,
                "LEEWARD_MQTT_URL": broker,
                "LEEWARD_LISTEN": f"127.0.0.1:{self._api}",
                "LEEWARD_OPS_LISTEN": f"127.0.0.1:{self._ops}",
                "LEEWARD_TARGETS_ALLOW": "127.0.0.0/8",
                "LEEWARD_REPLICA": name.lower(),
                "LEEWARD_TOPIC_PREFIX": prefix,
                **settings,
            },
        )

    async def executed(self, http: ClientSession) -> float:
        """Return how many executions have succeeded."""
        async with http.get(f"http://127.0.0.1:{self._ops}/metrics") as reply:
            lines = (await reply.text()).splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(_SUCCEEDED))

    async def start(self, http: ClientSession) -> float:
        """Start it and wait until it dispatches; return the seconds that took."""
        began = time.monotonic()
        await self.program.start()

        async def is_ready() -> bool:
            try:
                async with http.get(f"http://127.0.0.1:{self._ops}/readyz") as reply:
                    return reply.status == 200
            except ClientError:
                return False

        await until(is_ready, seconds=_START_SECONDS)
        return time.monotonic() - began


class Scheduler:
    """One or more replicas on one database, alive for the whole bench; the first one's API makes the jobs."""

    def __init__(
        self,
        name: str,
        folder: Path,
        database: str,
        broker: str,
        *,
        replicas: int = 1,
        http: ClientSession,
        spared: frozenset[str] = frozenset(),
    ) -> None:
        """Prepare; `database` and `broker` are URLs. It is spared the loads named."""
        self.name = name
        self._spared = spared
        self.prefix = f"bench-{name.lower().replace(' ', '-')}-{uuid4().hex[:8]}"
        self.database = database
        self._http = http
        self._server: ServerProcesses | None = None
        self._seconds_per_job = 0.0
        self.replicas = [Replica(f"{self.prefix}-{n}", folder, database, broker, self.prefix) for n in range(replicas)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Scheduler"]:
        """Start it, wait until it dispatches, and end it with the context."""
        async with AsyncExitStack() as stack:
            for replica in self.replicas:
                stack.push_async_callback(replica.program.kill)
            await self.start()
            if self.on_server:
                self._server = await ServerProcesses.of(self.database)
            await self.call("PUT", f"/collections/{COLLECTION}", {})
            await self._practise()
            yield self

    @property
    def on_server(self) -> bool:
        """Whether its database is PostgreSQL."""
        return self.database.startswith("postgresql")

    async def start(self) -> float:
        """Start every replica; return the seconds until the last one was ready."""
        return max(await asyncio.gather(*(replica.start(self._http) for replica in self.replicas)))

    async def stop(self) -> None:
        """Ask every replica to leave and wait until it has."""
        await asyncio.gather(*(replica.program.stop(seconds=_START_SECONDS) for replica in self.replicas))

    async def _practise(self) -> None:
        """Find out how long creating jobs takes, so that they are there when they are due."""
        later = time.time() + 3600
        await self.create([job(f"job-{number}", "http://127.0.0.1/", later, 1) for number in range(_BATCH)])
        await self.rest()

    async def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call the API below /api/v1 and return its JSON; fails on anything but success."""
        async with self._http.request(method, f"{self.replicas[0].url}{path}", json=body, timeout=_PATIENCE) as reply:
            if reply.status >= 300:
                raise RuntimeError(f"{method} {path}: {reply.status} {await reply.text()}")
            return await reply.json() if reply.content_type.endswith("json") else None

    async def executed(self) -> dict[str, float]:
        """Return by replica how many executions have succeeded."""
        return {replica.url: await replica.executed(self._http) for replica in self.replicas}

    async def create(self, jobs: Sequence[Json], *, batch: int = _BATCH, collection: str = COLLECTION) -> None:
        """Create jobs in batches, and remember how long many of them take."""
        began = time.monotonic()
        for first in range(0, len(jobs), batch):
            body = {"value": jobs[first : first + batch]}
            answers = await self.call("POST", f"/collections/{collection}/jobs:batch", body)
            refused = [answer for answer in answers["value"] if answer["status"] >= 300]
            if refused:
                raise RuntimeError(f"refused: {refused[0]}")
        if len(jobs) >= _BATCH:
            self._seconds_per_job = (time.monotonic() - began) / len(jobs)

    # -- as a contestant -----------------------------------------------------------------------------------------------

    def takes(self, load: str) -> bool:
        """See the protocol."""
        return load not in self._spared

    async def aim(self, load: Load, urls: Urls) -> float:
        """See the protocol."""
        start = round(time.time() + LEAD + load.jobs * self._seconds_per_job * _MARGIN, 1)
        order = Order(
            url=urls.hit,
            jobs=load.jobs,
            interval=load.interval,
            start=start,
            until=start,
            herd=load.herd,
            hang_url=urls.hang,
            hang_each=load.hang_each,
        )
        await self.create(
            [
                job(f"job-{number}", order.address(number), first, load.interval)
                for number, first in enumerate(order.firsts())
            ]
        )
        if time.time() > start:
            self._seconds_per_job *= 2
            await self.rest()
            return await self.aim(load, urls)
        return start

    async def burst(self, jobs: int, urls: Urls) -> bool:
        """See the protocol: the jobs fall due while no scheduler runs, so `catchUp` decides, and runs each."""
        due = time.time() + LEAD + _STOP_SECONDS + jobs * self._seconds_per_job * _MARGIN
        await self.create([job(f"job-{number}", f"{urls.hit}/{number}", due, 0) for number in range(jobs)])
        await self.stop()
        ahead = due - time.time()
        await asyncio.sleep(max(0.0, ahead))
        await self.start()
        return ahead > 0

    async def rest(self) -> None:
        """See the protocol."""
        await self.call("DELETE", f"/collections/{COLLECTION}")
        await self.call("PUT", f"/collections/{COLLECTION}", {})

    def cpu(self) -> float:
        """See the protocol."""
        return sum(processor_seconds(replica.program.pid) for replica in self.replicas)

    def server_cpu(self) -> float | None:
        """See the protocol."""
        return self._server.seconds() if self._server is not None else None

    async def statements(self) -> int | None:
        """See the protocol."""
        return await executed(self.database) if self.on_server else None


def job(name: str, url: str, start: float, interval: int, **more: object) -> Json:
    """Return a job document that asks the URL every `interval` seconds from `start` on; 0 makes it run once.

    What is late runs all the same, as the loop's jobs do.
    """
    rule = {"recurrence": {"frequency": "Second", "interval": interval}} if interval else {}
    return {
        "name": name,
        "action": {"type": "Http", "request": {"method": "GET", "uri": url}, "retryPolicy": {"retryType": "None"}},
        "startTime": datetime.fromtimestamp(start, UTC).isoformat(timespec="milliseconds"),
        "overlap": "Allow",
        **rule,
        **more,
    }
