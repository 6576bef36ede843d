"""An AMQP 1.0 peer that behaves as told: what Service Bus does and RabbitMQ has no way to be made to do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from proton import Collector, Condition, Connection, Delivery, Event, Link, Transport

_SASL = b"AMQP\x03\x01\x00\x00"
_MECHANISMS = b"\x00\x00\x00\x15\x02\x01\x00\x00\x00\x53\x40\xc0\x08\x01\xa3\x05PLAIN"
_OUTCOME = b"\x00\x00\x00\x10\x02\x01\x00\x00\x00\x53\x44\xc0\x03\x01\x50"

Behaviour = Callable[["Peer", Delivery], None]


def accept(peer: "Peer", delivery: Delivery) -> None:
    """Take a message."""
    delivery.update(Delivery.ACCEPTED)
    delivery.settle()


class Peer(asyncio.Protocol):
    """One connection; lets everybody in unless `sasl_outcome` says otherwise (§5.3.3.6)."""

    def __init__(self, server: "PeerServer") -> None:
        self.server = server
        self.connection = Connection()
        self._collector = Collector()
        self.connection.collect(self._collector)
        self._engine = Transport(Transport.SERVER)
        self._engine.idle_timeout = server.idle_seconds
        self._engine.bind(self.connection)
        self.links = 0
        self._before = b""
        self._is_in = False
        self.socket: asyncio.Transport
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note where answers go."""
        self.socket = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        self.server.peers.append(self)

    def data_received(self, data: bytes) -> None:
        """Let the client in, then leave it to the engine."""
        if self.server.is_deaf:
            return
        if self.server.nonsense:
            self.socket.write(self.server.nonsense)
            return
        if not self._is_in:
            self._before += data
            data = self._let_in()
        if data:
            self._engine.push(data)
            self.go_on()

    def connection_lost(self, error: Exception | None) -> None:
        """Note that it has ended."""
        self.ended.set()

    def go_on(self) -> None:
        """Act on what has happened, and answer."""
        self._engine.tick(asyncio.get_running_loop().time())
        while True:
            while (event := self._collector.peek()) is not None:
                self._act(event)
                self._collector.pop()
            size = self._engine.pending()
            if size <= 0:
                return
            self.socket.write(self._engine.peek(size) or b"")
            self._engine.pop(size)

    def _let_in(self) -> bytes:
        """Play the server's part of SASL PLAIN; return what came after it."""
        header, rest = self._before[:8], self._before[8:]
        if len(header) < 8 or len(rest) < 4 or len(rest) < int.from_bytes(rest[:4]):
            if header == _SASL and not rest:
                self.socket.write(_SASL + _MECHANISMS)
            return b""
        self.server.logins.append(rest[: int.from_bytes(rest[:4])])
        self.socket.write(_OUTCOME + bytes([self.server.sasl_outcome]))
        self._is_in = True
        return rest[int.from_bytes(rest[:4]) :]

    def _act(self, event: Event) -> None:
        if event.type is Event.CONNECTION_REMOTE_OPEN:
            self.connection.open()
        elif event.type is Event.SESSION_REMOTE_OPEN and event.session is not None:
            event.session.open()
        elif event.type is Event.SESSION_REMOTE_CLOSE and event.session is not None:
            self.links -= 1
            event.session.close()
        elif event.type is Event.LINK_REMOTE_OPEN and event.link is not None:
            self.links += 1
            self._attach(event.link)
        elif event.type is Event.DELIVERY and event.delivery is not None and not event.delivery.partial:
            self.server.messages += 1
            self.server.behaviour(self, event.delivery)

    def _attach(self, link: Link) -> None:
        link.target.copy(link.remote_target)
        link.source.copy(link.remote_source)
        link.max_message_size = self.server.largest
        link.open()
        if self.server.refusal is not None:
            link.condition = self.server.refusal
            link.close()
        elif self.server.gives_credit:
            link.flow(100)


class PeerServer:
    """Listens, and tells its peers how to behave."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = accept
        self.refusal: Condition | None = None
        self.gives_credit = True
        self.largest = 0
        self.is_deaf = False
        self.nonsense = b""
        self.sasl_outcome = 0
        self.idle_seconds = 0.0
        self.peers: list[Peer] = []
        self.logins: list[bytes] = []
        self.messages = 0
        self.port = 0

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"amqp://127.0.0.1:{self.port}"


@asynccontextmanager
async def amqp_peer() -> AsyncIterator[PeerServer]:
    """Give a server that accepts every message until it is told otherwise."""
    server = PeerServer()
    listener = await asyncio.get_running_loop().create_server(lambda: Peer(server), "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for peer in server.peers:
            peer.socket.abort()
            await peer.ended.wait()
        await listener.wait_closed()
