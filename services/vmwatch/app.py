"""Puts the watcher together and gives it its life: start, duties, farewell."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from time import monotonic
from typing import Final, TypeVar

from services.vmwatch.approvals import REPEAT_SECONDS, Approvals
from services.vmwatch.identity import Identity
from services.vmwatch.imds import ImdsClient
from services.vmwatch.metrics import Metrics
from services.vmwatch.settings import Settings
from services.vmwatch.watcher import HEARTBEAT_SECONDS, Life, Watcher, farewell
from shared.bus import Bus, unguessable
from shared.chores import Chores
from shared.clock import Clock
from shared.logs import get_logger
from shared.ops import OpsServer
from shared.retry import Backoff
from shared.settings import parse_listen
from shared.topics import Topics, host_key

T = TypeVar("T")

_INVENTORY_SECONDS: Final = 10.0
_RIGHTS_SECONDS: Final = 15.0
_FAREWELL_SECONDS: Final = 2.0
_log = get_logger(__name__)


class App:
    """One watcher process."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Clock, new_session: Callable[[], str]) -> None:
        """Wire what needs no loop; `new_session` names this life."""
        self.started = asyncio.Event()
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._session = new_session()
        self._topics = Topics(settings.topic_prefix)
        self._imds = ImdsClient(settings.imds_url, count=metrics.count_request)
        self._identity = Identity(self._imds, settings.overrides, monotonic=monotonic)
        self._ops = OpsServer(parse_listen(settings.ops_listen), metrics.registry, self.missing)
        self._watcher: Watcher | None = None
        self._bus: Bus | None = None
        self._rights = "own status not heard back yet"

    @property
    def ops_port(self) -> int:
        """The port of the operations server, once `started`."""
        return self._ops.port

    def missing(self) -> Mapping[str, str]:
        """Return what is missing for readiness, and why; empty when all is well."""
        if self._watcher is None or self._bus is None:
            return {"identity": self._identity.trouble}
        found = {f"bus {what}": why for what, why in self._bus.problems.items()}
        if not found and self._rights:
            found["bus rights"] = self._rights
        if self._watcher.trouble:
            found["metadata"] = self._watcher.trouble
        return found

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set, then say goodbye. Raises SettingsError, BusSettingsError."""
        async with AsyncExitStack() as resources:
            await resources.enter_async_context(self._imds)
            await resources.enter_async_context(self._ops)
            self.started.set()
            host = await _unless(stop, self._identity.find_host(Backoff(first=0.5, limit=10)))
            if host is not None:
                await self._watch(Life(host=host, session=self._session), stop)

    async def _watch(self, life: Life, stop: asyncio.Event) -> None:
        bus = self._bus = self._make_bus(life)
        watcher = self._watcher = self._make_watcher(life, bus)
        approvals = Approvals(
            approver=self._imds,
            replier=bus,
            events=lambda: watcher.events,
            count=self._metrics.count_approval,
            monotonic=monotonic,
            may_reply=self._topics.takes_replies,
        )
        bus.subscribe(self._topics.approve(host_key(life.host)), approvals.handle)
        _log.info("watching", host=life.host, session=life.session, imds=self._imds.url)
        async with asyncio.TaskGroup() as tasks:
            line = tasks.create_task(bus.run(), name="bus")
            async with Chores() as chores:
                self._give_duties(chores, watcher, approvals, bus)
                await stop.wait()
            watcher.leave()
            await bus.flush(_FAREWELL_SECONDS)
            line.cancel()

    def _give_duties(self, chores: Chores, watcher: Watcher, approvals: Approvals, bus: Bus) -> None:
        chores.every(HEARTBEAT_SECONDS, watcher.beat, name="heartbeat")
        chores.every(self._settings.poll_seconds, watcher.poll, name="poll")
        chores.every(_INVENTORY_SECONDS, lambda: watcher.tell_inventory(self._identity), name="inventory")
        chores.every(REPEAT_SECONDS, approvals.repeat, name="repeat approvals")
        chores.every(_RIGHTS_SECONDS, lambda: self._prove_rights(bus), name="prove rights")

    async def _prove_rights(self, bus: Bus) -> None:
        """Hear our own status: a broker may take a message that its rules forbid, and drop it (DESIGN §2)."""
        proven = await bus.settled(_RIGHTS_SECONDS)
        self._rights = "" if proven else "own status not heard back: check the broker's access rules for this host"
        if not proven and bus.connected:
            _log.error("own status not heard back", hint="check the broker's access rules for this host")

    def _make_bus(self, life: Life) -> Bus:
        return Bus(
            self._settings.bus,
            client_id=unguessable(f"vmwatch-{host_key(life.host)}"),
            will=farewell(self._topics, life, self._clock),
            on_connection=self._metrics.show_connection,
            on_refused=self._metrics.count_refused,
        )

    def _make_watcher(self, life: Life, bus: Bus) -> Watcher:
        return Watcher(
            life,
            source=self._imds,
            outlet=bus,
            topics=self._topics,
            metrics=self._metrics,
            clock=self._clock,
            monotonic=monotonic,
        )


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """Return what `work` returns, or None when `stop` is set first."""
    stopping = asyncio.create_task(stop.wait())
    working = asyncio.create_task(work)
    try:
        await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait({stopping, working})
