"""HTTP and HTTPS actions: one request, no redirects, the first 2048 bytes of the answer kept."""

from functools import lru_cache
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from aiohttp import ClientError

from services.scheduler.dispatch.actions.exchange import Exchanges, Reply, StaleConnectionError
from services.scheduler.dispatch.actions.retry_after import read_retry_after
from services.scheduler.dispatch.actions.targets import TargetDeniedError, TargetGuard
from services.scheduler.dispatch.attempts import Answer
from services.scheduler.domain.actions import HttpCall
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.trace_context import traceparent
from shared.about import product_version
from shared.clock import Clock

KEPT_BYTES = 2048
"""Bytes of an answer's body that history keeps (reference azure-scheduler §2.6)."""
DRAINED_BYTES = 65536
"""Bytes of a body read so that the connection can be used again; a longer answer costs its connection."""
KEPT_HEADERS = 4096
_ADDRESSES = 4096
"""Addresses whose parts are remembered: taking one apart costs as much as sending it."""


class HttpCaller:
    """Makes HTTP calls over one pool of guarded connections. Use it as a context manager."""

    def __init__(self, guard: TargetGuard, clock: Clock) -> None:
        self._clock = clock
        self._exchanges = Exchanges(guard, user_agent=f"Leeward/{product_version()}", drained=DRAINED_BYTES)

    async def __aenter__(self) -> Self:
        """Open the pool."""
        await self._exchanges.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._exchanges.__aexit__(kind, error, trace)

    async def call(self, call: HttpCall, job: Job, occurrence: Occurrence, host: HostView | None) -> Answer:
        """Make the request and return what came of it; the caller limits its time. Only a 2xx is success."""
        uri = placed(call.uri, host)
        body = placed(call.body, host).encode() if call.body is not None else None
        try:
            reply = await self._exchanges.ask(call.method, uri, headers(call, job, occurrence, host), body)
        except TargetDeniedError as denied:
            return Answer(succeeded=False, retryable=False, message=_no_answer(uri, str(denied)))
        except ValueError as fault:
            return Answer(succeeded=False, retryable=False, message=_no_answer(uri, f"not a valid request: {fault}"))
        except StaleConnectionError as fault:
            return Answer(succeeded=False, retryable=True, unheard=True, message=_no_answer(uri, str(fault)))
        except (ClientError, OSError) as fault:
            return _failed(uri, fault)
        return self._answer(reply, uri)

    def target(self, call: HttpCall, host: HostView | None) -> str:
        """Return scheme, host and port of a call's address."""
        return _target(placed(call.uri, host))

    def _answer(self, reply: Reply, uri: str) -> Answer:
        told = "\r\n".join(f"{name}: {value}" for name, value in reply.headers.items())[:KEPT_HEADERS]
        text = reply.body[:KEPT_BYTES].decode("utf-8", errors="replace")
        succeeded = 200 <= reply.status < 300
        wait = None if succeeded else read_retry_after(reply.headers.get("Retry-After"), self._clock.now())
        return Answer(
            succeeded=succeeded,
            retryable=True,
            retry_after=wait,
            message=(
                f"Http Action - Response from host '{_host(uri)}': '{reply.reason or reply.status}' "
                f"Response Headers: {told} Body: {text}"
            ),
        )


def placed(text: str, host: HostView | None) -> str:
    """Return a text with `{host}` and `{hostname}` filled in, if the occurrence was placed."""
    if host is None:
        return text
    return text.replace("{host}", host.address).replace("{hostname}", host.name)


def headers(call: HttpCall, job: Job, occurrence: Occurrence, host: HostView | None) -> dict[str, str]:
    """Return what is sent: the job's own headers, then Leeward's, which win (DESIGN §4, outbound headers)."""
    scheduled = occurrence.due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    own = {
        "webhook-id": occurrence.id,
        "x-leeward-attempt": str(occurrence.attempt),
        "x-leeward-scheduled-time": scheduled,
        "x-leeward-job": ascii_only(f"{job.collection}/{job.name}"),
        "traceparent": traceparent(occurrence),
        "x-ms-client-request-id": occurrence.id,
        "x-ms-execution-tag": f"{occurrence.id}-{occurrence.attempt}",
        "x-ms-scheduler-jobid": job.name,
        "x-ms-scheduler-jobcollection": job.collection,
        "x-ms-scheduler-expected-execution-time": scheduled,
    }
    if host is not None:
        own["x-leeward-host"] = ascii_only(host.name)
    given = {name: ascii_only(placed(value, host)) for name, value in call.headers.items() if name.lower() not in own}
    return {**given, **own} if given else own


def ascii_only(value: str) -> str:
    """Percent-encode what is not printable ASCII in a header value."""
    return value if value.isascii() and value.isprintable() else quote(value, safe=" !\"#$&'()*+,/:;<=>?@[]^`{|}~%")


def _failed(uri: str, fault: ClientError | OSError) -> Answer:
    """Tell a denied target, wrapped by the client on its way here, from one that does not answer."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, TargetDeniedError):
            return Answer(succeeded=False, retryable=False, message=_no_answer(uri, str(cause)))
        cause = cause.__cause__ or cause.__context__
    return Answer(succeeded=False, retryable=True, message=_no_answer(uri, str(fault) or type(fault).__name__))


def _no_answer(uri: str, why: str) -> str:
    return f"Http Action - Request to host '{_host(uri)}' failed: {why}"


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
