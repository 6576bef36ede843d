"""Takes: one contestant under one load, seen by the target."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiohttp import ClientSession

from tests.bench.contestants import TAIL, Contestant, Urls
from tests.bench.loads import SHARES, Load, Take, quantile
from tests.bench.machine import Quiet, ServerProcesses
from tests.bench.target import Seen
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program

HANG_HOST = "127.0.0.2"
"""Another address than the healthy target's: what is capped for a target is capped for an address."""

_TRIES_EACH = 2
_STILL = 0.25
"""Seconds without a request after which none is expected any more."""
_PATIENCE = 60.0


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted at both ends of a window."""

    cpu: float
    server_cpu: float | None
    statements: int | None


class Range:
    """The recording target, and the watch on it."""

    def __init__(self, folder: Path, http: ClientSession, server: ServerProcesses | None, *, tries: int) -> None:
        """Prepare; what the target says goes to a file in `folder`. In all, `tries` disturbed takes are made again."""
        self._port = free_port()
        self._folder = folder
        self._http = http
        self._server = server
        self._tries = tries
        self.url = f"http://127.0.0.1:{self._port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Range"]:
        """Run the target."""
        async with Program("tests.bench.target", f"--port={self._port}", log=self._folder / "target.log"):
            await listening(self._port)
            yield self

    @property
    def urls(self) -> Urls:
        """The target alone."""
        return Urls(hit=f"{self.url}/hit")

    async def seen(self, since: float, until: float) -> Seen:
        """Return what the target saw in a window, seconds since 1970; earlier things are forgotten."""
        async with self._http.get(f"{self.url}/report?since={since}&until={until}") as reply:
            return msgspec.json.decode(await reply.read(), type=Seen)

    async def count(self) -> int:
        """Return how many requests it has noted."""
        async with self._http.get(f"{self.url}/count") as reply:
            return int(await reply.read())

    async def forget(self) -> None:
        """Have it forget what it has noted."""
        async with self._http.get(f"{self.url}/forget") as reply:
            await reply.read()

    async def settled(self) -> None:
        """Wait until nothing comes any more, and forget what came: what was under way at a take's end still does."""
        async with asyncio.timeout(_PATIENCE):
            before = -1
            while (now := await self.count()) != before:
                before = now
                await asyncio.sleep(_STILL)
        await self.forget()

    async def take(self, contestant: Contestant, load: Load) -> Take:
        """Measure one contestant under one load; again when something else kept the machine busy."""
        take = await self._once(contestant, load)
        again = 0
        while take.disturbed and self._tries > 0 and again < _TRIES_EACH:
            self._tries -= 1
            again += 1
            take = await self._once(contestant, load)
        return msgspec.structs.replace(take, again=again)

    async def _once(self, contestant: Contestant, load: Load) -> Take:
        async with self._aims(load) as urls:
            try:
                start = await contestant.aim(load, urls)
                since = start + load.warm
                until = since + load.window
                await asyncio.sleep(since - time.time())
                quiet, before = Quiet(self._server), await _counters(contestant)
                await asyncio.sleep(until - time.time())
                after, is_quiet = await _counters(contestant), quiet.ended()
                await asyncio.sleep(TAIL)
                seen = await self.seen(since, until)
            finally:
                await contestant.rest()
            await self.settled()
        return _take(load, seen, before, after, disturbed=not is_quiet)

    @asynccontextmanager
    async def _aims(self, load: Load) -> AsyncIterator[Urls]:
        """Have the targets that a load needs; what hangs on the silent one is let go at the end."""
        if not load.hang_each:
            yield self.urls
            return
        port = free_port()
        arguments = (f"--host={HANG_HOST}", f"--port={port}", "--hang")
        async with Program("tests.bench.target", *arguments, log=self._folder / "silence.log"):
            await listening(port, host=HANG_HOST)
            yield Urls(hit=self.urls.hit, hang=f"http://{HANG_HOST}:{port}/hit")


async def _counters(contestant: Contestant) -> Counters:
    statements = await contestant.statements()
    return Counters(cpu=contestant.cpu(), server_cpu=contestant.server_cpu(), statements=statements)


def _take(load: Load, seen: Seen, before: Counters, after: Counters, *, disturbed: bool) -> Take:
    fired = max(seen.arrived, 1)
    turns = load.window / load.interval
    due = load.jobs * round(turns) if load.herd else round(load.healthy * turns)
    return Take(
        rate=seen.arrived / load.window,
        p50=quantile(seen.lateness, 0.50),
        p99=quantile(seen.lateness, 0.99),
        last=sum(seen.lasts) / max(len(seen.lasts), 1),
        cpu=(after.cpu - before.cpu) / fired,
        due=due,
        lost=max(0, due - len(seen.lateness)),
        doubled=seen.doubled,
        server_cpu=_share(before.server_cpu, after.server_cpu, fired),
        statements=_share(before.statements, after.statements, fired),
        curve=[quantile(seen.lateness, share) for share in SHARES],
        disturbed=disturbed,
    )


def _share(before: float | None, after: float | None, fired: int) -> float | None:
    return None if before is None or after is None else (after - before) / fired
