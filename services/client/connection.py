"""Talks to a scheduler's API."""

import os
import ssl
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import click
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

from services.client.errors import NotReachableError, of_problem
from shared.atomic_files import read_bounded

_LIMIT = ClientTimeout(total=60, sock_connect=10)
_ENDLESS = ClientTimeout(total=None, sock_connect=10, sock_read=60)
"""The stream sends a heartbeat each 15 s, so a minute of silence means that it is gone."""
_MAX_LINE = 2**20
_MAX_TOKEN = 16_384


def path(*parts: str) -> str:
    """Return a path below `/api/v1`, every part percent-encoded."""
    return "/api/v1/" + "/".join(quote(part, safe=":") for part in parts)


def check_url(url: str) -> str:
    """Return the base address without a slash at its end; raises BadParameter."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise click.BadParameter(f"{url!r} is no address; write http://HOST:PORT", param_hint="--url")
    return url.rstrip("/")


def read_token(file: Path) -> str:
    """Return the token in a file; raises BadParameter."""
    try:
        token = read_bounded(file, _MAX_TOKEN).strip()
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else str(fault)
        raise click.BadParameter(f"{file}: {why}", param_hint="--token-file") from None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise click.BadParameter(f"{file} holds no token: one line, and nothing else", param_hint="--token-file")
    return token


def read_authority(file: Path | None) -> ssl.SSLContext | None:
    """Return what trusts the authority in a file, None without one; raises BadParameter."""
    if file is None:
        return None
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as fault:
        why = "holds no certificate (PEM)" if isinstance(fault, ssl.SSLError) else fault.strerror
        raise click.BadParameter(f"{file}: {why}", param_hint="--ca") from None


class Connection:
    """One command's requests. Raises NotReachableError, NotFoundError and RefusedError."""

    def __init__(self, url: str, *, token: str = "", trust: ssl.SSLContext | None = None) -> None:
        """Show a `token` if there is one; `trust` None means the machine's authorities."""
        self._url = url
        self._headers = {"User-Agent": "leeward"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._trust = trust
        self._session: ClientSession

    async def __aenter__(self) -> Self:
        """Open the session."""
        connector = TCPConnector(ssl=self._trust or True)
        self._session = ClientSession(
            connector=connector, timeout=_LIMIT, headers=self._headers, read_bufsize=_MAX_LINE
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        await self._session.close()

    async def call(
        self, method: str, address: str, body: object = None, query: Mapping[str, str | int] | None = None
    ) -> Any:
        """Send a request and return the JSON of its reply, None when that is empty."""
        data = None if body is None else msgspec.json.encode(body)
        headers = {} if data is None else {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                method, self._address(address), data=data, headers=headers, params=query
            ) as response:
                return await self._read(response)
        except (ClientError, OSError, TimeoutError) as fault:
            raise self._unreachable(fault) from fault

    async def list_all(
        self, address: str, query: Mapping[str, str | int] | None = None, limit: int = 1000
    ) -> list[Any]:
        """Return up to `limit` rows of a list, following its pages."""
        rows: list[Any] = []
        page = await self.call("GET", address, query={"$top": min(limit, 100), **(query or {})})
        while True:
            rows += page["value"]
            if len(rows) >= limit or not page.get("nextLink"):
                return rows[:limit]
            page = await self.call("GET", page["nextLink"])

    async def follow(self) -> AsyncGenerator[dict[str, Any]]:
        """Yield what happens, as it happens, until the scheduler ends the stream."""
        try:
            async with self._session.get(self._address(path("stream")), timeout=_ENDLESS) as response:
                if response.status != 200:
                    await self._read(response)
                async for line in response.content:
                    if line.startswith(b"data: "):
                        yield msgspec.json.decode(line.removeprefix(b"data: "))
        except (ClientError, OSError, TimeoutError) as fault:
            raise self._unreachable(fault) from fault

    def _address(self, address: str) -> URL:
        # Names are encoded already; a second time would turn their % into %25.
        if not address.startswith("http"):
            return URL(f"{self._url}{address}", encoded=True)
        # The next page is asked of the scheduler that was named: no reply may send the token elsewhere.
        return URL(f"{URL(self._url).origin()}{URL(address, encoded=True).raw_path_qs}", encoded=True)

    async def _read(self, response: ClientResponse) -> Any:
        raw = await response.read()
        try:
            document = msgspec.json.decode(raw) if raw else None
        except msgspec.DecodeError as fault:
            raise NotReachableError(f"{self._url} answers, but it is no scheduler ({response.status})") from fault
        if response.status >= 400:
            raise of_problem(response.status, document if isinstance(document, dict) else {})
        return document

    def _unreachable(self, fault: Exception) -> NotReachableError:
        text = f"{self._url} cannot be reached: {_reason(fault)}; is the scheduler up, is --url right?"
        return NotReachableError(text)


def _reason(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    if isinstance(fault, ClientConnectorCertificateError):
        return f"its certificate is not trusted ({_verdict(fault)}); name its authority with --ca"
    # aiohttp's own words name sockets and TLS settings; the system's say what is the matter.
    error = fault.os_error if isinstance(fault, ClientConnectorError) else fault
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else error.strerror or str(error)
    return str(error)


def _verdict(fault: ClientConnectorCertificateError) -> str:
    error = fault.certificate_error
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
