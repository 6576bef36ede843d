"""A body that never comes to an end."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import ClientSession, web

from services.scheduler.api.problems import middleware
from services.scheduler.api.requests import read_document
from tests.parts.fakes_api import serving


async def patient(request: web.Request) -> web.Response:
    """Read a document, though not for long."""
    await read_document(request, seconds=0.1)
    return web.Response()


async def endless() -> AsyncIterator[bytes]:
    """Begin a document, and say no more."""
    yield b'{"value": ['
    await asyncio.Event().wait()


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    app = web.Application(middlewares=[middleware(lambda: "id")])
    app.router.add_post("/", patient)
    async with serving(app) as url, ClientSession() as session, session.post(url, data=endless()) as reply:
        assert reply.status == 400
        assert "took more than 0.1 s" in (await reply.json(content_type=None))["detail"]
