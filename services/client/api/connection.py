"""Requests to a scheduler: what is sent, what is tried again, what comes back."""

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    TCPConnector,
)
from yarl import URL

from services.client.api.access import check_url
from services.client.api.errors import (
    NotReachableError,
    StrangerError,
    ThrottledError,
    UnansweredError,
    UnavailableError,
    UntrustedError,
    error_of,
)
from services.client.api.paths import path
from shared.errors import LeewardError
from shared.retry import Backoff

T = TypeVar("T")
Query = Mapping[str, str | int]
_SILENCE = 60
"""The stream sends a heartbeat each 15 s, so a minute of silence means that it is gone."""
_MAX_LINE = 2**20
_PER_PAGE = 100
_LONGEST_WAIT = 30.0
"""Whoever is asked to wait longer than this is told so instead."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a caller waits: `seconds` for a reply, `connect_seconds` for a connection.

    `attempts` is how often it asks before it gives up, where asking twice does no harm.
    """

    seconds: float = 60
    connect_seconds: float = 10
    attempts: int = 3


class _Page(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a list."""

    value: list[msgspec.Raw]
    next_link: str | None = None


class Connection:
    """One program's requests; raises NotReachableError and RefusedError, each with its kinds."""

    def __init__(
        self, url: str, *, token: str = "", trust: ssl.SSLContext | None = None, patience: Patience | None = None
    ) -> None:
        """Show a `token` if there is one; `trust` None means the machine's authorities. Raises AccessError."""
        self._url = check_url(url)
        self._headers = {"User-Agent": "leeward"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._trust = trust
        self._patience = patience or Patience()
        self._session: ClientSession

    async def __aenter__(self) -> Self:
        """Open the session."""
        timeout = ClientTimeout(total=self._patience.seconds, sock_connect=self._patience.connect_seconds)
        self._session = ClientSession(
            connector=TCPConnector(ssl=self._trust or True),
            timeout=timeout,
            headers=self._headers,
            read_bufsize=_MAX_LINE,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        await self._session.close()

    async def call(
        self,
        method: str,
        address: str,
        body: object = None,
        query: Query | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        again: bool = False,
    ) -> Any:
        """Send a request and return the JSON of its reply, None when that is empty.

        `again`: doing it twice is as good as once, so that it may be repeated when no answer came; GET always may.
        """
        raw = await self._insist(method, address, body, query, headers or {}, again=again or method == "GET")
        return self._read(raw, Any) if raw else None

    async def ask(
        self,
        kind: type[T],
        method: str,
        address: str,
        body: object = None,
        query: Query | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        again: bool = False,
    ) -> T:
        """Send a request and return its reply as a `kind`."""
        raw = await self._insist(method, address, body, query, headers or {}, again=again or method == "GET")
        return self._read(raw, kind)

    async def each(self, kind: type[T], address: str, query: Query | None = None) -> AsyncGenerator[T]:
        """Yield the rows of a list, all its pages, each fetched when it is needed."""
        page = await self.ask(_Page, "GET", address, query={"$top": _PER_PAGE, **(query or {})})
        while True:
            for raw in page.value:
                yield self._read(bytes(raw), kind)
            if not page.next_link:
                return
            page = await self.ask(_Page, "GET", page.next_link)

    async def list_all(self, address: str, query: Query | None = None, limit: int = 1000) -> list[Any]:
        """Return up to `limit` rows of a list as they came, following its pages."""
        rows: list[Any] = []
        page = await self.call("GET", address, query={"$top": min(limit, _PER_PAGE), **(query or {})})
        while True:
            rows += page["value"]
            if len(rows) >= limit or not page.get("nextLink"):
                return rows[:limit]
            page = await self.call("GET", page["nextLink"])

    async def follow(self) -> AsyncGenerator[bytes]:
        """Yield what happens as JSON, as it happens, until the scheduler ends the stream.

        An empty one comes first: what happens from then on is not missed.
        """
        limit = ClientTimeout(total=None, sock_connect=self._patience.connect_seconds, sock_read=_SILENCE)
        try:
            async with self._session.get(self._address(path("stream")), timeout=limit) as response:
                await self._judged(response)
                yield b""
                async for line in response.content:
                    if line.startswith(b"data: "):
                        yield line.removeprefix(b"data: ")
        except (ClientError, OSError, TimeoutError) as fault:
            raise self._unanswered(fault) from fault

    async def _insist(
        self, method: str, address: str, body: object, query: Query | None, headers: Mapping[str, str], *, again: bool
    ) -> bytes:
        """Send a request until it is answered, as often as is patient and harmless; return the body of the reply."""
        data = None if body is None else msgspec.json.encode(body)
        sent = {**headers, **({} if data is None else {"Content-Type": "application/json"})}
        waits = Backoff(first=0.2, limit=5)
        for left in reversed(range(self._patience.attempts)):
            try:
                return await self._once(method, address, data, query, sent)
            except (UnansweredError, UnavailableError, ThrottledError) as fault:
                wait = max(waits.next(), _asked(fault))
                if not left or wait > _LONGEST_WAIT or not (again or _is_undone(fault)):
                    raise
            await asyncio.sleep(wait)
        raise ValueError("patience needs at least one attempt")

    async def _once(
        self, method: str, address: str, data: bytes | None, query: Query | None, headers: Mapping[str, str]
    ) -> bytes:
        try:
            async with self._session.request(
                method, self._address(address), data=data, headers=headers, params=query
            ) as response:
                return await self._judged(response, whole=True)
        except (ClientError, OSError, TimeoutError) as fault:
            raise self._unanswered(fault) from fault

    async def _judged(self, response: ClientResponse, *, whole: bool = False) -> bytes:
        """Return the body if it is to be read `whole`; raises what a status of 400 or more stands for."""
        if response.status >= 400:
            raise error_of(self._url, response.status, await response.read(), _retry_after(response))
        return await response.read() if whole else b""

    def _read(self, raw: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.ValidationError as fault:
            text = f"{self._url} answers what this client does not understand ({fault}); is it of another version?"
            raise StrangerError(text) from fault
        except msgspec.DecodeError as fault:
            raise StrangerError(f"{self._url} answers, but it is no scheduler") from fault

    def _address(self, address: str) -> URL:
        # Names are encoded already; a second time would turn their % into %25.
        if not address.startswith("http"):
            return URL(f"{self._url}{address}", encoded=True)
        # The next page is asked of the scheduler that was named: no reply may send the token elsewhere.
        return URL(f"{URL(self._url).origin()}{URL(address, encoded=True).raw_path_qs}", encoded=True)

    def _unanswered(self, fault: Exception) -> NotReachableError:
        if isinstance(fault, ClientConnectorCertificateError):
            return UntrustedError(f"{self._url} cannot be reached: its certificate is not trusted ({_verdict(fault)})")
        text = f"{self._url} cannot be reached: {_reason(fault)}"
        return UnansweredError(text, was_sent=not isinstance(fault, ClientConnectorError))


def _is_undone(fault: LeewardError) -> bool:
    """Return whether a request that failed so has certainly done nothing."""
    return isinstance(fault, ThrottledError) or (isinstance(fault, UnansweredError) and not fault.was_sent)


def _asked(fault: LeewardError) -> float:
    """Return how many seconds the scheduler asked to wait."""
    return fault.after or 0.0 if isinstance(fault, ThrottledError | UnavailableError) else 0.0


def _retry_after(response: ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _reason(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    # aiohttp's own words name sockets and TLS settings; the system's say what is the matter.
    error = fault.os_error if isinstance(fault, ClientConnectorError) else fault
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else error.strerror or str(error)
    return str(error)


def _verdict(fault: ClientConnectorCertificateError) -> str:
    error = fault.certificate_error
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
