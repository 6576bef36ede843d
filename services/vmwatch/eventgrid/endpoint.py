"""The address that Event Grid posts to: handshakes of both schemas, one secret, bounded bodies.

By Azure's pages on endpoint validation: Event Grid's own schema posts an event with a code that the answer repeats; for
CloudEvents an OPTIONS request asks whether its origin may post (CloudEvents' HTTP 1.1 Web Hooks, 4).
"""

import asyncio
import hmac
import re
import ssl
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from services.vmwatch.errors import DocumentError
from services.vmwatch.eventgrid.envelopes import Envelope, Validation, read_envelopes
from services.vmwatch.eventgrid.sources import Sources
from services.vmwatch.metrics import GridOutcome
from shared.logs import get_logger
from shared.ops import listen_on
from shared.ration import Ration
from shared.settings import Listen, SettingsError

PATH: Final = "/eventgrid"
KEY_HEADER: Final = "x-leeward-key"
MAX_BODY_BYTES: Final = 1536 * 1024
"""Event Grid posts a megabyte at most."""
BODY_SECONDS: Final = 20.0
"""Event Grid waits 30 s for an answer."""
MOST_CONNECTIONS: Final = 50
"""Event Grid needs a few; each is a file of the process, which polls Azure with others."""
_ORIGIN: Final = re.compile(r"[A-Za-z0-9.-]{1,253}")
_log = get_logger(__name__)


class Endpoint:
    """Listens for Event Grid while its context is open, and hands what it tells to the sources."""

    def __init__(
        self,
        listen: Listen,
        *,
        key: str,
        sources: Sources,
        count: Callable[[GridOutcome], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`key` is the secret that every request shows, as `code` in the query or in the header x-leeward-key."""
        self._listen = listen
        self._key = key.encode()
        self._sources = sources
        self._count = count
        self._tls = tls
        self._lines = Ration(burst=20, per_second=0.1)
        self._runner: web.AppRunner | None = None
        self._looking: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port listened on, once started."""
        if self._runner is None:
            raise RuntimeError("the endpoint is not started")
        return int(self._runner.addresses[0][1])

    async def __aenter__(self) -> Self:
        """Listen. Raises SettingsError when the address cannot be had."""
        app = web.Application()
        app.add_routes([web.options(PATH, self._options), web.post(PATH, self._post)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await runner.setup()
        try:
            await listen_on(runner, self._listen, self._tls)
        except SettingsError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._looking = asyncio.create_task(self._look(runner), name="event grid connections")
        if self._tls is None and not self._listen.is_loopback:
            hint = "end TLS before it, or set LEEWARD_EVENTGRID_LISTEN_CERT"
            _log.warning("Event Grid is listened for without TLS", listen=str(self._listen), hint=hint)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._looking is not None:
            self._looking.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _look(self, runner: web.AppRunner) -> None:
        """End the oldest of too many connections: whoever says nothing must not take the watcher's files from it."""
        while runner.server is not None:
            for one in runner.server.connections[:-MOST_CONNECTIONS]:
                one.force_close()
            await asyncio.sleep(1)

    async def _options(self, request: web.Request) -> web.Response:
        """Let who knows the secret post CloudEvents."""
        origin = request.headers.get("WebHook-Request-Origin", "")
        if not self._knows_key(request):
            return self._refuse(401, GridOutcome.WRONG_KEY, "the key is missing or wrong")
        if not _ORIGIN.fullmatch(origin):
            return self._refuse(400, GridOutcome.MALFORMED, "WebHook-Request-Origin is missing or no name")
        self._count(GridOutcome.HANDSHAKE)
        _log.info("Event Grid asks to post", origin=origin)
        allowed = {"Allow": "POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
        return web.Response(headers=allowed)

    async def _post(self, request: web.Request) -> web.Response:
        """Take events, or answer the code that proves that they are wanted."""
        if not self._knows_key(request):
            return self._refuse(401, GridOutcome.WRONG_KEY, "the key is missing or wrong")
        try:
            envelopes = read_envelopes(await _body(request))
        except DocumentError as fault:
            # Azure's answer to 400 is not to try again, which would bring the same.
            return self._refuse(400, GridOutcome.MALFORMED, str(fault))
        except _TooLongError as fault:
            return self._refuse(413, GridOutcome.MALFORMED, str(fault))
        code = next((one.code for one in envelopes if isinstance(one, Validation)), None)
        if code is not None:
            self._count(GridOutcome.HANDSHAKE)
            _log.info("Event Grid validates the subscription")
            return web.json_response({"validationResponse": code})
        return self._take(envelopes)

    def _take(self, envelopes: Iterable[Envelope]) -> web.Response:
        outcomes = [self._sources.tell(one) for one in envelopes if not isinstance(one, Validation)]
        for outcome in outcomes:
            self._count(outcome)
        if GridOutcome.NO_ROOM in outcomes:
            return web.Response(status=503, text="no room for more events: try again later\n")
        return web.Response(status=200)

    def _knows_key(self, request: web.Request) -> bool:
        shown = request.headers.get(KEY_HEADER) or request.query.get("code", "")
        return hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), self._key)

    def _refuse(self, status: int, outcome: GridOutcome, why: str) -> web.Response:
        self._count(outcome)
        if self._lines.take():
            _log.warning("delivery refused", status=status, reason=why)
        return web.Response(status=status, text=f"{why}\n")


class _TooLongError(Exception):
    """A body beyond the limit, in bytes or in seconds."""


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise _TooLongError(f"more than {MAX_BODY_BYTES} bytes are too long")
    except TimeoutError:
        raise _TooLongError(f"the body took more than {BODY_SECONDS:g} s to come") from None
    except (web.RequestPayloadError, ConnectionError) as fault:
        raise DocumentError("the body ends early, or is not encoded as its headers say") from fault
    return bytes(body)
