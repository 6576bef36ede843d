"""The webhook responder: posts what happens to this host to other programs (Standard Webhooks)."""

import asyncio
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import NAMESPACE_URL, uuid5

import aiohttp
import msgspec

from services.vmwatch.responder_settings import (
    FILE_LIMIT,
    Phase,
    ResponderName,
    WebhookSettings,
    is_among,
    shown,
)
from services.vmwatch.responders.base import Errand, ResponderError, UnheardError
from services.vmwatch.responders.report import Report, fields_of, report_of
from services.vmwatch.templates import JsonTemplate
from shared.atomic_files import read_bounded
from shared.clock import Clock
from shared.messages import JSON_CONTENT_TYPE, Event
from shared.retry import Backoff
from shared.signing import read_signing_keys, signature
from shared.topics import host_key

INFORM_SECONDS: Final = 5.0
"""How long a webhook that only informs may hold the drain up: a Preempt leaves 30 s."""
TELL_SECONDS: Final = 60.0
"""How long news that no deadline ends are tried."""
_ATTEMPT: Final = aiohttp.ClientTimeout(total=10, connect=5)
_PASSING: Final = frozenset({408, 425, 429})
_TYPE_PREFIX: Final = "io.leeward.responder"


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    """The usual body, as Standard Webhooks has it: what happened, when, and all about it."""

    type: str
    timestamp: datetime
    data: Report


class _Post(msgspec.Struct, frozen=True, kw_only=True):
    """One message, the same at each attempt."""

    id: str
    body: bytes
    keys: tuple[bytes, ...]


class _RefusedError(Exception):
    """The receiver will not take this message however often it is sent."""


class WebhookResponder:
    """Posts at each phase that is set, to every address, again and again while there is time.

    Use it as a context manager. Unless the operator requires it, it only informs: then nothing waits for a receiver.
    """

    def __init__(self, settings: WebhookSettings, clock: Clock, *, inform_seconds: float = INFORM_SECONDS) -> None:
        """Read the template. Raises ValueError, OSError."""
        self._settings = settings
        self._clock = clock
        self._inform_seconds = inform_seconds
        path = settings.template_file
        self._template = None if path is None else JsonTemplate(read_bounded(path, FILE_LIMIT))
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """Name it in metrics, logs and blocks."""
        return ResponderName.WEBHOOK

    async def __aenter__(self) -> Self:
        """Open the session; the environment's proxies are not used."""
        self._session = aiohttp.ClientSession(
            headers={"User-Agent": "leeward-vmwatch", "Content-Type": JSON_CONTENT_TYPE},
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_ATTEMPT,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def concerns(self, event: Event) -> bool:
        """Whether events of its type are told."""
        return is_among(event.type, self._settings.events)

    async def prepare(self, errand: Errand) -> None:
        """Tell that the event was received; raises ResponderError, UnheardError when the webhook only informs."""
        limit = None if self._settings.required else self._inform_seconds
        await self._tell(report_of(errand, Phase.PREPARE), limit)

    async def drained(self, errand: Errand) -> None:
        """Tell that the host is drained. Raises ResponderError."""
        await self._tell(report_of(errand, Phase.DRAINED), TELL_SECONDS)

    async def failed(self, errand: Errand, why: str) -> None:
        """Tell that the host was not made ready. Raises ResponderError."""
        await self._tell(report_of(errand, Phase.FAILED, why), TELL_SECONDS)

    async def resume(self, errand: Errand) -> None:
        """Tell that the event is over. Raises ResponderError."""
        await self._tell(report_of(errand, Phase.RESUME), TELL_SECONDS)

    async def _tell(self, report: Report, seconds: float | None) -> None:
        if report.phase not in self._settings.phases:
            return
        try:
            post = self._post(report)
        except ResponderError as fault:
            raise self._fault(str(fault)) from fault
        faults = await asyncio.gather(*(self._deliver(url, post, seconds) for url in self._settings.urls))
        if why := "; ".join(filter(None, faults)):
            raise self._fault(why)

    def _fault(self, why: str) -> ResponderError:
        return ResponderError(why) if self._settings.required else UnheardError(why)

    def _post(self, report: Report) -> _Post:
        """Return the message about a report; the same news has the same id, also after a restart of the watcher."""
        event = report.event
        news = f"{host_key(report.host)}/{report.phase}/{event.event_id}/{event.type}"
        if self._template is not None:
            body = self._template.fill(fields_of(report))
        else:
            kind = f"{_TYPE_PREFIX}.{report.phase}"
            body = msgspec.json.encode(_Message(type=kind, timestamp=self._clock.now(), data=report))
        return _Post(id=str(uuid5(NAMESPACE_URL, news)), body=body, keys=_keys(self._settings.secret_file))

    async def _deliver(self, url: str, post: _Post, seconds: float | None) -> str:
        """Send a message until it is taken, refused, or the time is up; return why it was not taken."""
        pauses, fault = Backoff(first=0.5, limit=10), "no answer"
        try:
            async with asyncio.timeout(seconds):
                fault = await self._attempt(url, post)
                while fault:
                    await asyncio.sleep(pauses.next())
                    fault = await self._attempt(url, post)
        except TimeoutError:
            return f"{shown(url)}: {fault}, tried for {seconds:g} s"
        except _RefusedError as refusal:
            return f"{shown(url)}: {refusal}"
        return ""

    async def _attempt(self, url: str, post: _Post) -> str:
        """Send a message once; return what may pass, raise _RefusedError for what does not."""
        if self._session is None:
            raise RuntimeError("use the webhook responder as a context manager")
        at = str(int(self._clock.now().timestamp()))
        headers = {"webhook-id": post.id, "webhook-timestamp": at}
        if post.keys:
            headers["webhook-signature"] = signature(post.keys, post.id, at, post.body)
        try:
            async with self._session.post(url, data=post.body, headers=headers, allow_redirects=False) as reply:
                return _judged(reply.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            return type(fault).__name__  # its text may hold the whole address


def _judged(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if status >= 500 or status in _PASSING:
        return f"it answers {status}"
    hint = " (redirects are not followed: set the address it leads to)" if 300 <= status < 400 else ""
    raise _RefusedError(f"it answers {status}{hint}")


def _keys(path: Path | None) -> tuple[bytes, ...]:
    """Return the signing keys, read anew so that they may be renewed. Raises ResponderError."""
    if path is None:
        return ()
    try:
        return read_signing_keys(read_bounded(path, FILE_LIMIT))
    except (OSError, ValueError) as fault:
        raise ResponderError(f"{path} cannot be used: {fault}") from fault
