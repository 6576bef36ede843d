"""A small DHCP server on loopback: it keeps what it is asked and answers as a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from services.vmwatch.discovery import Dhcp
from tests.parts.ports import free_port

Answer = Callable[[bytes], list[bytes]]
_OPTIONS_AT = 240


class Responder(asyncio.DatagramProtocol):
    """Answers each question with the packets that the script makes of it."""

    def __init__(self, script: Answer) -> None:
        self.questions: list[bytes] = []
        self._script = script
        self._line: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._line = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question."""
        self.questions.append(data)
        for packet in self._script(data):
            assert self._line is not None
            self._line.sendto(packet, addr)


def offer(question: bytes, options: bytes) -> bytes:
    """Return a reply to a question that carries these options."""
    return b"\x02" + question[1:_OPTIONS_AT] + options


@asynccontextmanager
async def dhcp_server(script: Answer, *, seconds: float = 2.0) -> AsyncIterator[tuple[Responder, Dhcp]]:
    """Give a server and whom to ask for it."""
    transport, responder = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Responder(script), local_addr=("127.0.0.1", 0)
    )
    server = transport.get_extra_info("sockname")
    try:
        yield responder, Dhcp(server=server, client=("127.0.0.1", free_port()), seconds=seconds)
    finally:
        transport.close()
