"""The live stream of what happens."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

import msgspec
from aiohttp import ClientSession, TCPConnector

from services.scheduler.api.routes import build
from services.scheduler.api.stream import MOST_STREAMS
from services.scheduler.feed import Update
from tests.parts.fakes_api import NOON, Api, a_job, running_api, serving
from tests.parts.waiting import until

SOON = 5


async def test_an_update_arrives_named_by_its_kind(api: Api) -> None:
    async with asyncio.timeout(SOON), api.session.get(f"{api.url}/api/v1/stream") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["x-ms-request-id"]
        assert await response.content.readuntil(b"\n\n") == b": heartbeat\n\n"
        api.services.feed.publish(Update(kind="host", at=NOON, summary="db-0 is drained", data={"host": "db-0"}))
        name, data = (await response.content.readuntil(b"\n\n")).decode().strip().split("\n")
    assert name == "event: host"
    assert msgspec.json.decode(data.removeprefix("data: ")) == {
        "kind": "host",
        "at": "2026-03-02T12:00:00Z",
        "summary": "db-0 is drained",
        "data": {"host": "db-0"},
    }


async def test_writes_of_jobs_are_told(api: Api) -> None:
    async with asyncio.timeout(SOON), api.session.get(f"{api.url}/api/v1/stream") as response:
        await response.content.readuntil(b"\n\n")
        await api.call("PUT", "/collections/demo/jobs/hello", a_job())
        assert b'"job demo/hello created"' in await response.content.readuntil(b"\n\n")


async def test_silence_is_broken_by_a_heartbeat() -> None:
    async with (
        running_api(heartbeat=timedelta(milliseconds=5)) as api,
        asyncio.timeout(SOON),
        api.session.get(f"{api.url}/api/v1/stream") as response,
    ):
        for _ in range(3):
            assert await response.content.readuntil(b"\n\n") == b": heartbeat\n\n"


async def test_streams_end_cleanly_at_shutdown(api: Api) -> None:
    async with asyncio.timeout(SOON), ClientSession() as session:
        async with serving(build(api.services)) as url:
            response = await session.get(f"{url}/api/v1/stream")
            await response.content.readuntil(b"\n\n")
        assert await response.content.read() == b""
        response.release()


async def test_a_caller_has_no_more_than_so_many_streams_at_once(api: Api) -> None:
    url = f"{api.url}/api/v1/stream"
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))
        for _ in range(MOST_STREAMS):
            stream = await stack.enter_async_context(session.get(url))
        assert (await api.call("GET", "/stream")).status == 429
        stream.close()
        await until(partial(is_let_in, session, url))


async def is_let_in(session: ClientSession, url: str) -> bool:
    async with session.get(url) as response:
        return response.status == 200
