"""Routes on a port, while a context is open."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from services.vmwatch.emulator.control import problems
from shared.settings import Listen

_GOODBYE_SECONDS: Final = 0.5


class WebServer:
    """Serves plain HTTP without an access log; port 0 takes a free one, which `port` tells once it listens."""

    def __init__(self, routes: Sequence[web.RouteDef], listen: Listen) -> None:
        """Nothing listens before the context is entered."""
        self._routes = routes
        self._listen = listen
        self._resources = AsyncExitStack()
        self.port = listen.port

    @property
    def base(self) -> str:
        """What comes before every path."""
        return f"http://{Listen(self._listen.host, self.port)}"

    async def __aenter__(self) -> Self:
        """Listen; raises OSError when the address is taken."""
        app = web.Application(middlewares=[problems])
        app.add_routes(self._routes)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_GOODBYE_SECONDS)
        await runner.setup()
        self._resources.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, self._listen.host, self._listen.port).start()
        except OSError:
            await self._resources.aclose()
            raise
        self.port = int(runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        await self._resources.aclose()
