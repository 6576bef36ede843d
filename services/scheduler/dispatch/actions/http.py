"""HTTP and HTTPS actions: one request, no redirects, the first 2048 bytes of the answer kept."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from services.scheduler.dispatch.actions.credentials import NOTHING, Credentials, Shown
from services.scheduler.dispatch.actions.delivery import UndeliveredError
from services.scheduler.dispatch.actions.exchange import Exchanges, Reply
from services.scheduler.dispatch.actions.faults import REQUEST_FAULTS, fault_of
from services.scheduler.dispatch.actions.marks import CANCEL, marks
from services.scheduler.dispatch.actions.retry_after import read_retry_after
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import HttpCall
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.errors import SecretRefusedError, SecretUnavailableError
from shared.clock import Clock
from shared.signing import signature

KEPT_BYTES = 2048
"""Bytes of an answer's body that history keeps (reference azure-scheduler §2.6)."""
KEPT_HEADERS = 4096
DATED_SECONDS = 0.1
"""How old a date of full seconds may be."""
UNAUTHORIZED = 401
_NAMES_IN = frozenset({"x-leeward-host", "x-leeward-job"})
"""Marks that hold names, which need not be ASCII."""
_NEVER_GIVEN = frozenset({"webhook-timestamp", "webhook-signature", CANCEL})
"""Beside the marks, what says nothing of a request unless it comes from us."""
_ADDRESSES = 4096
"""Addresses whose parts are remembered: taking one apart costs as much as sending it."""


