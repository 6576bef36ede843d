"""What the API needs around it, in memory: a clock to turn, a fleet to look at, an engine that only takes note."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Middleware

from services.scheduler.access.access import Access, AccessRules
from services.scheduler.api.ports import Engine, Services
from services.scheduler.api.routes import build
from services.scheduler.dispatch.cases import Cases
from services.scheduler.dispatch.collection_policies import CollectionPolicies
from services.scheduler.domain.collections import CollectionId, Namespace
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.hosts import (
    MANUAL,
    MANUAL_EVENT_ID,
    SCHEDULED,
    STARTED,
    FleetView,
    HostCondition,
    HostReport,
    HostView,
    Threat,
)
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.domain.limits import AZURE_LIMITS, Limits
from services.scheduler.domain.policies import NO_MAINTENANCE, Maintenance
from services.scheduler.domain.rehearsals import AT_ONCE, RehearsalPlan
from services.scheduler.domain.secrets import SecretKeeper
from services.scheduler.errors import NotFoundError
from services.scheduler.feed import Feed
from services.scheduler.fleet.rehearsals import played, staged
from services.scheduler.metrics import Metrics
from services.scheduler.portal.routes import add_portal
from services.scheduler.store.audit import Actor
from services.scheduler.store.base import Store
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import Cordon, EventRecord, Rehearsal, Withheld
from services.scheduler.vault.pfx_files import PfxFiles
from shared.topics import Topics, host_key
from tests.parts.fakes_portal import FakeReplica
from tests.parts.secrets import PlainKeeper

HOME = Namespace("00000000-0000-0000-0000-000000000000", "default")
OPEN_TO_ALL = AccessRules(home=HOME)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def a_job(**changes: Any) -> dict[str, Any]:
    """Return the smallest job document, with `changes`."""
    return {"action": {"request": {"uri": "http://db-0:8080/tick", "method": "POST"}}, **changes}


def every(minutes: int, **more: Any) -> dict[str, Any]:
    """Return a recurrence of so many minutes."""
    return {"frequency": "Minute", "interval": minutes, **more}


class HandClock:
    """A clock that moves only when it is turned."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the instant it stands at."""
        return self._now

    def turn(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by


class FakeHosts:
    """A fleet that knows what it was told; cordons are kept, nothing else happens."""

    def __init__(self, store: Store, *reports: HostReport) -> None:
        self._store = store
        self._reports = {report.host.lower(): report for report in reports}
        self.released_by: list[str] = []
        self.threats: dict[str, Threat] = {}

    @property
    def views(self) -> FleetView:
        """Return every host, threatened by the events of its report (`threats` by id), or else by its condition."""
        return FleetView(_view(report, self.threats) for report in self.reports())

    def reports(self) -> list[HostReport]:
        """Return every host by name."""
        return [self._reports[name] for name in sorted(self._reports)]

    def report(self, host: str) -> HostReport:
        """Return one host."""
        try:
            return self._reports[host.lower()]
        except KeyError:
            raise NotFoundError(f"host {host} is not known") from None

    async def cordon(self, host: str, *, reason: str, until: datetime | None, by: Actor) -> HostReport:
        """Show the host as cordoned, and keep the cordon."""
        name = self.report(host).host
        await self._store.put_cordon(Cordon(host=name, reason=reason, by=by.caller, since=by.at, until=until), by=by)
        return self._change(host, condition=HostCondition.CORDONED, reason=f"{reason} ({by.caller})", until=until)

    async def release(self, host: str, *, by: Actor) -> HostReport:
        """Show the host as available, and lift the cordon."""
        await self._store.delete_cordon(self.report(host).host, by=by)
        self.released_by.append(by.caller)
        return self._change(host, condition=HostCondition.AVAILABLE, reason="", until=None)

    async def rehearse(self, plan: RehearsalPlan, event_id: str, *, by: Actor) -> EventRecord:
        """Keep a rehearsal, and the event that it comes to."""
        hosts = (self.views[host_key(self.report(host).host)] for host in plan.hosts)
        event = staged(plan, event_id, hosts, by.at)
        await self._store.put_rehearsal(Rehearsal(event=event, by=by.caller), most=AT_ONCE, by=by)
        await self._store.put_event(event)
        return event

    async def cancel_rehearsal(self, event_id: str, *, by: Actor) -> EventRecord:
        """Keep that a rehearsal is called off."""
        cancelled = await self._store.cancel_rehearsal(event_id, by.at, by=by)
        event = played(cancelled.event, by.at, cancelled_at=cancelled.cancelled_at)
        await self._store.put_event(event)
        return event

    def _change(self, host: str, **changes: Any) -> HostReport:
        changed = msgspec.structs.replace(self.report(host), **changes)
        self._reports[host.lower()] = changed
        return changed


def _view(report: HostReport, known: Mapping[str, Threat]) -> HostView:
    status = STARTED if report.condition is HostCondition.INTERRUPTED else SCHEDULED
    unknown = Threat(event_id="", type="Reboot", status=status, not_before=None)
    threats = [known.get(each, msgspec.structs.replace(unknown, event_id=each)) for each in report.events]
    if report.condition is HostCondition.CORDONED and not threats:
        threats = [Threat(event_id=MANUAL_EVENT_ID, type=MANUAL, status=SCHEDULED, not_before=None)]
    return HostView(
        key=host_key(report.host),
        name=report.host,
        addresses=report.addresses,
        pools=report.pools,
        threats=tuple(threats),
        loss=report.lost,
    )


class FakeEngine:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.wakes = 0
        self.forgotten: list[JobId] = []
        self.claimed: dict[JobId, frozenset[OccurrenceId]] = {}

    def wake(self) -> None:
        """Count a wake-up."""
        self.wakes += 1

    @contextmanager
    def withheld(self, job_ids: Iterable[JobId]) -> Iterator[Withheld]:
        """Give what tests say is claimed."""
        yield {job_id: self.claimed.get(job_id, frozenset()) for job_id in job_ids}

    def forget(self, job_ids: list[JobId]) -> None:
        """Note the jobs."""
        self.forgotten.extend(job_ids)

    def forget_collection(self, collection_id: CollectionId) -> None:
        """Do nothing: nothing is claimed here."""


class Api:
    """A running API with its parts, and short ways to call it."""

    def __init__(
        self, services: Services, app: web.Application, session: ClientSession, url: str, replica: FakeReplica
    ) -> None:
        self.services = services
        self.replica = replica
        self.app = app
        self.url = url
        self._session = session

    @property
    def session(self) -> ClientSession:
        """The client, for what `call` cannot do."""
        return self._session

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> "Reply":
        """Send a request below `/api/v1`; `body` may be bytes, or anything JSON has a form for."""
        data = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("http") else f"{self.url}/api/v1{path}"
        async with self._session.request(method, url, data=data, headers=sent) as response:
            raw = await response.read()
            document = msgspec.json.decode(raw) if raw else None
            return Reply(status=response.status, document=document, headers=dict(response.headers))

    async def stored(self) -> list[Any]:
        """Return everything in the store that a caller can have written, to show that nothing changed."""
        namespace = (self.services.subscription, self.services.resource_group)
        collections = await self.services.store.list_collections(*namespace, top=1000, skip=0)
        jobs = [await self.services.store.list_jobs(one.id, top=1000, skip=0) for one in collections]
        return [collections, jobs]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back."""

    status: int
    document: Any
    headers: dict[str, str]


@asynccontextmanager
async def running_api(
    *reports: HostReport,
    engine: Engine | None = None,
    burst_reads: int = 720,
    burst_writes: int = 180,
    store: Store | None = None,
    heartbeat: timedelta = timedelta(seconds=15),
    limits: Limits = AZURE_LIMITS,
    secrets: SecretKeeper | None = None,
    rules: AccessRules = OPEN_TO_ALL,
    caller_rate: int = 1000,
    metrics: Metrics | None = None,
    middlewares: Sequence[Middleware] = (),
    new_id: Callable[[], str] | None = None,
    certificates: PfxFiles | None = None,
    fleet: Maintenance = NO_MAINTENANCE,
    expected: timedelta | None = None,
) -> AsyncIterator[Api]:
    """Serve the API on a free loopback port; `middlewares` stand between authentication and the handlers.

    `fleet` is the operator's policy, `expected` how long every job takes.
    """
    new_id = new_id or map("id-{}".format, count(1)).__next__
    async with store or MemoryStore(new_id) as opened:
        clock = HandClock()
        access = Access(rules, clock, metrics or Metrics(""), session_keys=tuple, time=lambda: clock.now().timestamp())
        policies = CollectionPolicies(opened, Metrics(""), changed=lambda: None)

        async def expecting(_: Job) -> timedelta | None:
            return expected

        services = Services(
            store=opened,
            rules=Cases(fleet=fleet, collections=policies.of, look_up=expecting),
            policy_written=policies.note,
            clock=clock,
            access=access,
            caller_rate=caller_rate,
            hosts=FakeHosts(opened, *reports),
            engine=engine or FakeEngine(),
            feed=Feed(),
            subscription=HOME.subscription,
            resource_group=HOME.resource_group,
            limits=limits,
            burst_reads=burst_reads,
            burst_writes=burst_writes,
            new_id=new_id,
            secrets=secrets or PlainKeeper(),
            topics=Topics(),
            certificates=certificates or PfxFiles(),
        )
        app = build(services, heartbeat=heartbeat)
        replica = FakeReplica(clock)
        add_portal(app, services, replica)
        app.middlewares.extend(middlewares)
        async with serving(app) as url, ClientSession() as session:
            yield Api(services, app, session, url, replica)


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve any application on a free loopback port; gives its address."""
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")
