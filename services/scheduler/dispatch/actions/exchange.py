"""One HTTP/1.1 request and its answer, over aiohttp's connector and parser, without its session.

The session takes three quarters of the time of a call, for redirects, cookies, traces and multi-part bodies, which no
action has (docs/performance.md). What stays aiohttp's is what is hard: the pool, addresses, TLS, parsing. These calls
are no part of its documented interface: tests/actions holds them against real servers.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Self
from weakref import WeakSet

import msgspec
from aiohttp import (
    ClientConnectionError,
    ClientOSError,
    ClientRequest,
    ClientTimeout,
    ServerDisconnectedError,
    StreamReader,
    TCPConnector,
    encode_basic_auth,
)
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.domain.headers import FIELD_NAME, OF_THE_WAY
from shared.about import product_version

CONNECT_SECONDS = 30
DRAINED_BYTES = 65536
_CONNECT = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
_SCHEMES = ("http", "https")
_ORIGINS = 1024
_NAMES = 1024
_OURS = OF_THE_WAY | {"expect"}
"""Never a caller's; `Expect` is taken from jobs of old clients, but nobody would wait for its answer."""
_FORWARDED = "X-Forwarded-For: unknown"
"""Metadata services refuse a request that was passed on, and each call here is made for somebody else. `unknown` is no
address that anybody could be taken for (RFC 7239 §6.2)."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Reply(msgspec.Struct, frozen=True):
    """An answer: its status line, its header fields, and the first bytes of its body."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class StaleConnectionError(ClientConnectionError):
    """A kept connection was closed under the request, before a byte of an answer: most likely nobody read it."""


class Exchanges:
    """Requests over one pool of guarded connections. Use it as a context manager."""

    def __init__(
        self,
        guard: TargetGuard,
        *,
        trust: ssl.SSLContext,
        resolver: AbstractResolver | None = None,
        user_agent: str = f"Leeward/{product_version()}",
        drained: int = DRAINED_BYTES,
    ) -> None:
        """`drained`: bytes of a body read so that its connection can be used again; a longer one costs it.

        `trust` is how servers are verified where a request brings nothing of its own; `resolver` finds the addresses of
        names, by default as the system does.
        """
        self._guard = guard
        self._trust = trust
        self._resolver = resolver
        self._user_agent = user_agent
        self._drained = drained
        self._connector: TCPConnector | None = None
        self._kept: WeakSet[ResponseHandler] = WeakSet()

    async def __aenter__(self) -> Self:
        """Open the pool. How much goes on at a time is the caller's to limit."""
        self._connector = TCPConnector(
            limit=0,
            socket_factory=self._guard.open_socket,
            ttl_dns_cache=10,
            ssl=self._trust,
            resolver=self._resolver,
        )
        # An origin's request only tells the connector where to connect, and by which TLS; it is never sent.
        loop = asyncio.get_running_loop()
        self._origin = lru_cache(_ORIGINS)(lambda origin: ClientRequest("GET", origin, loop=loop))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._connector is not None:
            await self._connector.close()

    async def ask(
        self,
        method: str,
        uri: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        tls: ssl.SSLContext | None = None,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Reply:
        """Send a request and return the answer, no redirect followed; cancel it to end it.

        `on_sent` is told when the request is on its way, which it is not before there is a connection.

        Header values are printable ASCII. `tls` is shown and asked for instead of what others use: connections that
        were made with it serve no other requests. Raises ValueError for what is no valid request, ClientError or
        OSError when no answer came, TargetDeniedError (as a cause) for an address that may not be reached.
        """
        url = URL(uri)
        if url.scheme not in _SCHEMES:
            raise ValueError("the address must begin with http:// or https://")
        head = self._head(method, url, headers, body)
        connection = await self._connected(self._way(url.origin(), tls))
        try:
            return await self._over(connection, method, head + body if body else head, on_sent)
        finally:
            connection.close()  # nothing, once it has been released

    def _way(self, origin: URL, tls: ssl.SSLContext | None) -> ClientRequest:
        """Return what the connector is told; the context is part of what it keeps connections by."""
        if tls is None:
            return self._origin(origin)
        return ClientRequest("GET", origin, loop=asyncio.get_running_loop(), ssl=tls)

    async def _connected(self, way: ClientRequest) -> Connection:
        """Return a connection, a kept one if there is any.

        Not one on which the target has spoken since, unasked: that would be taken for the answer to this request.
        """
        while True:
            connection = await self._opened().connect(way, [], _CONNECT)
            protocol = connection.protocol
            if protocol is None or protocol not in self._kept or not protocol.should_close:
                return connection
            connection.close()

    def _head(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """Return a request's first line and fields: ours, save those given, and the given ones."""
        lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.host_port_subcomponent}", _FORWARDED]
        given = set()
        for name, value in headers.items():
            key = _checked(name)
            given.add(key)
            if key not in _OURS:
                lines.append(f"{name}: {value}")
        if "accept" not in given:
            lines.append("Accept: */*")
        if "user-agent" not in given:
            lines.append(f"User-Agent: {self._user_agent}")
        if url.user is not None and "authorization" not in given:
            lines.append(f"Authorization: {encode_basic_auth(url.user, url.password or '')}")
        if body is not None or method in _WITH_BODY:
            lines.append(f"Content-Length: {len(body or b'')}")
        if body and "content-type" not in given:
            lines.append("Content-Type: application/octet-stream")
        lines.append("\r\n")
        return "\r\n".join(lines).encode("ascii")

    async def _over(self, connection: Connection, method: str, request: bytes, on_sent: Callable[[], None]) -> Reply:
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            raise ClientConnectionError("the connection was closed at once")
        protocol.set_response_params(skip_payload=method == "HEAD", read_until_eof=True)
        transport.write(request)
        on_sent()
        try:
            message, payload = await self._first_of(protocol)
            while 100 <= message.code < 200 and message.code != 101:  # interim answers (RFC 9110 §15.2)
                message, payload = await protocol.read()
        except HttpProcessingError as fault:
            # What follows the first line is what was sent.
            why = fault.message.partition("\n")[0].rstrip(":")
            raise ClientConnectionError(f"the answer is not HTTP: {why}") from fault
        body = await self._start_of(payload)
        if payload.is_eof():
            self._kept.add(protocol)
            connection.release()
        return Reply(message.code, message.reason, message.headers, body)

    async def _first_of(self, protocol: ResponseHandler) -> tuple[RawResponseMessage, StreamReader]:
        try:
            return await protocol.read()
        except (ServerDisconnectedError, ClientOSError) as fault:
            began = isinstance(fault, ServerDisconnectedError) and isinstance(fault.message, RawResponseMessage)
            if protocol not in self._kept or began:
                raise
            raise StaleConnectionError("the kept connection was closed before an answer came") from fault

    async def _start_of(self, payload: StreamReader) -> bytes:
        read = b""
        while not payload.at_eof() and len(read) < self._drained:
            read += await payload.read(self._drained - len(read))
        return read

    def _opened(self) -> TCPConnector:
        if self._connector is None:
            raise RuntimeError("Exchanges is used outside its context")
        return self._connector


@lru_cache(_NAMES)
def _checked(name: str) -> str:
    """Return a header field's name in lower case. Raises ValueError for what cannot be one."""
    if FIELD_NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no name of a header field")
    return name.lower()
