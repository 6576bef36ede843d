"""Scheduler processes under test; one that falls is started again, as an orchestrator would."""

import asyncio
import os
from pathlib import Path

from aiohttp import ClientError, ClientSession

from tests.parts.ports import free_port
from tests.parts.programs import Program
from tests.parts.tcp_proxy import TcpProxy

GRACE_SECONDS = 5
READY_SECONDS = 40
_LOOK_SECONDS = 0.05
_PAUSE_SECONDS = 0.3


class Replica:
    """One scheduler; on PostgreSQL with a line of its own to the database, which can be cut.

    `wanted` says whether it is meant to run: then it is started again when it falls.
    """

    def __init__(
        self, name: str, folder: Path, http: ClientSession, settings: dict[str, str], line: TcpProxy | None = None
    ) -> None:
        """Prepare it; `settings` are what all replicas share, and its database."""
        self.name = name
        self.line = line
        self.wanted = False
        self.clock = folder / f"{name}.clock"
        self._http = http
        # While it is down nobody else may take its ports: an address of this process's own.
        self._address = address = f"127.{1 + os.getpid() // 250 % 250}.{1 + os.getpid() % 250}.1"
        self._api_port, self._ops_port = free_port(), free_port()
        self.program = Program(
            "services.scheduler",
            log=folder / f"{name}.log",
            settings={
                "LEEWARD_LISTEN": f"{address}:{self._api_port}",
                "LEEWARD_OPS_LISTEN": f"{address}:{self._ops_port}",
                "LEEWARD_TARGETS_ALLOW": "127.0.0.0/8",
                "LEEWARD_GRACE_SECONDS": str(GRACE_SECONDS),
                "LEEWARD_REPLICA": name,
                **settings,
                **(stepping(self.clock) if line is not None else {}),
            },
        )

    @property
    def api(self) -> str:
        """Where its API is."""
        return f"http://{self._address}:{self._api_port}/api/v1"

    @property
    def has_fallen(self) -> bool:
        """Whether it has ended though it is meant to run."""
        return self.wanted and self.program.has_ended

    async def start(self) -> None:
        """Start it, as often as it takes, and wait until it dispatches; raises TimeoutError."""
        self.wanted = False
        async with asyncio.timeout(READY_SECONDS):
            await self.program.start()
            while not await self._is_ready():
                if self.program.has_ended:
                    await asyncio.sleep(_PAUSE_SECONDS)
                    await self.program.start()
                await asyncio.sleep(_LOOK_SECONDS)
        self.wanted = True

    async def kill(self) -> None:
        """End it at once."""
        self.wanted = False
        await self.program.kill()

    async def leave(self) -> None:
        """Ask it to end, and end it if it does not within its grace and a margin."""
        self.wanted = False
        try:
            await self.program.stop(seconds=GRACE_SECONDS + 10)
        except TimeoutError:
            await self.program.kill()

    async def _is_ready(self) -> bool:
        try:
            async with self._http.get(f"http://{self._address}:{self._ops_port}/readyz") as reply:
                return reply.status == 200
        except (ClientError, OSError, TimeoutError):
            return False


def faketime() -> Path | None:
    """Return the library that steps a process's clock, where it is installed."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def stepping(clock: Path) -> dict[str, str]:
    """Return the environment of a process whose wall clock a file may step while it runs; its monotonic one goes on."""
    library = faketime()
    if library is None:
        return {}
    clock.write_text("+0\n")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
