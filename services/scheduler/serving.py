"""Serves the API and the portal."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from services.scheduler.access.certificate import Certificate
from services.scheduler.api.connections import Connections, room
from services.scheduler.api.ports import Services
from services.scheduler.api.routes import build
from services.scheduler.portal.ports import Replica
from services.scheduler.portal.routes import add_portal
from shared.logs import get_logger
from shared.ops import listen_on
from shared.settings import Listen

LOOK_SECONDS = 1.0
_log = get_logger(__name__)


@asynccontextmanager
async def serving(
    listen: Listen,
    services: Services,
    replica: Replica,
    certificate: Certificate | None,
    *,
    most: int | None = None,
) -> AsyncIterator[None]:
    """Serve for as long as the context lasts. Raises SettingsError when the address cannot be had.

    `most` connections are kept, None: as many as there is room for.
    """
    app = build(services)
    add_portal(app, services, replica)
    connections = Connections(most=room() if most is None else most, time=time.monotonic)
    app.middlewares.append(connections.note)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    looking = asyncio.create_task(_look(connections, runner), name="connections")
    if certificate is None and not listen.is_loopback:
        _log.warning("tokens cross the network unencrypted: set LEEWARD_LISTEN_CERT, or end TLS before it")
    try:
        await listen_on(runner, listen, certificate.context if certificate else None)
        yield
    finally:
        looking.cancel()
        await runner.cleanup()


async def _look(connections: Connections, runner: web.AppRunner) -> None:
    while runner.server is not None:
        connections.look(runner.server.connections)
        await asyncio.sleep(LOOK_SECONDS)
