"""The client of Azure's metadata service: reads events and who this VM is, approves (reference §1.1, §1.8-1.10)."""

from collections.abc import Awaitable, Callable
from time import monotonic as machine_monotonic
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from services.vmwatch.budget import Budget
from services.vmwatch.documents import API_VERSION, Document, parse_document
from services.vmwatch.errors import (
    DiscoveryError,
    DocumentError,
    MetadataError,
    MetadataOutcome,
    MetadataRefusedError,
    MetadataUnavailableError,
)
from services.vmwatch.exchange import Answer, Exchange, Request
from services.vmwatch.instance import INSTANCE_API_VERSION, Overrides, parse_instance
from services.vmwatch.recollection import Recollection
from shared.messages import Inventory

T = TypeVar("T")

EVENTS_PATH: Final = "/metadata/scheduledevents"
INSTANCE_PATH: Final = "/metadata/instance"
ASLEEP_SECONDS: Final = 24 * 3600.0
"""A service that nobody asked for so long was switched off, and its next answer may be a first one again (§1.7)."""
_NOBODY_THERE: Final = frozenset({MetadataOutcome.UNREACHABLE, MetadataOutcome.TIMEOUT})


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
    """Asks one metadata service, while its context is open.

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
        budget: Budget | None = None,
        locate: Callable[[], Awaitable[str]] | None = None,
        monotonic: Callable[[], float] = machine_monotonic,
    ) -> None:
        """`url` is what comes before `/metadata`; `api_version` is that of Scheduled Events.

        With `locate` the URL is asked for when it is needed, and again once nothing is reached there; it raises
        DiscoveryError. Without a `budget` requests go out as they come.
        """
        self.url = "" if locate else url.rstrip("/")
        self._count = count
        self._limits = limits or TimeLimits()
        self._api_version = api_version
        self._budget = budget
        self._locate = locate
        self._monotonic = monotonic
        self._exchange = Exchange()
        self._answered_at: float | None = None
        self._recollection = Recollection(monotonic)
        self._spellings: dict[str, str] = {}
        self._approved: set[str] = set()

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._exchange.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._exchange.__aexit__(kind, error, trace)

    async def read_events(self) -> Document:
        """Return the present Scheduled Events document. Raises MetadataError."""
        if self._budget is not None:
            await self._budget.reading()
        try:
            document = await self._read_events()
        except MetadataError:
            self._recollection.forget()
            raise
        self._approved &= self._spellings.keys() | document.spellings.keys()
        self._spellings = document.spellings
        return document

    async def read_instance(self, overrides: Overrides) -> Inventory:
        """Return who this VM is. Raises MetadataError."""
        if self._budget is not None:
            await self._budget.reading()
        answer = await self._ask(INSTANCE_PATH, version=INSTANCE_API_VERSION)
        return self._parsed(INSTANCE_PATH, answer, lambda body: parse_instance(body, overrides))

    async def approve(self, event_id: str) -> int:
        """Let Azure start an event now and return its HTTP status (200). Raises MetadataError.

        Approving twice, or after another VM, is harmless: Azure answers 200 again. The id goes out as it was read last:
        whether Azure compares ids without case is not documented.
        """
        if self._budget is not None:
            await self._budget.approval()
        spelling = self._spellings.get(event_id, event_id)
        body = msgspec.json.encode(StartRequests((StartRequest(spelling),)))
        # Noted before the answer: an approval whose answer is lost may have been taken.
        self._approved.add(event_id)
        try:
            await self._ask(EVENTS_PATH, method="POST", body=body)
        except MetadataRefusedError:
            self._approved.discard(event_id)
            raise
        self._count(MetadataOutcome.OK)
        return 200

    def has_approved(self, event_id: str) -> bool:
        """Whether this client approved an event of the last two documents, or may have."""
        return event_id in self._approved

    async def _read_events(self) -> Document:
        known = self._recollection.believed()
        answer = await self._ask(EVENTS_PATH, limit=self._patience(), etag=known.etag if known else "")
        self._answered_at = self._monotonic()
        if known is not None and answer.body is None:
            self._count(MetadataOutcome.UNCHANGED)
            return known.document
        document = self._parsed(EVENTS_PATH, answer, lambda body: parse_document(body, api_version=self._api_version))
        self._recollection.keep(document, answer.etag)
        return document

    def _patience(self) -> float:
        is_first = self._answered_at is None or self._monotonic() - self._answered_at > ASLEEP_SECONDS
        return self._limits.first if is_first else self._limits.later

    def _parsed(self, path: str, answer: Answer, parse: Callable[[bytes], T]) -> T:
        try:
            parsed = parse(answer.body or b"")
        except DocumentError as fault:
            self._count(MetadataOutcome.INVALID)
            raise MetadataUnavailableError(MetadataOutcome.INVALID, f"{self.url}{path}: {fault}", status=200) from fault
        self._count(MetadataOutcome.OK)
        return parsed

    async def _ask(
        self,
        path: str,
        *,
        method: str = "GET",
        version: str = "",
        limit: float | None = None,
        etag: str = "",
        body: bytes | None = None,
    ) -> Answer:
        """Return the answer; count and raise whatever is none."""
        try:
            return await self._exchange.ask(
                Request(
                    method=method,
                    url=f"{await self._base()}{path}",
                    version=version or self._api_version,
                    limit=self._limits.later if limit is None else limit,
                    etag=etag,
                    body=body,
                )
            )
        except MetadataError as fault:
            self._count(fault.outcome)
            if self._locate is not None and fault.outcome in _NOBODY_THERE:
                self.url = ""
            raise

    async def _base(self) -> str:
        if not self.url and self._locate is not None:
            try:
                self.url = await self._locate()
            except DiscoveryError as fault:
                raise MetadataUnavailableError(MetadataOutcome.UNREACHABLE, str(fault)) from fault
        return self.url
