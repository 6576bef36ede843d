"""HTTP and HTTPS actions: one request, no redirects, the first 2048 bytes of the answer kept."""

import hashlib
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from services.scheduler.dispatch.actions.targets import TargetDeniedError, TargetGuard
from services.scheduler.dispatch.attempts import Answer
from services.scheduler.domain.actions import Call
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job

KEPT_BYTES = 2048
"""Bytes of an answer's body that history keeps (reference azure-scheduler §2.6)."""
DRAINED_BYTES = 65536
"""Bytes of a body read so that the connection can be used again; a longer answer costs its connection."""
KEPT_HEADERS = 4096


class HttpCaller:
    """Makes HTTP calls over one pool of guarded connections. Use it as a context manager."""

    def __init__(self, guard: TargetGuard, *, connections: int) -> None:
        self._guard = guard
        self._connections = connections
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool; the environment's proxies are not used, they would dial for us unguarded."""
        connector = TCPConnector(limit=self._connections, socket_factory=self._guard.open_socket, ttl_dns_cache=10)
        self._session = ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None, sock_connect=30),
            trust_env=False,
            auto_decompress=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def call(self, call: Call, job: Job, occurrence: Occurrence, host: HostView | None) -> Answer:
        """Make the request and return what came of it; the caller limits its time. Only a 2xx is success."""
        uri = placed(call.uri, host)
        try:
            async with self._opened().request(
                call.method,
                uri,
                headers=headers(call, job, occurrence, host),
                data=placed(call.body, host).encode() if call.body is not None else None,
                allow_redirects=False,
            ) as response:
                return await _answer(response, uri)
        except TargetDeniedError as denied:
            return Answer(succeeded=False, retryable=False, message=_no_answer(uri, str(denied)))
        except ValueError as fault:
            return Answer(succeeded=False, retryable=False, message=_no_answer(uri, f"not a valid request: {fault}"))
        except (ClientError, OSError) as fault:
            return _failed(uri, fault)

    def _opened(self) -> ClientSession:
        if self._session is None:
            raise RuntimeError("HttpCaller is used outside its context")
        return self._session


def placed(text: str, host: HostView | None) -> str:
    """Return a text with `{host}` and `{hostname}` filled in, if the occurrence was placed."""
    if host is None:
        return text
    return text.replace("{host}", host.address).replace("{hostname}", host.name)


def headers(call: Call, job: Job, occurrence: Occurrence, host: HostView | None) -> dict[str, str]:
    """Return what is sent: the job's own headers, then Leeward's, which win (DESIGN §4, outbound headers)."""
    scheduled = occurrence.due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    own = {
        "webhook-id": occurrence.id,
        "x-leeward-attempt": str(occurrence.attempt),
        "x-leeward-scheduled-time": scheduled,
        "x-leeward-job": f"{job.collection}/{job.name}",
        "traceparent": _traceparent(occurrence),
        "x-ms-client-request-id": occurrence.id,
        "x-ms-execution-tag": f"{occurrence.id}-{occurrence.attempt}",
        "x-ms-scheduler-jobid": job.name,
        "x-ms-scheduler-jobcollection": job.collection,
        "x-ms-scheduler-expected-execution-time": scheduled,
    }
    if host is not None:
        own["x-leeward-host"] = host.name
    given = {name: placed(value, host) for name, value in call.headers.items() if name.lower() not in own}
    return {name: ascii_only(value) for name, value in {**given, **own}.items()}


def ascii_only(value: str) -> str:
    """Percent-encode what is not printable ASCII in a header value."""
    return value if value.isascii() and value.isprintable() else quote(value, safe=" !\"#$&'()*+,/:;<=>?@[]^`{|}~%")


def _traceparent(occurrence: Occurrence) -> str:
    """W3C Trace Context: one trace for an occurrence, one span for an attempt, both derived so that repeats relate."""
    trace = hashlib.sha256(occurrence.id.encode()).hexdigest()[:32]
    span = hashlib.sha256(f"{occurrence.id}/{occurrence.attempt}/{occurrence.action}".encode()).hexdigest()[:16]
    return f"00-{trace}-{span}-01"


async def _answer(response: ClientResponse, uri: str) -> Answer:
    body = await response.content.read(KEPT_BYTES)
    kept = bytearray(body)
    while body and len(kept) < DRAINED_BYTES:
        body = await response.content.read(DRAINED_BYTES - len(kept))
        kept += body
    if not response.content.at_eof():
        response.close()
    told = "\r\n".join(f"{name}: {value}" for name, value in response.headers.items())[:KEPT_HEADERS]
    text = kept[:KEPT_BYTES].decode("utf-8", errors="replace")
    message = (
        f"Http Action - Response from host '{_host(uri)}': '{response.reason or response.status}' "
        f"Response Headers: {told} Body: {text}"
    )
    return Answer(succeeded=200 <= response.status < 300, retryable=True, message=message)


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


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or uri
    except ValueError:
        return uri
