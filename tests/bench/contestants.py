"""Who is measured: the bare loop, and real scheduler processes on SQLite and PostgreSQL."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import psutil
from aiohttp import ClientSession, ClientTimeout

from tests.bench.loads import Load
from tests.bench.loop import starts
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.waiting import until

LEAD = 1.5
"""Seconds from the last preparation to the first start."""
_BATCH = 1_000
_MARGIN = 1.6
"""How much longer than the first time creating jobs may take."""
_PATIENCE = ClientTimeout(total=60)

Json = dict[str, Any]


class Contestant(Protocol):
    """Something that fires a load at a target."""

    name: str

    async def aim(self, load: Load, url: str) -> float:
        """Have the load fired at the target; return the first start, in seconds since 1970, which lies ahead."""
        ...

    async def rest(self) -> None:
        """Fire nothing more."""
        ...

    def cpu(self) -> float:
        """Return the processor seconds of the process so far."""
        ...

    async def statements(self) -> int | None:
        """Return the SQL statements executed so far; None where they cannot be counted cheaply."""
        ...


class BareLoop:
    """The yardstick, a fresh process for each take."""

    name = "loop"

    def __init__(self, folder: Path) -> None:
        self._log = folder / "loop.log"
        self._program: Program | None = None

    async def aim(self, load: Load, url: str) -> float:
        """See the protocol."""
        start = float(int(time.time() + LEAD) + 1)
        flags = {"url": url, "jobs": load.jobs, "interval": load.interval, "start": start, "until": start + 3600}
        herd = ("--herd",) if load.herd else ()
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        self._program = Program("tests.bench.loop", *arguments, *herd, log=self._log)
        await self._program.start()
        return start

    async def rest(self) -> None:
        """See the protocol."""
        if self._program is not None:
            await self._program.kill()

    def cpu(self) -> float:
        """See the protocol."""
        return processor_seconds(self._program.pid) if self._program is not None else 0.0

    async def statements(self) -> int | None:
        """See the protocol."""
        return None


class Scheduler:
    """A real `services.scheduler` process, alive for the whole bench; its jobs come and go through the API."""

    def __init__(self, name: str, folder: Path, database: str, broker: str) -> None:
        """Prepare; `database` and `broker` are URLs. What it says goes to a file in `folder`."""
        self.name = name
        self.prefix = f"bench-{name.lower()}"
        self._database = database
        self._api, self._ops = free_port(), free_port()
        self._seconds_per_job = 0.0
        self._http: ClientSession | None = None
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
                "LEEWARD_TOPIC_PREFIX": self.prefix,
            },
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Scheduler"]:
        """Start it, wait until it dispatches, and end it with the context."""
        async with ClientSession(timeout=_PATIENCE) as self._http, self.program:
            await listening(self._api, seconds=20)
            await until(self._is_ready, seconds=20)
            await self._practise()
            yield self

    async def _practise(self) -> None:
        """Find out how long creating jobs takes, so that they are there when they are due."""
        await self.call("PUT", "/collections/bench", {})
        began = time.monotonic()
        await self.create(
            [job(f"job-{number}", "http://127.0.0.1/", time.time() + 3600, 1) for number in range(_BATCH)]
        )
        self._seconds_per_job = (time.monotonic() - began) / _BATCH
        await self.rest()

    async def _is_ready(self) -> bool:
        async with self._session.get(f"http://127.0.0.1:{self._ops}/readyz") as reply:
            return reply.status == 200

    @property
    def _session(self) -> ClientSession:
        if self._http is None:
            raise RuntimeError(f"the scheduler on {self.name} does not run")
        return self._http

    async def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call the API below /api/v1 and return its JSON; fails on anything but success."""
        async with self._session.request(method, f"http://127.0.0.1:{self._api}/api/v1{path}", json=body) as reply:
            if reply.status >= 300:
                raise RuntimeError(f"{method} {path}: {reply.status} {await reply.text()}")
            return await reply.json() if reply.content_type.endswith("json") else None

    async def aim(self, load: Load, url: str) -> float:
        """See the protocol."""
        start = float(int(time.time() + LEAD + load.jobs * self._seconds_per_job * _MARGIN) + 1)
        firsts = starts(load.jobs, load.interval, start, herd=load.herd)
        await self.create([job(f"job-{number}", url, first, load.interval) for number, first in enumerate(firsts)])
        if time.time() > start:
            raise RuntimeError(f"{load.jobs} jobs took too long to create: the machine is too busy to measure anything")
        return start

    async def create(self, jobs: list[Json]) -> None:
        """Create jobs in batches."""
        for first in range(0, len(jobs), _BATCH):
            answers = await self.call("POST", "/collections/bench/jobs:batch", {"value": jobs[first : first + _BATCH]})
            refused = [answer for answer in answers["value"] if answer["status"] >= 300]
            if refused:
                raise RuntimeError(f"refused: {refused[0]}")

    async def rest(self) -> None:
        """See the protocol."""
        await self.call("DELETE", "/collections/bench")
        await self.call("PUT", "/collections/bench", {})

    def cpu(self) -> float:
        """See the protocol."""
        return processor_seconds(self.program.pid)

    async def statements(self) -> int | None:
        """See the protocol: PostgreSQL's own count, transaction control included."""
        if not self._database.startswith("postgresql"):
            return None
        connection = await asyncpg.connect(self._database)
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            return int(await connection.fetchval(_COUNT))
        except asyncpg.PostgresError:
            return None
        finally:
            await connection.close()


_COUNT = """
SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
JOIN pg_database ON pg_database.oid = dbid AND datname = current_database()
WHERE query NOT LIKE '%pg_stat_statements%'
"""


def job(name: str, url: str, start: float, interval: int, **more: object) -> Json:
    """Return a job document that asks the URL every `interval` seconds from `start` on."""
    return {
        "name": name,
        "action": {"type": "Http", "request": {"method": "GET", "uri": url}, "retryPolicy": {"retryType": "None"}},
        "recurrence": {"frequency": "Second", "interval": interval},
        "startTime": datetime.fromtimestamp(start, UTC).isoformat(timespec="milliseconds"),
        **more,
    }


def processor_seconds(pid: int) -> float:
    """Return user and system seconds of a process."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
