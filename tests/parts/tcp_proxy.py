"""A TCP proxy that misbehaves on command: stands between a client and a server for partitions and slow lines."""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing sends a reset."""


class Direction(Enum):
    """Which way bytes travel: up is from the client to the server."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class TcpProxy:
    """Passes bytes between whoever connects to `port` (loopback) and a target, for the length of an `async with`.

    `cut` ends what is connected with a reset and refuses what comes. `blackhole` keeps connections open and passes
    nothing on, their ends neither: as in a partition the bytes are not lost, they arrive once it is healed. `latency`
    is the seconds that each chunk is held back, both ways.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        """Prepare to pass on to the target."""
        self._target = (target_host, target_port)
        self._gates = {Direction.UP: asyncio.Event(), Direction.DOWN: asyncio.Event()}
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._is_cut = False
        self.latency = 0.0
        self.heal()

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """The port to connect to; raises RuntimeError outside the `async with`."""
        if self._server is None:
            raise RuntimeError("the proxy does not run")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many connections pass through now."""
        return len(self._links)

    def cut(self, last_words: bytes = b"") -> None:
        """Reset every connection and refuse new ones until healed; clients find `last_words` before the reset."""
        self._is_cut = True
        for link in list(self._links):
            link.reset(last_words)

    def blackhole(self, direction: Direction = Direction.BOTH) -> None:
        """Pass nothing on that way until healed; nobody is told."""
        for gate in self._gates_of(direction):
            gate.clear()

    def heal(self) -> None:
        """Pass everything on again, what was held back first."""
        self._is_cut = False
        for gate in self._gates.values():
            gate.set()

    def _gates_of(self, direction: Direction) -> Iterator[asyncio.Event]:
        return (gate for way, gate in self._gates.items() if direction in (way, Direction.BOTH))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if self._is_cut or task is None:
            _reset(writer)
            return
        self._tasks.add(task)
        # A handler that ends cancelled is reported as a failure; this one is cancelled by design.
        with suppress(asyncio.CancelledError):
            await self._join(reader, writer)
        self._tasks.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Half-open: who connects into a blackhole learns nothing, so the target is not asked either.
            await self._gates[Direction.UP].wait()
            there, back = await asyncio.open_connection(*self._target)
        except (OSError, asyncio.CancelledError):
            _reset(writer)
            return
        link = _Link(writer, back)
        if self._is_cut:
            link.reset()
            return
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, back, self._gates[Direction.UP]))
                pumps.create_task(self._pump(there, writer, self._gates[Direction.DOWN]))
        except* OSError:
            link.reset()
        finally:
            self._links.discard(link)
            link.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        """Pass on what comes, the end included, while the gate is open."""
        while True:
            chunk = await source.read(_CHUNK)
            if self.latency:
                await asyncio.sleep(self.latency)
            await gate.wait()
            if not chunk:
                if sink.can_write_eof():
                    sink.write_eof()
                return
            sink.write(chunk)
            await sink.drain()


class _Link:
    """Two connections that are one to those at their ends."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._writers = (client, server)

    def reset(self, last_words: bytes = b"") -> None:
        """End both at once; their other ends see a reset."""
        if last_words:
            os.write(self._writers[0].get_extra_info("socket").fileno(), last_words)  # past the loop, which would wait
        for writer in self._writers:
            _reset(writer)

    def close(self) -> None:
        """End both in good order: what was passed on arrives."""
        for writer in self._writers:
            writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    line = writer.get_extra_info("socket")
    if line is not None and line.fileno() >= 0:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
