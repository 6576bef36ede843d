"""Freezes of this very process, and news that comes meanwhile."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def frozen_while_told(seconds: float, heard: Callable[[], None]) -> AsyncIterator[None]:
    """Hold up the loop, as a process is that was stopped, and leave news in a socket meanwhile.

    `heard` is called when it was read, as far from the socket as a message is that passes a parser and a queue.
    """
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)

    async def listen() -> None:
        for _ in range(3):
            await reader.readline()
            await asyncio.sleep(0)
        heard()

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    there.sendall(b"one\ntwo\nthree\n")
    _freeze(seconds)
    try:
        yield
        await listening
    finally:
        writer.close()
        await writer.wait_closed()
        there.close()


def _freeze(seconds: float) -> None:
    time.sleep(seconds)
