"""What happens, as it happens: server-sent events from the feed."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web

from services.scheduler.api.schemas.values import Document, Time, encoder
from services.scheduler.feed import Feed, Update

HEARTBEAT = timedelta(seconds=15)
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

    def __init__(self, feed: Feed, heartbeat: timedelta = HEARTBEAT) -> None:
        """Send a comment after each `heartbeat` of silence, so that proxies keep the connection."""
        self._feed = feed
        self._patience = heartbeat.total_seconds()
        self._closing = asyncio.Event()

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Send every update from now on, each as one event named by its kind."""
        response = web.StreamResponse(headers=_HEADERS)
        closing = asyncio.create_task(self._closing.wait(), name="stream closing")
        try:
            with self._feed.subscribe() as queue, suppress(ConnectionResetError):
                await response.prepare(request)
                # The first bytes tell the reader that it misses nothing from here on.
                await response.write(_BEAT)
                while (text := await self._next(queue, closing)) is not None:
                    await response.write(text)
                await response.write_eof()
        finally:
            closing.cancel()
        return response

    async def close(self, _app: web.Application) -> None:
        """End every stream (an `on_shutdown` signal)."""
        self._closing.set()

    async def _next(self, queue: "asyncio.Queue[Update]", closing: "asyncio.Task[bool]") -> bytes | None:
        getting = asyncio.create_task(queue.get(), name="stream update")
        try:
            await asyncio.wait({getting, closing}, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return _event(getting.result())
            return None if closing.done() else _BEAT
        finally:
            getting.cancel()


def _event(update: Update) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (update.kind.encode(), _ENCODER.encode(_document(update)))


def _document(update: Update) -> UpdateDocument:
    return UpdateDocument(kind=update.kind, at=Time(update.at), summary=update.summary, data=update.data)
