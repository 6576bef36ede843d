"""A server that answers with exactly the bytes a test gives, and keeps exactly what came."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Script = Callable[["Exchange"], Awaitable[None]]
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Exchange:
    """One request as it came, and the way back; `connection` counts connections from 1, `number` its requests."""

    def __init__(self, head: bytes, body: bytes, writer: asyncio.StreamWriter, connection: int, number: int) -> None:
        """Keep what came."""
        self.head = head.decode("ascii")
        self.body = body
        self.connection = connection
        self.number = number
        self._writer = writer

    @property
    def lines(self) -> list[str]:
        """The request's first line and its header fields."""
        return self.head.split("\r\n")

    @property
    def client(self) -> str:
        """Whom the client's certificate names; empty when it showed none."""
        certificate = self._writer.get_extra_info("peercert") or {}
        return next((part[1] for parts in certificate.get("subject", ()) for part in parts), "")

    async def send(self, *parts: bytes) -> None:
        """Send bytes, each part on its own."""
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()

    async def hang_up(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def reset(self) -> None:
        """Break the connection off, as the kernel does for a process that died."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class RawServer:
    """What has come, and the script that answers."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        """Answer each request by `script`."""
        self.script = script
        self.tls = tls
        self.exchanges: list[Exchange] = []
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests from one connection until either side closes it."""
        self.connections += 1
        connection, number = self.connections, 0
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                number += 1
                exchange = Exchange(head[:-4], body, writer, connection, number)
                self.exchanges.append(exchange)
                await self.script(exchange)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def raw_server(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Give a server on a free loopback port."""
    server = RawServer(script, tls)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answer_ok(exchange: Exchange) -> None:
    """Answer with a short 200."""
    await exchange.send(OK)
