"""Somebody's webhook endpoint: takes what is posted, answers as it was told."""

from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

from tests.parts.ports import free_port


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class WebhookReceiver:
    """Listens on loopback; `answers` are the statuses of the next requests, after them it is always 204."""

    def __init__(self, *answers: int) -> None:
        """Prepare to answer so."""
        self.posted: list[Posted] = []
        self.answers = list(answers)
        self.url = f"http://127.0.0.1:{free_port()}/hooks/a-secret-path"
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", int(self.url.split(":")[2].partition("/")[0])).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.posted.append(Posted(path=request.path, headers=headers, body=await request.read()))
        status = self.answers.pop(0) if self.answers else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"} if 300 <= status < 400 else {})
