"""The scheduler's stream as its readers get it, over restarts and odd frames."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import aiohttp
import pytest
from aiohttp import web

from services.local.stream import follow
from services.scheduler.feed import Update

LIMIT = 10.0
FRAME = b'data: {"kind": "event", "at": "2026-03-01T12:00:00Z", "summary": "%s", "data": {}}\n\n'


class Stream:
    """Serves one list of chunks per connection, then closes it; `refusals` first answers are 503."""

    def __init__(self) -> None:
        self.connections: list[list[bytes]] = []
        self.refusals = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=503)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in self.connections.pop(0) if self.connections else []:
            await response.write(chunk)
        return response


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
async def url(stream: Stream) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/stream", stream.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/stream"
    await runner.cleanup()


async def first(count: int, url: str) -> list[Update]:
    found: list[Update] = []
    async with (
        asyncio.timeout(LIMIT),
        aiohttp.ClientSession() as session,
        aclosing(follow(session, url)) as updates,
    ):
        async for update in updates:
            found.append(update)
            if len(found) == count:
                break
    return found


async def test_frames_are_read_whatever_the_chunks_and_comments(stream: Stream, url: str) -> None:
    frame = b": hello\n\nevent: event\nid: 7\n" + FRAME % b"one" + FRAME % b"two"
    stream.connections = [[frame[index : index + 5] for index in range(0, len(frame), 5)]]
    assert [update.summary for update in await first(2, url)] == ["one", "two"]


async def test_it_comes_back_after_the_scheduler_was_away(stream: Stream, url: str) -> None:
    stream.connections = [[FRAME % b"before"], [FRAME % b"after"]]
    stream.refusals = 1
    assert [update.summary for update in await first(2, url)] == ["before", "after"]


async def test_a_frame_that_is_no_update_does_not_end_the_story(stream: Stream, url: str) -> None:
    stream.connections = [[b"data: {}\n\n"], [FRAME % b"next"]]
    assert [update.summary for update in await first(1, url)] == ["next"]
