"""Puts the scheduler together and runs it: the only place that constructs the concrete parts."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

from services.scheduler.access.open import open_access, open_certificate
from services.scheduler.api.changes import Changes
from services.scheduler.api.ports import Services
from services.scheduler.dispatch.actions.wires import amqp_is_installed
from services.scheduler.dispatch.rescue import LOOK_SECONDS
from services.scheduler.dispatching import Dispatch
from services.scheduler.domain.groups import read_groups
from services.scheduler.domain.limits import read_limits
from services.scheduler.duty import Duty
from services.scheduler.feed import Feed
from services.scheduler.fleet.approvals import Approvals, allowed
from services.scheduler.fleet.drains import Drains
from services.scheduler.fleet.fleet import Fleet
from services.scheduler.fleet.intake import Intake
from services.scheduler.fleet.reports import Reports
from services.scheduler.fleet.rules import FleetRules
from services.scheduler.fleet.steward import Steward
from services.scheduler.fleet_policy import read_fleet_policy
from services.scheduler.health.figures import EVERY_SECONDS
from services.scheduler.metrics import Metrics
from services.scheduler.outbound import Outbound
from services.scheduler.own_replica import OwnReplica
from services.scheduler.own_status import OwnStatus
from services.scheduler.resealing import Resealing
from services.scheduler.retention import Retention
from services.scheduler.serving import serving
from services.scheduler.settings import Settings
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from services.scheduler.store.records import EventRecord
from services.scheduler.timekeeper import StoreClock
from services.scheduler.tracing.open import open_traces
from services.scheduler.upkeep import Upkeep
from services.scheduler.vault.open import open_keys, references
from services.scheduler.vault.pfx_files import PfxFiles
from services.scheduler.vault.vault import Vault
from shared.about import product_version
from shared.bus import Bus, Publication, unguessable
from shared.chores import Chores
from shared.clock import Clock, SystemClock
from shared.logs import get_logger
from shared.messages import Presence
from shared.ops import OpsServer
from shared.settings import masked, parse_listen, sources
from shared.topics import Topics

log = get_logger(__name__)

SETTLE_SECONDS = 5.0
"""How long dispatch waits for the retained state of the fleet at start; a broker that is away holds nothing up."""
HEARTBEAT_SECONDS = 10.0
PULSE_SECONDS = 1.0
FLUSH_SECONDS = 2.0


def new_id() -> str:
    """Return a fresh random id."""
    return str(uuid4())


class Scheduler:
    """One replica, wired; `open` starts what must be there first, `run` lives until `stop` is set."""

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        store: Store,
        wall: Clock,
        *,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        """`wall` is the machine's clock; jobs run by the store's, which all replicas share.

        `sources` tell which variable or flag has set a setting.

        Raises SettingsError for a policy, or a file of keys, tokens or a certificate, that cannot be used.
        """
        policy = read_fleet_policy(settings.maintenance)
        self.settings = settings
        self.store = store
        self.metrics = Metrics(product_version())
        self.clock = clock = StoreClock(store, wall, self.metrics)
        self.feed = Feed()
        self.keys = open_keys(settings, clock, self.metrics)
        self.secrets = Vault(self.keys, references(settings, environment), self.metrics)
        self.pfx_files = PfxFiles()
        self.resealing = Resealing(store, self.keys, self.secrets, self.metrics)
        self.access = open_access(settings, clock, self.metrics, session_keys=lambda: self.keys.keys)
        self.certificate = open_certificate(settings, self.metrics)
        self.topics = Topics(settings.topic_prefix)
        self.session = new_id()
        self.status = OwnStatus(self.topics, settings.replica, self.session, clock)
        self.traces = open_traces(settings.otlp_endpoint, replica=settings.replica)
        self.bus = self._bus()
        self.fleet = Fleet(
            store,
            clock,
            Reports(read_groups(settings.groups)),
            FleetRules.of(settings),
            self.feed,
            lambda host: self.dispatch.load(host),
            spared=lambda why: self.metrics.spared[why].inc(),
        )
        self.callers = Outbound(settings, clock, self.secrets, self.pfx_files).callers(self.topics)
        self.retention = Retention(store, clock, self.metrics, dice=random.random, audit_age=settings.audit_age)
        self.dispatch = Dispatch(
            self,
            wall=wall,
            bus=self.bus,
            caller=self.callers,
            fleet=lambda: self.fleet.views,
            ended=lambda host: self.steward.ended(host),
            registered=self.fleet.divide,
            wrote=self.retention.wrote,
            new_id=new_id,
            policy=policy,
        )
        self.replica = self._replica(sources or {})
        self.steward = self._steward()
        self.approvals = self._approvals()
        store.follow_changes(Changes(self.metrics).follow)
        self.fleet.on_change(self._follow_fleet)
        clock.on_step(self.fleet.heard.shift)
        self.keeper = Duty("clock", clock.keep, self.metrics)
        self.pulse = Duty("fleet", self._look_at_fleet, self.metrics)
        self.started = asyncio.Event()
        self.metrics.ready.set_function(lambda: not self.readiness())

    # -- wiring -----------------------------------------------------------------------------------------------------

    def _bus(self) -> Bus:
        name = f"leeward-scheduler-{self.settings.replica}"
        return Bus(
            self.settings.bus,
            client_id=unguessable(name),
            reply_topic=self.topics.replies(f"{name}-{self.session[:8]}"),
            will=Publication(topic=self.status.topic, payload=self.status.of(Presence.OFFLINE), retain=True),
            on_connection=self._on_connection,
            on_refused=lambda reason: self.metrics.messages_refused.labels(reason).inc(),
        )

    def _on_connection(self, connected: bool) -> None:
        self.metrics.bus_connected.set(connected)
        self.replica.note_connection()
        if not connected:
            self.fleet.heard.forget_blocks()

    def _replica(self, sources: Mapping[str, str]) -> OwnReplica:
        return OwnReplica(
            self.settings,
            self.clock,
            self.metrics,
            reports=self.fleet.heard,
            running=self.dispatch.running,
            lease=self.dispatch.lease,
            keys=self.keys,
            bus=self.bus,
            sources=sources,
        )

    def _approvals(self) -> Approvals:
        return Approvals(
            self.fleet,
            self.store,
            self.bus,
            self.topics,
            self.clock,
            setting=self.settings.approve,
            replica=self.settings.replica,
            metrics=self.metrics,
        )

    def _steward(self) -> Steward:
        drains = Drains(
            self.store,
            self.bus,
            self.topics,
            self.clock,
            lambda host, threat: self.dispatch.workload(host, threat),
            self.fleet,
            self.metrics,
            approvable=lambda event: allowed(event, self.settings.approve),
            mark=self.traces.event_mark,
        )
        return Steward(self.fleet, drains, self.metrics, owner=lambda: self.dispatch.lease.owner, over=self._over)

    def _over(self, event: EventRecord) -> None:
        self.traces.event_over(event)
        self.approvals.end_blocks(event)

    def _follow_fleet(self) -> None:
        """Have dispatch do at once what a change of the fleet asks of it."""
        live = frozenset(known.record.event_id for known in self.fleet.active_events())
        self.dispatch.follow(self.fleet.views, live)

    async def _look_at_fleet(self) -> float:
        """Freshness runs out, lead times and the ends of cordons come without a message."""
        self.fleet.refresh()
        return PULSE_SECONDS

    # -- life -------------------------------------------------------------------------------------------------------

    def services(self) -> Services:
        """Return what API handlers may use."""
        return Services(
            store=self.store,
            clock=self.clock,
            hosts=self.fleet,
            engine=self.dispatch.engine,
            rules=self.dispatch.cases,
            policy_written=self.dispatch.policies.note,
            feed=self.feed,
            subscription=self.settings.subscription,
            resource_group=self.settings.resource_group,
            limits=read_limits(self.settings.limits),
            access=self.access,
            caller_rate=self.settings.caller_rate,
            burst_reads=self.settings.burst_reads,
            burst_writes=self.settings.burst_writes,
            new_id=new_id,
            secrets=self.secrets,
            topics=self.topics,
            certificates=self.pfx_files,
            speaks_amqp=amqp_is_installed(),
        )

    def readiness(self) -> dict[str, str]:
        """Return what is missing; the broker is no part of it: jobs run without it too."""
        return {} if self.started.is_set() else {"dispatch": "the fleet's state is being read"}

    async def begin(self) -> None:
        """Start this life: clock, lease, what was known before, and the bus subscriptions."""
        await self.clock.begin()
        self.store.listen(self.dispatch.living)
        await self.dispatch.policies.load()
        owner = await self.dispatch.lease.begin()
        if self.store.is_shared:
            self.fleet.divide(await self.store.live_sessions(), owner.session)
        Intake(
            self.fleet.heard,
            self.topics,
            self.clock,
            changed=self.fleet.touch,
            drain_heard=self.steward.drain_heard,
            refused=lambda reason: self.metrics.messages_refused.labels(reason).inc(),
            deferred=self.metrics.messages_deferred.inc,
        ).subscribe(self.bus)
        self.replica.subscribe(self.bus, self.topics)
        self.bus.keep(self.status.topic, self.status.of(Presence.ONLINE))
        await self.fleet.recall()

    def add_chores(self, chores: Chores) -> None:
        """Start the periodic duties."""
        upkeep = Upkeep(self.store, self.clock, self.metrics)
        if self.store.is_shared:
            chores.every(LOOK_SECONDS, self.dispatch.rescue.look, name="rescue", first_after=0)
        chores.every(5, self.retention.trim, name="trim", first_after=5)
        chores.every(5, self.resealing.look, name="keys", first_after=5)
        chores.every(60, self.retention.prune, name="prune", first_after=30)
        chores.every(5, upkeep.measure, name="gauges", first_after=0)
        chores.every(EVERY_SECONDS, self.replica.watch.look, name="health", first_after=1)
        chores.every(0.5, self.access.look_at_tokens, name="tokens", first_after=0.5)
        chores.every(5, self.access.look_at_issuer, name="issuer", first_after=0)
        if self.certificate is not None:
            chores.every(5, self.certificate.look, name="certificate", first_after=5)
        chores.every(HEARTBEAT_SECONDS, self._beat, name="heartbeat", first_after=HEARTBEAT_SECONDS)

    async def _beat(self) -> None:
        self.bus.keep(self.status.topic, self.status.of(Presence.ONLINE))

    async def run(self, stop: asyncio.Event) -> None:
        """Watch the fleet, dispatch, and leave in good order once `stop` is set."""
        async with asyncio.TaskGroup() as tasks:
            watching = [
                tasks.create_task(duty(), name=name)
                for name, duty in (
                    ("clock", self.keeper.run),
                    ("lease", self.dispatch.living.run),
                    ("policies", self.dispatch.policies.run),
                    ("bus", self.bus.run),
                    ("fleet", self.pulse.run),
                    ("steward", self.steward.run),
                    ("approvals", self.approvals.run),
                )
            ]
            await self._settle(stop)
            dispatching = self._dispatch(tasks)
            log.info("dispatch begins", replica=self.settings.replica, hosts=len(self.fleet.views))
            self.started.set()
            await stop.wait()
            await self._leave(dispatching)
            for task in watching:
                task.cancel()

    async def _settle(self, stop: asyncio.Event) -> None:
        """Let nothing start before the fleet's retained state has arrived: a host may be under an event already."""
        settled = asyncio.create_task(self.bus.settled(SETTLE_SECONDS))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((settled, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not settled.done():
            settled.cancel()
        elif not settled.result():
            log.warning("no broker yet: jobs run by what the store knows of events", **self.bus.problems)

    def _dispatch(self, tasks: asyncio.TaskGroup) -> dict[str, asyncio.Task[None]]:
        return {name: tasks.create_task(_life(duty), name=name) for name, duty in self.dispatch.duties().items()}

    async def _leave(self, dispatching: dict[str, asyncio.Task[None]]) -> None:
        log.info("stopping", running=len(self.dispatch.running))
        deciding = [task for name, task in dispatching.items() if name != "runners"]
        for task in deciding:
            task.cancel()
        await asyncio.wait(deciding)
        await self.dispatch.engine.close(timedelta(seconds=self.settings.grace_seconds))
        dispatching["runners"].cancel()
        self.bus.keep(self.status.topic, self.status.of(Presence.OFFLINE))
        await self.bus.flush(FLUSH_SECONDS)


async def _life(duty: Callable[[], Awaitable[None]]) -> None:
    await duty()


async def serve(
    settings: Settings, environment: Mapping[str, str], stop: asyncio.Event, *, arguments: Sequence[str] = ()
) -> None:
    """Run one scheduler replica until `stop` is set; what jobs may have of `environment`, the settings say.

    `arguments` are the flags that the settings were read from, beside the environment.
    """
    log.info("starting", version=product_version(), **masked(settings))
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.database_url))
        told = sources(Settings, environment, arguments)
        scheduler = Scheduler(settings, environment, store, SystemClock(), sources=told)
        await scheduler.begin()
        await stack.enter_async_context(scheduler.traces)
        await stack.enter_async_context(scheduler.callers)
        await stack.enter_async_context(
            OpsServer(parse_listen(settings.ops_listen), scheduler.metrics.registry, scheduler.readiness)
        )
        await stack.enter_async_context(
            serving(parse_listen(settings.listen), scheduler.services(), scheduler.replica, scheduler.certificate)
        )
        chores = await stack.enter_async_context(Chores())
        scheduler.add_chores(chores)
        await scheduler.run(stop)
    log.info("stopped")
