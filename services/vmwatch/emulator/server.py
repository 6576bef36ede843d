"""The emulator as a server: the routes of all VMs and of the control API on one port, and the timeline."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from services.vmwatch.emulator.control import ControlRoutes, problems
from services.vmwatch.emulator.metadata import MetadataRoutes
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.emulator.timeline import Step, play
from shared.settings import Listen

_GOODBYE_SECONDS: Final = 0.5


class Emulator:
    """Serves a stage while the context is open."""

    def __init__(self, stage: Stage, listen: Listen, timeline: tuple[Step, ...] = ()) -> None:
        """`timeline` begins to play when the context is entered; port 0 takes a free port."""
        self.stage = stage
        self._listen = listen
        self._timeline = timeline
        self._resources = AsyncExitStack()
        self.port = listen.port

    @property
    def control_url(self) -> str:
        """What comes before `/control`."""
        return f"http://{Listen(self._listen.host, self.port)}"

    def url(self, vm: str) -> str:
        """Return the LEEWARD_IMDS_URL of one VM."""
        return f"{self.control_url}/vm/{vm}"

    async def __aenter__(self) -> Self:
        """Listen and begin the timeline; raises OSError when the address is taken."""
        app = web.Application(middlewares=[problems])
        app.add_routes([*MetadataRoutes(self.stage).routes(), *ControlRoutes(self.stage).routes()])
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_GOODBYE_SECONDS)
        await runner.setup()
        self._resources.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, self._listen.host, self._listen.port).start()
        except OSError:
            await self._resources.aclose()
            raise
        self.port = int(runner.addresses[0][1])
        player = asyncio.create_task(play(self.stage, self._timeline), name="timeline")
        self._resources.push_async_callback(_cancelled, player)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the timeline and close the port."""
        await self._resources.aclose()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
