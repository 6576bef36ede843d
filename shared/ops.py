"""The operations port of a service: Prometheus metrics, liveness and readiness."""

import logging
from collections.abc import Callable, Mapping
from ssl import SSLContext
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from shared.logs import present_level
from shared.settings import Listen, SettingsError

Readiness = Callable[[], Mapping[str, str]]


class Readable(logging.Filter):
    """Keeps requests that could not be read out of the log: anybody can send them, and their lines may hold tokens.

    Who sent one is told what is wrong with it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line of the HTTP server's may be written."""
        fault = record.exc_info[1] if record.exc_info else None
        return not isinstance(fault, HttpProcessingError | web.RequestPayloadError)


_READABLE = Readable()


async def listen_on(runner: web.AppRunner, listen: Listen, tls: SSLContext | None = None) -> None:
    """Start serving on an address, by HTTPS with a TLS context.

    Raises SettingsError that names the address when it is taken or not this machine's.
    """
    server_logger.addFilter(_READABLE)
    try:
        await web.TCPSite(runner, listen.host, listen.port, ssl_context=tls).start()
    except OSError as fault:
        raise SettingsError(f"cannot listen on {listen}: {fault.strerror or fault}") from fault


class OpsServer:
    """Serves `/metrics`, `/livez`, `/readyz` and `/loglevel` while the context is open; it takes no orders."""

    def __init__(self, listen: Listen, registry: CollectorRegistry, ready: Readiness) -> None:
        """`ready` returns what is missing and why; empty means ready."""
        self._listen = listen
        self._registry = registry
        self._ready = ready
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port listened on, once started; tells which one when the setting said 0."""
        if self._runner is None:
            raise RuntimeError("the operations server is not started")
        return int(self._runner.addresses[0][1])

    async def __aenter__(self) -> Self:
        """Listen. Raises SettingsError when the address cannot be had."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/loglevel", self._log_level),
            ]
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await listen_on(runner, self._listen)
        except SettingsError:
            await runner.cleanup()
            raise
        self._runner = runner
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        missing = self._ready()
        if not missing:
            return web.Response(text="ok\n")
        lines = "".join(f"{what}: {why}\n" for what, why in missing.items())
        return web.Response(status=503, text=lines)

    async def _log_level(self, _request: web.Request) -> web.Response:
        return web.Response(text=f"{present_level()}\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encoder(self._registry), headers={"Content-Type": content_type})
