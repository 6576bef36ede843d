"""What no action may reach: a listener that only counts, a guard that keeps what it let through, names that lie."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.settings import ALWAYS_DENIED
from tests.parts.ports import free_port


class Canary:
    """Listens on loopback, IPv4 and IPv6, on one port, and answers whoever comes."""

    def __init__(self) -> None:
        self.port = free_port()
        self.connections = 0

    async def take(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count a connection."""
        self.connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


@asynccontextmanager
async def canary(*addresses: str) -> AsyncIterator[Canary]:
    """Give one that listens on loopback addresses; without IPv6 on 127.0.0.1 alone."""
    listening = Canary()
    async with AsyncExitStack() as stack:
        for address in addresses or _loopback():
            server = await asyncio.start_server(listening.take, address, listening.port)
            await stack.enter_async_context(server)
        yield listening


class WatchedGuard(TargetGuard):
    """The guard with what is always denied; `opened` holds the addresses that got a socket."""

    def __init__(self, deny: Iterable[str] = (), allow: Iterable[str] = ()) -> None:
        super().__init__((*ALWAYS_DENIED, *deny), allow)
        self.opened: list[str] = []

    def open_socket(self, info: AddrInfoType) -> socket.socket:
        """Keep which address gets a socket."""
        opened = super().open_socket(info)
        self.opened.append(str(info[4][0]))
        return opened


class Names(AbstractResolver):
    """Answers for every name with the given addresses, another each time; commas separate several in one answer."""

    def __init__(self, *answers: str) -> None:
        self._answers = itertools.cycle(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the next answer."""
        self.asked.append(host)
        return [_result(host, address, port) for address in next(self._answers).split(",")]

    async def close(self) -> None:
        """Nothing is open."""


def _loopback() -> tuple[str, ...]:
    """Return the loopback addresses of this machine; not every container has IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return ("127.0.0.1",)
    return ("127.0.0.1", "::1")


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
