"""The HTTP call that the loop and every peer make: one client, one pool of connections, one header."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from tests.bench.orders import TIMEOUT, WORKERS

DUE = "x-leeward-scheduled-time"
"""The header with the instant at which a request was due (RFC 3339, milliseconds)."""


@asynccontextmanager
async def client() -> AsyncIterator[ClientSession]:
    """Open the client."""
    connector = TCPConnector(limit=WORKERS)
    timeout = ClientTimeout(total=TIMEOUT)
    async with ClientSession(connector=connector, cookie_jar=DummyCookieJar(), timeout=timeout) as session:
        yield session


async def call(session: ClientSession, url: str, due: float) -> None:
    """Ask once; a target that does not answer is no failure of the contestant."""
    instant = datetime.fromtimestamp(due, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        async with session.get(url, headers={DUE: instant}) as response:
            await response.read()
    except (ClientError, TimeoutError):
        return