class HttpCaller:
    """Makes HTTP calls over one pool of guarded connections. Use it as a context manager."""

    def __init__(self, exchanges: Exchanges, credentials: Credentials, clock: Clock) -> None:
        self._exchanges = exchanges
        self._credentials = credentials
        self._clock = clock
        self._second, self._read_again_at = "", 0.0

    async def __aenter__(self) -> Self:
        """Open the pool."""
        await self._exchanges.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._credentials.close()
        await self._exchanges.__aexit__(kind, error, trace)

    async def call(
        self,
        call: HttpCall,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        *,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Make the request and return what came of it; the caller limits its time. Only a 2xx is success."""
        uri = addressed(call.uri, host)
        body = placed(call.body, host).encode() if call.body is not None else None
        told = headers(call, job, occurrence, host)
        shown = NOTHING
        try:
            if call.authentication is not None or call.signing is not None:
                shown = await self._credentials.of(call, job, occurrence)
            reply = await self._exchanges.ask(
                call.method, uri, self._dated(told, shown, body), body, tls=shown.tls, on_sent=on_sent
            )
            if reply.status == UNAUTHORIZED and shown.token is not None and shown.token.is_kept:
                shown = await self._credentials.of(call, job, occurrence, refused=shown.token)
                reply = await self._exchanges.ask(call.method, uri, self._dated(told, shown, body), body)
        except UndeliveredError as error:
            return _failed(uri, str(error), retryable=error.retryable, retry_after=error.retry_after)
        except (SecretUnavailableError, SecretRefusedError) as error:
            return _failed(uri, str(error), retryable=isinstance(error, SecretUnavailableError))
        except REQUEST_FAULTS as error:
            fault = fault_of(error)
            return _failed(uri, shown.masked(fault.why), retryable=fault.retryable, unheard=fault.unheard)
        return self._answer(reply, uri, shown)

    def target(self, call: HttpCall, host: HostView | None) -> str:
        """Return scheme, host and port of a call's address."""
        return _target(addressed(call.uri, host))

    def _dated(self, told: dict[str, str], shown: Shown, body: bytes | None) -> dict[str, str]:
        """Return the fields of a request that goes out now, with what it shows and its signatures in it."""
        told["webhook-timestamp"] = at = self._seconds()
        if shown.headers:
            told = {name: value for name, value in told.items() if name.lower() not in shown.headers}
            told.update(shown.headers)
        if shown.signing:
            told["webhook-signature"] = signature(shown.signing, told["webhook-id"], at, body or b"")
        return told

    def _seconds(self) -> str:
        """Return the time as Standard Webhooks tells it; reading the clock for each call would cost more than that."""
        now = time.monotonic()
        if now >= self._read_again_at:
            self._second = str(int(self._clock.now().timestamp()))
            self._read_again_at = now + DATED_SECONDS
        return self._second

    def _answer(self, reply: Reply, uri: str, shown: Shown) -> Answer:
        reason, body = reply.reason, reply.body
        fields = "\r\n".join([f"{name}: {value}" for name, value in reply.headers.items()])
        if shown.hidden:  # before they are cut: a part of a secret would not be recognised
            reason, fields = shown.masked(reason), shown.masked(fields)
            body = shown.masked(body.decode("utf-8", errors="replace")).encode()
        succeeded = 200 <= reply.status < 300
        return Answer(
            succeeded=succeeded,
            retryable=True,
            retry_after=None if succeeded else read_retry_after(reply.headers.get("Retry-After"), self._clock.now()),
            message=storable(
                f"Http Action - Response from host '{_host(uri)}': '{reason or reply.status}' "
                f"Response Headers: {fields[:KEPT_HEADERS]} "
                f"Body: {body[:KEPT_BYTES].decode('utf-8', errors='replace')}"
            ),
        )


def placed(text: str, host: HostView | None) -> str:
    """Return a text with `{host}` and `{hostname}` filled in, if the occurrence was placed."""
    if host is None:
        return text
    return text.replace("{host}", host.address).replace("{hostname}", host.name)


def addressed(uri: str, host: HostView | None) -> str:
    """Return an address filled in likewise. What a machine says of itself stays one part of it, whatever it says."""
    if host is None:
        return uri
    told = quote(host.address, safe=":")
    return uri.replace("{host}", f"[{told}]" if ":" in told else told).replace("{hostname}", quote(host.name, safe=""))


def headers(call: HttpCall, job: Job, occurrence: Occurrence, host: HostView | None) -> dict[str, str]:
    """Return what is sent: the job's own headers, then Leeward's, which win (DESIGN §4, outbound headers)."""
    own = marks(job, occurrence, host)
    for name in _NAMES_IN.intersection(own):
        own[name] = ascii_only(own[name])
    own["x-ms-client-request-id"] = occurrence.id
    own["x-ms-execution-tag"] = f"{occurrence.id}-{occurrence.attempt}"
    own["x-ms-scheduler-jobid"] = job.name
    own["x-ms-scheduler-jobcollection"] = job.collection
    own["x-ms-scheduler-expected-execution-time"] = own["x-leeward-scheduled-time"]
    if not call.headers:
        return own
    ours = own.keys() | _NEVER_GIVEN
    given = {name: ascii_only(placed(value, host)) for name, value in call.headers.items() if name.lower() not in ours}
    return {**given, **own}


def ascii_only(value: str) -> str:
    """Percent-encode what is not printable ASCII in a header value."""
    return value if value.isascii() and value.isprintable() else quote(value, safe=" !\"#$&'()*+,/:;<=>?@[]^`{|}~%")


def storable(text: str) -> str:
    """Return what a target says as databases take it: no zeros, no halves of characters for bytes that are no UTF-8."""
    plain = text if text.isascii() else text.encode(errors="replace").decode()
    return plain.replace("\0", "\ufffd") if "\0" in plain else plain


def _failed(
    uri: str, why: str, *, retryable: bool, unheard: bool = False, retry_after: timedelta | None = None
) -> Answer:
    return Answer(
        succeeded=False,
        retryable=retryable,
        unheard=unheard,
        retry_after=retry_after,
        message=f"Http Action - Request to host '{_host(uri)}' failed: {why}",
    )


@lru_cache(_ADDRESSES)
def _host(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or uri
    except ValueError:
        return uri


@lru_cache(_ADDRESSES)
def _target(uri: str) -> str:
    try:
        parts = urlsplit(uri)
        port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    except ValueError:
        return uri
    return f"{parts.scheme.lower()}://{parts.hostname}:{port}"
