"""Who is measured: the loop and the peers as processes of their own, a fresh one for each take."""

import asyncio
import time
from pathlib import Path
from typing import Protocol

import msgspec

from tests.bench.environment import programs
from tests.bench.loads import HANGING, Load
from tests.bench.machine import ServerProcesses, executed, processor_seconds
from tests.bench.orders import Order
from tests.parts.postgres import Postgres
from tests.parts.programs import Program
from tests.parts.waiting import until

LEAD = 1.2
"""Seconds from the last preparation to the first start."""
TAIL = 0.6
"""Seconds after a window in which its last requests may still come."""
_FOREVER = 3600.0
_PATIENCE = 60.0


class Urls(msgspec.Struct, frozen=True, kw_only=True):
    """The target that answers, and the one that does not."""

    hit: str
    hang: str = ""


class Contestant(Protocol):
    """Something that fires a load at a target."""

    name: str

    def takes(self, load: str) -> bool:
        """Return whether asking a load by this name of it tells anything."""
        ...

    async def aim(self, load: Load, urls: Urls) -> float:
        """Have the load fired at the target; return the first start, in seconds since 1970, which lies ahead."""
        ...

    async def burst(self, jobs: int, urls: Urls) -> bool:
        """Write jobs that run once, then have all of them found due at once; False when some may have run before."""
        ...

    async def rest(self) -> None:
        """Fire nothing more."""
        ...

    def cpu(self) -> float:
        """Return the processor seconds of its processes so far."""
        ...

    def server_cpu(self) -> float | None:
        """Return the processor seconds of the database server so far; None for those without."""
        ...

    async def statements(self) -> int | None:
        """Return the SQL statements executed so far; None where they cannot be counted cheaply."""
        ...


class Firing:
    """A program of the benchmark's own that takes an order and says `ready`; a fresh one for each take."""

    def __init__(
        self, name: str, module: str, folder: Path, *, python: Path | None = None, spared: frozenset[str] = frozenset()
    ) -> None:
        """`module` runs with `python`, or with the benchmark's own interpreter; it is spared the loads named."""
        self.name = name
        self._module = module
        self._log = folder / f"{name}.log"
        self._spared = spared
        self._python = python
        self._program: Program | None = None

    def takes(self, load: str) -> bool:
        """See the protocol."""
        return load not in self._spared

    async def aim(self, load: Load, urls: Urls) -> float:
        """See the protocol."""
        lead = LEAD + self._preparation(load.rate * (load.warm + load.window))
        for _ in range(3):
            start = round(time.time() + lead, 1)
            order = self._order(load, urls, start)
            await self._start(order)
            if time.time() < start:
                return start
            # It took longer to prepare than last time.
            lead = 1.5 * (time.time() - start + lead)
            await self.rest()
        raise RuntimeError(f"{self.name} does not get ready in time: the machine is too busy to measure anything")

    async def burst(self, jobs: int, urls: Urls) -> bool:
        """See the protocol."""
        now = round(time.time(), 1) - 1
        await self._start(Order(url=urls.hit, jobs=jobs, interval=0, start=now, until=now + _FOREVER))
        return True

    def _order(self, load: Load, urls: Urls, start: float) -> Order:
        return Order(
            url=urls.hit,
            jobs=load.jobs,
            interval=load.interval,
            start=start,
            until=start + _FOREVER,
            herd=load.herd,
            hang_url=urls.hang,
            hang_each=load.hang_each,
        )

    def _preparation(self, runs: float) -> float:
        """Return the seconds that this many runs take to prepare."""
        return 0.5

    async def _start(self, order: Order) -> None:
        self._log.write_bytes(b"")
        self._program = Program(self._module, msgspec.json.encode(order).decode(), log=self._log, python=self._python)
        await self._program.start()
        await until(self._is_ready, seconds=_PATIENCE)

    async def _is_ready(self) -> bool:
        said = self._log.read_text()
        if "Traceback" in said:
            raise RuntimeError(f"{self.name} failed:\n{said}")
        return said.startswith("ready\n")

    async def rest(self) -> None:
        """See the protocol."""
        if self._program is not None:
            await self._program.kill()
            self._program = None

    def cpu(self) -> float:
        """See the protocol."""
        return processor_seconds(self._program.pid) if self._program is not None else 0.0

    def server_cpu(self) -> float | None:
        """See the protocol."""
        return None

    async def statements(self) -> int | None:
        """See the protocol."""
        return None


class Enqueueing(Firing):
    """A peer that keeps its jobs in PostgreSQL: a fresh database for each take, every run written beforehand."""

    def __init__(
        self,
        name: str,
        module: str,
        folder: Path,
        *,
        python: Path,
        server: Postgres,
        processes: ServerProcesses,
        spared: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(name, module, folder, python=python, spared=spared)
        self._server = server
        self._processes = processes
        self._database = ""
        self._seconds_per_run = 0.0002
        self._start_up = 1.0

    def _order(self, load: Load, urls: Urls, start: float) -> Order:
        order = super()._order(load, urls, start)
        return msgspec.structs.replace(order, until=start + load.warm + load.window + TAIL)

    def _preparation(self, runs: float) -> float:
        return self._start_up + runs * self._seconds_per_run

    async def _start(self, order: Order) -> None:
        self._database = await self._server.new_database()
        began = time.monotonic()
        await super()._start(msgspec.structs.replace(order, database=self._database))
        took = time.monotonic() - began
        runs = order.jobs * (max(1.0, (order.until - order.start) / order.interval) if order.interval else 1)
        if runs > 5_000:
            self._seconds_per_run = 1.3 * took / runs
        else:
            self._start_up = 1.3 * took

    async def rest(self) -> None:
        """See the protocol."""
        await super().rest()
        if self._database:
            await self._server.drop_database(self._database)
            self._database = ""

    def server_cpu(self) -> float | None:
        """See the protocol."""
        return self._processes.seconds()

    async def statements(self) -> int | None:
        """See the protocol."""
        return await executed(self._database)


async def field(folder: Path, server: Postgres) -> tuple[Firing, ...]:
    """Return the loop and the peers, each ready to be aimed."""
    python = await asyncio.to_thread(programs) / "python"
    processes = await ServerProcesses.of(server.url("postgres"))

    def enqueueing(name: str, module: str, *spared: str) -> Enqueueing:
        return Enqueueing(
            name, module, folder, python=python, server=server, processes=processes, spared=frozenset(spared)
        )

    return (
        Firing("loop", "tests.bench.loop", folder),
        Firing("APScheduler", "tests.bench.peers.with_apscheduler", folder, python=python),
        enqueueing("Procrastinate", "tests.bench.peers.with_procrastinate", HANGING),
        enqueueing("PgQueuer", "tests.bench.peers.with_pgqueuer"),
    )
