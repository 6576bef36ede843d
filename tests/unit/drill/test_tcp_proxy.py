"""The proxy that drills put between a replica and its database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest

from tests.parts.tcp_proxy import Direction, TcpProxy

SOON = 0.1
"""Long enough for bytes to cross loopback, to see that they do not."""


class Line:
    """A client's connection to an echoing server, through the proxy."""

    def __init__(self, proxy: TcpProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.reader = reader
        self.writer = writer

    async def says(self, seconds: float = 5) -> bytes:
        async with asyncio.timeout(seconds):
            return await self.reader.read(100)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionResetError):
        while chunk := await reader.read(100):
            writer.write(chunk)
    writer.close()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        stack.callback(server.close)
        proxy = await stack.enter_async_context(TcpProxy("127.0.0.1", server.sockets[0].getsockname()[1]))
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        stack.callback(writer.close)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        yield Line(proxy, reader, writer)


async def test_bytes_and_ends_pass_both_ways(line: Line) -> None:
    line.writer.write(b"bye")
    line.writer.write_eof()
    assert await line.says() == b"bye"
    assert await line.says() == b""


async def test_a_cut_resets_what_is_connected_and_refuses_what_comes(line: Line) -> None:
    line.proxy.cut()
    with pytest.raises(ConnectionResetError):
        await line.says()
    reader, writer = await asyncio.open_connection("127.0.0.1", line.proxy.port)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    writer.close()


@pytest.mark.parametrize("direction", list(Direction))
async def test_what_falls_into_a_blackhole_arrives_once_it_is_healed(line: Line, direction: Direction) -> None:
    line.proxy.blackhole(direction)
    line.writer.write(b"late")
    with pytest.raises(TimeoutError):
        await line.says(SOON)
    line.proxy.heal()
    assert await line.says() == b"late"


async def test_a_connection_made_into_a_blackhole_hangs_until_it_is_healed(line: Line) -> None:
    line.proxy.blackhole()
    reader, writer = await asyncio.open_connection("127.0.0.1", line.proxy.port)
    writer.write(b"new")
    with pytest.raises(TimeoutError):
        await Line(line.proxy, reader, writer).says(SOON)
    line.proxy.heal()
    assert await reader.readexactly(3) == b"new"
    writer.close()


async def test_each_chunk_is_held_back_by_the_latency(line: Line) -> None:
    line.proxy.latency = SOON
    began = asyncio.get_running_loop().time()
    line.writer.write(b"slow")
    assert await line.says() == b"slow"
    assert asyncio.get_running_loop().time() - began >= 2 * SOON
