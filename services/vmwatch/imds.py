"""The client of Azure's metadata service: reads events and who this VM is, approves (reference §1.1, §1.8-1.10)."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Final, Self, TypeVar

import aiohttp
import msgspec

from services.vmwatch.documents import API_VERSION, MAX_BODY_BYTES, Document, parse_document
from services.vmwatch.errors import (
    DocumentError,
    MetadataError,
    MetadataOutcome,
    MetadataRefusedError,
    MetadataUnavailableError,
)
from services.vmwatch.instance import INSTANCE_API_VERSION, Overrides, parse_instance
from shared.messages import Inventory

T = TypeVar("T")

EVENTS_PATH: Final = "/metadata/scheduledevents"
INSTANCE_PATH: Final = "/metadata/instance"
_HEADERS: Final = {"Metadata": "true", "Accept-Encoding": "identity", "User-Agent": "leeward-vmwatch"}
_MEANINGS: Final[Mapping[int, MetadataOutcome]] = MappingProxyType(
    {
        400: MetadataOutcome.BAD_REQUEST,
        404: MetadataOutcome.NOT_FOUND,
        405: MetadataOutcome.NOT_ALLOWED,
        410: MetadataOutcome.GONE,
        429: MetadataOutcome.THROTTLED,
    }
)
_FINAL: Final = frozenset({MetadataOutcome.BAD_REQUEST, MetadataOutcome.NOT_ALLOWED})


class TimeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds until an answer is given up; the first answer to a fleet may take two minutes (reference §1.7)."""

    first: float = 120.0
    later: float = 5.0


class StartRequest(msgspec.Struct, frozen=True, rename="pascal"):
    """One approval inside the body that Azure expects."""

    event_id: str


class StartRequests(msgspec.Struct, frozen=True, rename="pascal"):
    """The body of an approval (reference §1.10)."""

    start_requests: tuple[StartRequest, ...]


class ImdsClient:
    """Asks one metadata service, while its context is open; no proxy, no redirects, bounded answers.

    Every request ends in one outcome, which `count` is told. Failures raise MetadataUnavailableError (may pass) or
    MetadataRefusedError (somebody has to fix something); both are MetadataError.
    """

    def __init__(
        self,
        url: str,
        *,
        count: Callable[[MetadataOutcome], None] = lambda outcome: None,
        limits: TimeLimits | None = None,
        api_version: str = API_VERSION,
    ) -> None:
        """`url` is what comes before `/metadata`; `api_version` is that of Scheduled Events."""
        self.url = url.rstrip("/")
        self._count = count
        self._limits = limits or TimeLimits()
        self._api_version = api_version
        self._answered = False
        self._spellings: dict[str, str] = {}
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

    async def read_events(self) -> Document:
        """Return the present Scheduled Events document. Raises MetadataError."""
        limit = self._limits.later if self._answered else self._limits.first
        body = await self._ask("GET", EVENTS_PATH, self._api_version, limit)
        self._answered = True
        document = self._parsed(EVENTS_PATH, lambda: parse_document(body, api_version=self._api_version))
        self._spellings = document.spellings
        return document

    async def read_instance(self, overrides: Overrides) -> Inventory:
        """Return who this VM is. Raises MetadataError."""
        body = await self._ask("GET", INSTANCE_PATH, INSTANCE_API_VERSION, self._limits.later)
        return self._parsed(INSTANCE_PATH, lambda: parse_instance(body, overrides))

    async def approve(self, event_id: str) -> int:
        """Let Azure start an event now and return its HTTP status (200). Raises MetadataError.

        Approving twice, or after another VM, is harmless: Azure answers 200 again. The id goes out as it was read last:
        whether Azure compares ids without case is not documented.
        """
        spelling = self._spellings.get(event_id, event_id)
        body = msgspec.json.encode(StartRequests((StartRequest(spelling),)))
        # What a 200 carries besides is not documented and not read.
        await self._ask("POST", EVENTS_PATH, self._api_version, self._limits.later, body)
        self._count(MetadataOutcome.OK)
        return 200

    def _parsed(self, path: str, parse: Callable[[], T]) -> T:
        try:
            parsed = parse()
        except DocumentError as fault:
            self._count(MetadataOutcome.INVALID)
            raise MetadataUnavailableError(MetadataOutcome.INVALID, f"{self.url}{path}: {fault}", status=200) from fault
        self._count(MetadataOutcome.OK)
        return parsed

    async def _ask(self, method: str, path: str, version: str, limit: float, body: bytes | None = None) -> bytes:
        """Return the body of a 200, cut nowhere; count and raise anything else."""
        try:
            return await self._exchange(method, path, version, limit, body)
        except MetadataError as fault:
            self._count(fault.outcome)
            raise

    async def _exchange(self, method: str, path: str, version: str, limit: float, body: bytes | None) -> bytes:
        if self._session is None:
            raise RuntimeError("the client is used outside its context")
        where = f"{method} {self.url}{path}"
        try:
            async with (
                asyncio.timeout(limit),
                self._session.request(
                    method,
                    f"{self.url}{path}",
                    params={"api-version": version},
                    data=body,
                    headers={"Content-Type": "application/json"} if body else None,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.later),
                ) as response,
            ):
                if response.status != 200:
                    raise _failure(where, response.status)
                return b"" if method == "POST" else await _read(where, response)
        except TimeoutError as fault:
            raise MetadataUnavailableError(MetadataOutcome.TIMEOUT, f"{where}: no answer within {limit:g} s") from fault
        except (aiohttp.ClientError, OSError) as fault:
            reason = str(fault) or type(fault).__name__
            raise MetadataUnavailableError(MetadataOutcome.UNREACHABLE, f"{where}: {reason}") from fault


def _failure(where: str, status: int) -> MetadataError:
    """Say what a status other than 200 means (reference §1.9)."""
    outcome = _MEANINGS.get(status, MetadataOutcome.UNEXPECTED)
    if status >= 500:
        outcome = MetadataOutcome.SERVER_ERROR
    elif 300 <= status < 400:
        outcome = MetadataOutcome.REDIRECT
    kind = MetadataRefusedError if outcome in _FINAL else MetadataUnavailableError
    return kind(outcome, f"{where}: HTTP status {status}", status=status)


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
