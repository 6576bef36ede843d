"""A recording target: small HTTP servers standing for what runs on the VMs, and everything they were asked."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

from tests.parts.ports import free_port


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the target saw it; `address` is the one it was sent to, `at` the time by this machine's clock."""

    path: str
    address: str
    occurrence: str
    attempt: int
    due: str
    headers: dict[str, str]
    at: datetime


class Recorder:
    """Listens on loopback addresses, one a VM. `/gated` answers only while the gate is open, `/fail` with 500."""

    def __init__(self, *addresses: str) -> None:
        """Prepare to listen on the addresses, all on one port."""
        self.port = free_port()
        self.hits: list[Hit] = []
        self.gate = asyncio.Event()
        self._addresses = addresses
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        for address in self._addresses:
            await web.TCPSite(self._runner, address, self.port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer what still waits and stop listening."""
        self.gate.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def until(self, condition: Callable[[list[Hit]], bool], *, seconds: float = 20) -> list[Hit]:
        """Wait until the hits satisfy the condition and return them; raises TimeoutError that shows them."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: condition(self.hits))
        except TimeoutError as fault:
            raise TimeoutError(f"only {[(hit.path, hit.address, hit.attempt) for hit in self.hits]}") from fault
        return list(self.hits)

    async def until_silent(self, *, seconds: float) -> None:
        """Wait until nothing has come for so long."""
        with suppress(TimeoutError):
            while True:
                await self._one_more(seconds)

    async def _one_more(self, seconds: float) -> None:
        seen = len(self.hits)
        await self.until(lambda hits: len(hits) > seen, seconds=seconds)

    async def until_hit(self, path: str, address: str | None = None, *, after: int = 0, seconds: float = 20) -> Hit:
        """Wait for a request for a path (on an address) later than the first `after` hits, and return it."""

        def matching(hits: list[Hit]) -> list[Hit]:
            return [hit for hit in hits[after:] if hit.path == path and address in (None, hit.address)]

        return matching(await self.until(lambda hits: bool(matching(hits)), seconds=seconds))[0]

    async def _take(self, request: web.Request) -> web.Response:
        sockname = request.transport.get_extra_info("sockname") if request.transport is not None else ("",)
        hit = Hit(
            path=request.path,
            address=sockname[0],
            occurrence=request.headers.get("webhook-id", ""),
            attempt=int(request.headers.get("x-leeward-attempt", "0")),
            due=request.headers.get("x-leeward-scheduled-time", ""),
            headers={name.lower(): value for name, value in request.headers.items()},
            at=datetime.now(UTC),
        )
        async with self._changed:
            self.hits.append(hit)
            self._changed.notify_all()
        if request.path == "/gated":
            await self.gate.wait()
        return web.Response(status=500 if request.path == "/fail" else 200, text="done")
