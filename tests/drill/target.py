"""The recording target: does as its URL says, and notes each request with its end, complete or broken off."""

import asyncio
import time
import zlib
from datetime import datetime
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

from tests.drill.records import Action, Ending, Request
from tests.parts.ports import free_port

HANGING = 60.0
"""Longer than any caller of a drill waits."""


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """What a target does with a request: answers after `seconds`, or fails with a probability in the way named."""

    seconds: float = 0.0
    fails: float = 0.0
    how: str = "500"
    """500, 429, 503 (both with Retry-After), reset, hang."""

    @property
    def query(self) -> str:
        """The behaviour as a URL's query."""
        return f"seconds={self.seconds}&fails={self.fails}&how={self.how}"


class _Note(msgspec.Struct, kw_only=True):
    request: Request
    ended: float | None = None
    ending: Ending = Ending.OPEN
    status: int = 0


class Target:
    """HTTP servers on loopback addresses, one a host, all on one port; the nemesis says `gone`, `hanging`, `back`."""

    def __init__(self, *addresses: str, seed: int) -> None:
        """Prepare to listen; what fails at random fails the same for the same seed."""
        self.port = free_port()
        self._addresses = addresses
        self._seed = seed
        self._notes: list[_Note] = []
        self._open = asyncio.Event()
        self._open.set()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        await self.gone()

    async def gone(self) -> None:
        """Break every connection and refuse new ones."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def hanging(self) -> None:
        """Answer nothing until `back`."""
        self._open.clear()

    async def back(self) -> None:
        """Be well again."""
        self._open.set()
        if self._runner is None:
            await self._listen()

    def requests(self) -> tuple[Request, ...]:
        """Return everything seen so far."""
        now = time.time()
        return tuple(
            msgspec.structs.replace(note.request, ended=note.ended or now, ending=note.ending, status=note.status)
            for note in self._notes
        )

    @property
    def is_quiet(self) -> bool:
        """Whether no request is open."""
        return all(note.ended is not None for note in self._notes)

    async def _listen(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{action}/{job}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
        await self._runner.setup()
        for address in self._addresses:
            await web.TCPSite(self._runner, address, self.port, backlog=1024, reuse_address=True).start()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        note = _Note(request=_noted(request))
        self._notes.append(note)
        try:
            return await self._answer(request, note)
        finally:
            if note.ended is None:
                note.ended, note.ending = time.time(), Ending.BROKEN

    async def _answer(self, request: web.Request, note: _Note) -> web.StreamResponse:
        await self._open.wait()
        behaviour = msgspec.convert(dict(request.query), Behaviour, strict=False)
        await asyncio.sleep(behaviour.seconds)
        status = 200
        if self._dice(note.request) < behaviour.fails:
            if behaviour.how == "hang":
                await asyncio.sleep(HANGING)
            if behaviour.how == "reset":
                return _reset(request)
            status = int(behaviour.how)
        response = web.Response(status=status, headers={"Retry-After": "1"} if status in (429, 503) else None)
        await response.prepare(request)
        await response.write_eof()
        note.ended, note.ending, note.status = time.time(), Ending.ANSWERED, status
        return response

    def _dice(self, request: Request) -> float:
        """Return a number from 0 to 1 that seed, occurrence and attempt decide."""
        return zlib.crc32(f"{self._seed}/{request.occurrence}/{request.attempt}".encode()) / 2**32


def _noted(request: web.Request) -> Request:
    now = time.time()
    headers = request.headers
    return Request(
        job=request.match_info["job"],
        occurrence=headers["webhook-id"],
        attempt=int(headers["x-leeward-attempt"]),
        action=Action(request.match_info["action"]),
        scheduled=datetime.fromisoformat(headers["x-leeward-scheduled-time"]).timestamp(),
        arrived=now,
        ended=now,
        host=headers.get("x-leeward-host", ""),
        version=int(headers.get("x-drill-version", "0")),
    )


def _reset(request: web.Request) -> web.StreamResponse:
    """Break the connection; what is returned finds nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
