"""Takes: one contestant under one load, seen by the target."""

import asyncio
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import ClientSession

from tests.bench.contestants import Contestant
from tests.bench.loads import Load, Take, quantile
from tests.bench.target import Seen
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program

_AFTERWARDS = 0.6
"""Seconds after a window in which its last requests may still come."""


class Range:
    """The recording target, and the watch on it."""

    def __init__(self, folder: Path) -> None:
        """Prepare; what the target says goes to a file in `folder`."""
        self._port = free_port()
        self._program = Program("tests.bench.target", f"--port={self._port}", log=folder / "target.log")
        self._http = ClientSession(f"http://127.0.0.1:{self._port}")
        self.url = f"http://127.0.0.1:{self._port}/hit"

    async def __aenter__(self) -> Self:
        """Start the target."""
        await self._program.start()
        await listening(self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        await self._http.close()
        await self._program.kill()

    async def seen(self, since: float, until: float) -> Seen:
        """Return what the target saw in a window, seconds since 1970; earlier things are forgotten."""
        async with self._http.get(f"/report?since={since}&until={until}") as reply:
            return msgspec.json.decode(await reply.read(), type=Seen)

    async def take(self, contestant: Contestant, load: Load) -> Take:
        """Measure one contestant under one load."""
        start = await contestant.aim(load, self.url)
        since = start + load.warm
        until = since + load.window
        await asyncio.sleep(since - time.time())
        before = contestant.cpu(), await contestant.statements()
        await asyncio.sleep(until - time.time())
        after = contestant.cpu(), await contestant.statements()
        await asyncio.sleep(_AFTERWARDS)
        seen = await self.seen(since, until)
        await contestant.rest()
        return _take(load, seen, after[0] - before[0], _difference(before[1], after[1]))


def _take(load: Load, seen: Seen, cpu: float, statements: int | None) -> Take:
    fired = max(seen.arrived, 1)
    asked = len(seen.lasts) * load.jobs if load.herd else round(load.jobs * load.window / load.interval)
    return Take(
        rate=seen.arrived / load.window,
        p50=quantile(seen.lateness, 0.50),
        p99=quantile(seen.lateness, 0.99),
        last=quantile(sorted(seen.lasts), 0.5),
        cpu=cpu / fired,
        lost=asked - len(seen.lateness),
        statements=None if statements is None else statements / fired,
    )


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
