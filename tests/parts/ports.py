"""Free ports on loopback."""

import asyncio
import os
import socket
from collections.abc import Iterator
from itertools import cycle

_FIRST = 20_000
_SLICE = 1_000
"""Ports a test process deals out, below those that the kernel takes for outgoing connections (from 32,768 on)."""


def _ports() -> Iterator[int]:
    """Yield ports for ever, another slice for each parallel process, none twice before all were had."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
    first = os.getpid() % _SLICE
    return cycle(_FIRST + worker * _SLICE + (first + number) % _SLICE for number in range(_SLICE))


_DEALT = _ports()


def free_port() -> int:
    """Return a TCP port that nobody listens on now and that was not given to anybody lately."""
    return next(port for port in _DEALT if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


async def listening(port: int, *, host: str = "127.0.0.1", seconds: float = 10) -> None:
    """Wait until something accepts connections on the loopback port; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return
