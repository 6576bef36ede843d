"""Who may keep a connection open, for how long, and who gives way when there are too many."""

import asyncio
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
from aiohttp.test_utils import TestServer

from services.scheduler.api.connections import STRANGERS_SECONDS, Connections, room
from services.scheduler.api.ports import Services
from services.scheduler.api.routes import build
from services.scheduler.serving import serving
from shared.settings import Listen
from tests.parts.fakes_api import running_api
from tests.parts.ports import free_port
from tests.parts.tokens import OPERATOR, READER, by_file, three_callers
from tests.parts.waiting import until

MOST = 4


class Door:
    """An API with room for MOST connections, and a time that is turned by hand."""

    def __init__(self, services: Services) -> None:
        """Put the API together."""
        self.now = 0.0
        self._connections = Connections(most=MOST, time=lambda: self.now)
        self._writers: list[asyncio.StreamWriter] = []
        app = build(services)
        app.middlewares.append(self._connections.note)
        self._server = TestServer(app, host="127.0.0.1")

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what is still open."""
        for writer in self._writers:
            writer.close()
        await self._server.close()

    async def open(self, token: str | None = None) -> asyncio.StreamReader:
        """Open a connection, and ask for something on it with a token, if there is one."""
        reader, writer = await asyncio.open_connection(self._server.host, self._server.port)
        self._writers.append(writer)
        await until(self._is_taken)
        if token is not None:
            writer.write(f"GET /openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            assert b" 200 " in await reader.readline()
        return reader

    async def _is_taken(self) -> bool:
        return len(self._server.handler.connections) == len(self._writers)

    def look(self) -> None:
        """Look at what is open."""
        self._connections.look(self._server.handler.connections)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with running_api(rules=by_file(three_callers(tmp_path))) as api, Door(api.services) as door:
        yield door


async def ended(line: asyncio.StreamReader) -> bool:
    """Whether a connection has been closed from the other end."""
    try:
        async with asyncio.timeout(0.2):
            while await line.read(65_536):
                pass
    except TimeoutError:
        return False
    return True


async def test_who_never_says_who_he_is_does_not_keep_a_connection(door: Door) -> None:
    stranger, viewer = await door.open(), await door.open(READER)
    door.look()
    door.now += STRANGERS_SECONDS - 1
    door.look()
    assert not await ended(stranger)
    door.now += 1
    door.look()
    assert await ended(stranger)
    assert not await ended(viewer)


async def test_strangers_together_count_as_one_where_there_are_too_many(door: Door) -> None:
    viewers = [await door.open(READER) for _ in range(2)]
    strangers = [await door.open() for _ in range(4)]
    door.look()
    assert [await ended(one) for one in viewers + strangers] == [False, False, True, True, False, False]


async def test_who_holds_the_most_connections_gives_way(door: Door) -> None:
    operator = await door.open(OPERATOR)
    viewers = [await door.open(READER) for _ in range(5)]
    door.look()
    assert [await ended(one) for one in viewers] == [True, True, False, False, False]
    assert not await ended(operator)


async def test_the_scheduler_looks_at_its_connections_by_itself() -> None:
    listen = Listen("127.0.0.1", free_port())
    async with running_api() as api, serving(listen, api.services, api.replica, None, most=1):
        lines = [await asyncio.open_connection(listen.host, listen.port) for _ in range(3)]
        async with asyncio.timeout(10):
            assert [await reader.read() for reader, _ in lines[:2]] == [b"", b""]
        assert not await ended(lines[2][0])
        for _, writer in lines:
            writer.close()


def test_half_of_the_files_that_a_process_may_have_are_kept_for_jobs() -> None:
    most = room()
    assert most == resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
    assert most >= 512
