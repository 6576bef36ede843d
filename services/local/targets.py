"""What runs on the emulated VMs: one small HTTP server per address that works a moment and counts what it was asked.

    python -m services.local.targets PORT db-0=127.0.0.11 db-1=127.0.0.12 …

`/ANYTHING` works briefly, `/slow?seconds=8` for that long, `/fail?status=500` answers so; `/` shows the counts.
"""

import asyncio
import sys
from collections import Counter
from contextlib import AsyncExitStack
from random import Random

from aiohttp import web

from shared.lifecycle import run
from shared.logs import configure, get_logger

_SLOWEST = 600.0


class Target:
    """The server of one VM."""

    def __init__(self, name: str, random: Random) -> None:
        """`random` draws how long ordinary work takes: 50 to 300 ms."""
        self.name = name
        self._random = random
        self._running: Counter[str] = Counter()
        self._finished: Counter[str] = Counter()
        self._log = get_logger("targets").bind(vm=name)

    def application(self) -> web.Application:
        """Return the routes of this VM."""
        app = web.Application()
        app.router.add_get("/", self._counts)
        app.router.add_route("*", "/slow", self._slow)
        app.router.add_route("*", "/fail", self._fail)
        app.router.add_route("*", "/{work:.+}", self._quick)
        return app

    async def _counts(self, _: web.Request) -> web.Response:
        running = {path: count for path, count in self._running.items() if count}
        return web.json_response({"vm": self.name, "running": running, "finished": self._finished})

    async def _quick(self, request: web.Request) -> web.Response:
        return await self._work(request, self._random.uniform(0.05, 0.3))

    async def _slow(self, request: web.Request) -> web.Response:
        try:
            seconds = float(request.query.get("seconds", "1"))
        except ValueError:
            raise web.HTTPBadRequest(text="seconds: give a number, e.g. /slow?seconds=8") from None
        return await self._work(request, min(max(seconds, 0.0), _SLOWEST))

    async def _fail(self, request: web.Request) -> web.Response:
        text = request.query.get("status", "500")
        if not (text.isdecimal() and 400 <= int(text) <= 599):
            raise web.HTTPBadRequest(text="status: give a number from 400 to 599, e.g. /fail?status=503")
        self._finished[request.path] += 1
        return web.Response(status=int(text), text=f"{self.name} fails as asked\n")

    async def _work(self, request: web.Request, seconds: float) -> web.Response:
        log = self._log.bind(path=request.path, job=request.headers.get("x-leeward-job", ""))
        log.info("work started", occurrence=request.headers.get("webhook-id", ""), seconds=round(seconds, 3))
        self._running[request.path] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._running[request.path] -= 1
        self._finished[request.path] += 1
        log.info("work finished")
        return web.Response(text=f"{self.name} did {request.path}\n")


async def serve(port: int, addresses: dict[str, str], random: Random, stop: asyncio.Event) -> None:
    """Serve each name in `addresses` (name to IP address) until `stop` is set."""
    async with AsyncExitStack() as stack:
        for name, address in addresses.items():
            runner = web.AppRunner(Target(name, random).application(), access_log=None, shutdown_timeout=0.5)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, address, port).start()
        await stop.wait()


def main(arguments: list[str]) -> int:
    """Run until SIGTERM; `arguments` are the port and NAME=ADDRESS pairs."""
    configure()
    port, *pairs = arguments
    addresses = dict(pair.split("=", 1) for pair in pairs)
    return run(lambda stop: serve(int(port), addresses, Random(), stop))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
