"""One HTTP request to the metadata service and its answer: no proxy, no redirects, bounded in time and size (§1.1)."""

import asyncio
from types import TracebackType
from typing import Final, Self

import aiohttp
import msgspec

from services.vmwatch.answers import UNCHANGED, to_error
from services.vmwatch.documents import MAX_BODY_BYTES
from services.vmwatch.errors import MetadataOutcome, MetadataUnavailableError

_HEADERS: Final = {"Metadata": "true", "Accept-Encoding": "identity", "User-Agent": "leeward-vmwatch"}
_CONNECT_SECONDS: Final = 5.0


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: `limit` in seconds; `etag` lets the service answer that nothing has changed."""

    method: str = "GET"
    url: str
    version: str
    limit: float
    etag: str = ""
    body: bytes | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The fields that not every request has."""
        given = {"If-None-Match": self.etag, "Content-Type": "application/json" if self.body else ""}
        return {name: value for name, value in given.items() if value}


class Answer(msgspec.Struct, frozen=True):
    """What came with a 200, cut nowhere; `body` is None where the service says, as it may, that nothing has changed.

    `date` is the service's own time, as its field of that name has it.
    """

    body: bytes | None
    etag: str
    date: str = ""


class Exchange:
    """The connections to the service, while its context is open."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session. The environment's proxies are not used: the service refuses forwarded requests."""
        self._session = aiohttp.ClientSession(
            headers=_HEADERS,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=4),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, request: Request) -> Answer:
        """Return the answer; raises MetadataError for whatever is none."""
        if self._session is None:
            raise RuntimeError("the client is used outside its context")
        where = f"{request.method} {request.url}"
        try:
            async with (
                asyncio.timeout(request.limit),
                self._session.request(
                    request.method,
                    request.url,
                    params={"api-version": request.version},
                    data=request.body,
                    headers=request.headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(request.limit, _CONNECT_SECONDS)),
                ) as response,
            ):
                return await _answer(where, request, response)
        except TimeoutError as fault:
            message = f"{where}: no answer within {request.limit:g} s"
            raise MetadataUnavailableError(MetadataOutcome.TIMEOUT, message) from fault
        except (aiohttp.ClientError, OSError) as fault:
            reason = str(fault) or type(fault).__name__
            raise MetadataUnavailableError(MetadataOutcome.UNREACHABLE, f"{where}: {reason}") from fault


async def _answer(where: str, request: Request, response: aiohttp.ClientResponse) -> Answer:
    etag = response.headers.get("ETag", "")
    if response.status == UNCHANGED and request.etag:
        return Answer(None, etag)
    if response.status != 200:
        raise await to_error(where, response)
    # What a 200 to an approval carries is not documented and not read.
    body = b"" if request.body else await _read(where, response)
    return Answer(body, etag, response.headers.get("Date", ""))


async def _read(where: str, response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            # The rest is not wanted: the connection cannot be used again.
            response.close()
            message = f"{where}: the answer is longer than {MAX_BODY_BYTES} bytes"
            raise MetadataUnavailableError(MetadataOutcome.TOO_BIG, message, status=response.status)
    return bytes(body)
