"""Puts the watcher together and gives it its life: start, duties, farewell."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from random import Random
from time import monotonic
from typing import Final

from services.vmwatch.approvals import REPEAT_SECONDS, Approvals
from services.vmwatch.budget import Budget
from services.vmwatch.discovery import Dhcp, discover, hardware_address
from services.vmwatch.errors import MetadataOutcome
from services.vmwatch.eventgrid.opening import open_endpoint
from services.vmwatch.eventgrid.sources import Sources
from services.vmwatch.home_assistant.announcer import announce
from services.vmwatch.identity import Identity
from services.vmwatch.imds import ImdsClient
from services.vmwatch.metrics import Metrics
from services.vmwatch.responders.base import Responder
from services.vmwatch.responders.desk import Desk, Place
from services.vmwatch.responders.opening import make_desk, open_responders
from services.vmwatch.settings import Settings
from services.vmwatch.statistics import Statistics
from services.vmwatch.watcher import HEARTBEAT_SECONDS, Hear, Life, Watcher, farewell
from shared.bus import Bus, unguessable
from shared.chores import Chores
from shared.clock import Clock
from shared.lifecycle import unless
from shared.logs import get_logger
from shared.messages import Event
from shared.ops import OpsServer
from shared.settings import parse_listen
from shared.topics import Topics, host_key

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
        self._imds = make_client(settings, metrics.count_request)
        self._identity = Identity(self._imds, settings.overrides, monotonic=monotonic)
        self._ops = OpsServer(parse_listen(settings.ops_listen), metrics.registry, self.missing)
        self._sources = Sources(clock, scope=settings.eventgrid_scope or "") if settings.eventgrid else None
        self._watcher: Watcher | None = None
        self._bus: Bus | None = None
        self._rights = "own status not heard back yet"
        metrics.follow_readiness(self.missing)

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
            responders = await open_responders(self._settings, self._clock, resources)
            if self._sources is not None:
                await open_endpoint(self._settings.eventgrid, self._sources, self._metrics, resources)
            self.started.set()
            host = await unless(stop, self._identity.find_host())
            if host is not None:
                await self._watch(Life(host=host, session=self._session), responders, stop)

    async def _watch(self, life: Life, responders: Sequence[Responder], stop: asyncio.Event) -> None:
        bus = self._bus = self._make_bus(life)
        desk = self._make_desk(life, responders, bus)
        statistics = self._make_statistics(life, bus)
        watcher = self._watcher = self._make_watcher(life, bus, (statistics.take, desk.take))
        approvals = Approvals(
            approver=self._imds,
            replier=bus,
            events=lambda: watcher.events,
            count=self._metrics.count_approval,
            monotonic=monotonic,
            may_reply=self._topics.takes_replies,
            objection=desk.objection,
            dry_run=self._settings.dry_run,
            approved=statistics.approved,
        )
        bus.subscribe(self._topics.approve(host_key(life.host)), approvals.handle)
        if self._settings.home_assistant_prefix:
            announce(self._settings.home_assistant_prefix, host=life.host, topics=self._topics, bus=bus)
        _log.info("watching", host=life.host, session=life.session, imds=self._settings.imds_url)
        async with asyncio.TaskGroup() as tasks:
            line = tasks.create_task(bus.run(), name="bus")
            work = tasks.create_task(desk.run(), name="responders")
            async with Chores() as chores:
                self._give_duties(chores, watcher, approvals, bus)
                await stop.wait()
            watcher.leave()
            await bus.flush(_FAREWELL_SECONDS)
            work.cancel()
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

    def _make_desk(self, life: Life, responders: Sequence[Responder], bus: Bus) -> Desk:
        return make_desk(
            self._settings,
            responders,
            place=Place(host=life.host, computer_name=lambda: self._identity.computer_name),
            bus=bus,
            topics=self._topics,
            metrics=self._metrics,
            clock=self._clock,
        )

    def _make_statistics(self, life: Life, bus: Bus) -> Statistics:
        statistics = Statistics(life.host, self._metrics.observe_event, self._clock)
        bus.subscribe(self._topics.drain(host_key(life.host), "+"), statistics.hear_drain)
        return statistics

    def _make_watcher(self, life: Life, bus: Bus, listeners: Sequence[Hear]) -> Watcher:
        def hear(events: Iterable[Event], *, is_whole: bool) -> None:
            for listener in listeners:
                listener(events, is_whole=is_whole)

        watcher = Watcher(
            life,
            source=self._imds,
            outlet=bus,
            topics=self._topics,
            metrics=self._metrics,
            clock=self._clock,
            monotonic=monotonic,
            has_approved=self._imds.has_approved,
            hear=hear,
            second=self._sources,
        )
        if self._sources is not None:
            self._sources.on_news(watcher.look)
        return watcher


def make_client(settings: Settings, count: Callable[[MetadataOutcome], None]) -> ImdsClient:
    """Return the client of the metadata service that the settings speak of, within its budget."""
    return ImdsClient(
        settings.imds_url,
        count=count,
        api_version=settings.imds_api_version,
        budget=Budget(settings.poll_seconds, monotonic=monotonic, random=Random()),
        locate=(lambda: discover(Dhcp(), hardware_address)) if settings.asks_dhcp else None,
    )
