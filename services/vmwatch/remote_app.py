"""Puts a watcher without a metadata service together and gives it its life (docs/eventgrid.md)."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from time import monotonic
from typing import Final

from services.vmwatch.approvals import Approvals
from services.vmwatch.eventgrid.opening import open_endpoint
from services.vmwatch.eventgrid.sources import Sources
from services.vmwatch.metrics import Metrics
from services.vmwatch.remote import LOOK_SECONDS, NoMetadata, RemoteWatcher
from services.vmwatch.settings import Settings
from services.vmwatch.watcher import HEARTBEAT_SECONDS, Life, farewell
from shared.bus import Bus, unguessable
from shared.chores import Chores
from shared.clock import Clock
from shared.logs import get_logger
from shared.messages import Inventory
from shared.ops import OpsServer
from shared.settings import parse_listen
from shared.topics import Topics, host_key

_RIGHTS_SECONDS: Final = 15.0
_FAREWELL_SECONDS: Final = 2.0
_log = get_logger(__name__)


class RemoteApp:
    """One watcher process that is on none of the VMs it speaks for."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Clock, new_session: Callable[[], str]) -> None:
        """Wire what needs no loop; `new_session` names this life. The settings have a host and a group."""
        self.started = asyncio.Event()
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._life = Life(host=settings.host or "", session=new_session())
        self._topics = Topics(settings.topic_prefix)
        self._ops = OpsServer(parse_listen(settings.ops_listen), metrics.registry, self.missing)
        self._bus = Bus(
            settings.bus,
            client_id=unguessable(f"vmwatch-{host_key(self._life.host)}"),
            will=farewell(self._topics, self._life, clock),
            on_connection=metrics.show_connection,
            on_refused=metrics.count_refused,
        )
        self._rights = "own status not heard back yet"
        metrics.follow_readiness(self.missing)
        self.eventgrid_port = 0

    @property
    def ops_port(self) -> int:
        """The port of the operations server, once `started`."""
        return self._ops.port

    def missing(self) -> Mapping[str, str]:
        """Return what is missing for readiness, and why; empty when all is well."""
        found = {f"bus {what}": why for what, why in self._bus.problems.items()}
        if not found and self._rights:
            found["bus rights"] = self._rights
        return found

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set, then say goodbye. Raises SettingsError, BusSettingsError."""
        async with AsyncExitStack() as resources:
            await resources.enter_async_context(self._ops)
            sources = Sources(self._clock, scope=self._settings.eventgrid_scope or "")
            watcher = self._make_watcher(sources)
            sources.on_news(watcher.take)
            endpoint = await open_endpoint(self._settings.eventgrid, sources, self._metrics, resources)
            self.eventgrid_port = endpoint.port if endpoint is not None else 0
            self.started.set()
            await self._serve(watcher, stop)

    async def _serve(self, watcher: RemoteWatcher, stop: asyncio.Event) -> None:
        approvals = Approvals(
            approver=NoMetadata(),
            replier=self._bus,
            events=lambda: watcher.events,
            count=self._metrics.count_approval,
            monotonic=monotonic,
            may_reply=self._topics.takes_replies,
        )
        self._bus.subscribe(self._topics.approve(host_key(self._life.host)), approvals.handle)
        _log.info("watching from outside", host=self._life.host, group=self._settings.group)
        watcher.begin()
        async with asyncio.TaskGroup() as tasks:
            line = tasks.create_task(self._bus.run(), name="bus")
            async with Chores() as chores:
                chores.every(HEARTBEAT_SECONDS, watcher.beat, name="heartbeat")
                chores.every(LOOK_SECONDS, watcher.look, name="look")
                chores.every(_RIGHTS_SECONDS, self._prove_rights, name="prove rights")
                await stop.wait()
            watcher.leave()
            await self._bus.flush(_FAREWELL_SECONDS)
            line.cancel()

    async def _prove_rights(self) -> None:
        """Hear our own status: a broker may take a message that its rules forbid, and drop it (DESIGN §2)."""
        proven = await self._bus.settled(_RIGHTS_SECONDS)
        self._rights = "" if proven else "own status not heard back: check the broker's access rules for this host"

    def _make_watcher(self, sources: Sources) -> RemoteWatcher:
        settings = self._settings
        inventory = Inventory(host=self._life.host, pools=settings.pools, group=settings.group or "")
        return RemoteWatcher(
            self._life,
            inventory,
            sources=sources,
            outlet=self._bus,
            topics=self._topics,
            metrics=self._metrics,
            clock=self._clock,
        )
