"""The emulator as a server: the routes of all VMs and of the control API on one port, and the timeline."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from services.vmwatch.emulator.control import ControlRoutes
from services.vmwatch.emulator.metadata import MetadataRoutes
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.emulator.steps import Step
from services.vmwatch.emulator.timeline import play
from services.vmwatch.emulator.web_server import WebServer
from shared.settings import Listen


class Emulator:
    """Serves a stage while the context is open."""

    def __init__(self, stage: Stage, listen: Listen, timeline: tuple[Step, ...] = ()) -> None:
        """`timeline` begins to play when the context is entered; port 0 takes a free port."""
        self.stage = stage
        self._server = WebServer([*MetadataRoutes(stage).routes(), *ControlRoutes(stage).routes()], listen)
        self._timeline = timeline
        self._resources = AsyncExitStack()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    @property
    def control_url(self) -> str:
        """What comes before `/control`."""
        return self._server.base

    def url(self, vm: str) -> str:
        """Return the LEEWARD_IMDS_URL of one VM."""
        return f"{self.control_url}/vm/{vm}"

    async def __aenter__(self) -> Self:
        """Listen and begin the timeline; raises OSError when the address is taken."""
        await self._resources.enter_async_context(self._server)
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
