"""What happens, as it happens: server-sent events from the feed."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web

from services.scheduler.api.callers import caller_of, still_stands
from services.scheduler.api.schemas.values import Document, Time, encoder
from services.scheduler.api.sight import Sight, sight_of
from services.scheduler.api.throttle import ThrottledError
from services.scheduler.feed import Feed, Update
from services.scheduler.store.base import Store

HEARTBEAT = timedelta(seconds=15)
MOST_STREAMS = 100
"""Of one caller: each costs work at every change."""
_BEAT = b": heartbeat\n\n"
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_ENCODER = encoder()


class UpdateDocument(Document, frozen=True, kw_only=True):
    """One thing that happened; `summary` is a plain sentence, `kind` is host, event, execution or job."""

    kind: str
    at: Time
    summary: str
    data: dict[str, Any] = msgspec.field(default_factory=dict)


class Stream:
    """Serves the feed to any number of readers until `close`."""

    def __init__(self, feed: Feed, store: Store, heartbeat: timedelta = HEARTBEAT) -> None:
        """Send a comment after each `heartbeat` of silence, so that proxies keep the connection.

        The store tells which collections a confined reader sees.
        """
        self._feed = feed
        self._store = store
        self._patience = heartbeat.total_seconds()
        self._closing = asyncio.Event()
        self._open: Counter[str] = Counter()

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Send every update from now on that the reader may see, each as one event named by its kind."""
        sight, caller = sight_of(request, self._store), caller_of(request).name
        if self._open[caller] >= MOST_STREAMS:
            raise ThrottledError(f"more than {MOST_STREAMS} streams of one caller at once; end one of them")
        response = web.StreamResponse(headers=_HEADERS)
        closing = asyncio.create_task(self._closing.wait(), name="stream closing")
        self._open[caller] += 1
        try:
            with self._feed.subscribe() as queue, suppress(ConnectionResetError):
                await response.prepare(request)
                # The first bytes tell the reader that it misses nothing from here on.
                await response.write(_BEAT)
                while (text := await self._next(queue, closing, sight)) is not None and still_stands(request):
                    await response.write(text)
                await response.write_eof()
        finally:
            self._open -= Counter({caller: 1})  # leaves out who has none any more
            closing.cancel()
        return response

    async def close(self, _app: web.Application) -> None:
        """End every stream (an `on_shutdown` signal)."""
        self._closing.set()

    async def _next(self, queue: "asyncio.Queue[Update]", closing: "asyncio.Task[bool]", sight: Sight) -> bytes | None:
        """Return what to send next; None at the end. What the reader may not see does not put the heartbeat off."""
        time = asyncio.get_running_loop().time
        until = time() + self._patience
        while not closing.done() and (left := until - time()) > 0:
            update = await self._heard(queue, closing, left)
            shown = None if update is None else await sight.update(update)
            if shown is not None:
                return _event(shown)
        return None if closing.done() else _BEAT

    async def _heard(
        self, queue: "asyncio.Queue[Update]", closing: "asyncio.Task[bool]", seconds: float
    ) -> Update | None:
        getting = asyncio.create_task(queue.get(), name="stream update")
        try:
            await asyncio.wait({getting, closing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else None
        finally:
            getting.cancel()


def _event(update: Update) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (update.kind.encode(), _ENCODER.encode(_document(update)))


def _document(update: Update) -> UpdateDocument:
    return UpdateDocument(kind=update.kind, at=Time(update.at), summary=update.summary, data=update.data)
