"""One host's page: who it is, how it stands and why, and what is there."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.fleet import EventDocument, HostDocument
from services.scheduler.api.sight import Sight, sight_of
from services.scheduler.domain.capacity import tagged_capacity
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.hosts import MANUAL, HostView, Threat
from services.scheduler.domain.jobs import Job
from services.scheduler.errors import NotFoundError
from services.scheduler.portal.fleet.hosts import events_of, rehearsed
from services.scheduler.portal.fleet.steering import LENGTHS
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.jobs.rows import JobRow, job_rows
from services.scheduler.portal.lengths import length_words
from services.scheduler.portal.ports import Replica, Watched, Working
from services.scheduler.store.records import Cordon, EventOutcome, Held, Recent
from shared.messages import Block, HostStatus, Inventory
from shared.topics import HostKey, host_key

JOBS_SHOWN = 20
RUNS_SHOWN = 20
HELD_SHOWN = 50
RUNNING_LOOKED_AT = 500
"""Executions on the host among which those are looked for that the caller sees."""
EVENTS_SHOWN = 10
EVENTS_LOOKED_AT = 300
"""Events, the latest, among which those of the host are looked for."""


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """An execution that runs on the host, with the names of its job; `elapsed` in words."""

    group: str
    collection: str
    job: str
    due: datetime
    attempt: int
    elapsed: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An occurrence that is held for the host."""

    group: str
    collection: str
    job: str
    due: datetime
    reason: str


class HostPageView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page at one moment.

    `threats` are the events that keep jobs off it, `cordon` is an operator's. `capacity` is what its tag says, `share`
    what this replica may have there; None: any number. `warming_until` is set while it gets less than its share.
    `is_shared`: other replicas run jobs, too.
    """

    key: HostKey
    host: HostDocument
    threats: tuple[Threat, ...]
    rehearsed: frozenset[str]
    cordon: Cordon | None
    advised: bool
    warming_until: datetime | None
    identity: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str], ...]
    status: HostStatus | None
    blocks: tuple[tuple[str, Block], ...]
    capacity: int | None
    share: int | None
    active: tuple[EventDocument, ...]
    past: tuple[EventDocument, ...]
    busy: tuple[Busy, ...]
    waiting: tuple[Waiting, ...]
    jobs: tuple[JobRow, ...]
    has_more_jobs: bool
    runs: tuple[Recent, ...]
    is_shared: bool
    is_confined: bool
    lengths: dict[str, str]


class HostPage:
    """One host's page."""

    def __init__(self, services: Services, replica: Replica) -> None:
        self._services = services
        self._replica = replica

    async def show(self, request: web.Request) -> Content:
        """Return the page. Raises NotFoundError and StoreUnavailableError."""
        view = await self._gather(request.match_info["host"], sight_of(request, self._services.store))
        return Content(title=view.host.host, section=Section.HOSTS, template="host.html", view=view)

    async def _gather(self, name: str, sight: Sight) -> HostPageView:
        report = self._services.hosts.report(name)
        view = self._services.hosts.views.get(host_key(report.host))
        if view is None:
            raise NotFoundError(f"host {name!r} is not known: no watcher has reported it")
        within, heard = await sight.within(), self._replica.watched(view.key)
        jobs = await self._services.store.jobs_at(_called(view), limit=JOBS_SHOWN + 1, within=within)
        active, past = await self._events(view.key, sight)
        return HostPageView(
            key=view.key,
            host=sight.host(report),
            threats=events_of(view),
            rehearsed=rehearsed(events_of(view)),
            cordon=await self._cordon(view),
            advised=view.advised,
            warming_until=_warming_until(view, self._services.clock.now()),
            identity=tuple(identity(heard.inventory or Inventory(host=view.name))),
            tags=tuple(sorted(heard.inventory.tags.items())) if heard.inventory else (),
            status=heard.status,
            blocks=tuple(heard.blocks.items()),
            capacity=_capacity(heard),
            share=view.capacity,
            active=active,
            past=past,
            busy=await self._busy(view.key, within),
            waiting=await self._waiting(view.key, within),
            jobs=await job_rows(self._services.store, jobs[:JOBS_SHOWN]),
            has_more_jobs=len(jobs) > JOBS_SHOWN,
            runs=tuple(await self._services.store.ran_on([view.name, view.key], limit=RUNS_SHOWN, within=within)),
            is_shared=self._services.store.is_shared,
            is_confined=sight.is_confined,
            lengths=LENGTHS,
        )

    async def _cordon(self, view: HostView) -> Cordon | None:
        if not any(threat.type == MANUAL for threat in view.threats):
            return None
        cordons = await self._services.store.list_cordons()
        return next((cordon for cordon in cordons if host_key(cordon.host) == view.key), None)

    async def _events(self, key: HostKey, sight: Sight) -> tuple[tuple[EventDocument, ...], tuple[EventDocument, ...]]:
        """Return the events of the host that are not over, and the latest of those that are."""
        events = await self._services.store.list_events(active=False, limit=EVENTS_LOOKED_AT)
        own = [event for event in events if key in event.hosts or key in map(host_key, event.resources)]
        over = [event for event in own if event.outcome is not EventOutcome.ACTIVE][:EVENTS_SHOWN]
        live = [event for event in own if event.outcome is EventOutcome.ACTIVE]
        return tuple(map(sight.event, live)), tuple(map(sight.event, over))

    async def _busy(self, key: HostKey, within: Sequence[CollectionId] | None) -> tuple[Busy, ...]:
        """Return what runs on the host in this process, of the jobs that the caller sees."""
        working = self._replica.working_on(key)[:RUNNING_LOOKED_AT]
        found = await self._services.store.jobs_by_id(sorted({one.occurrence.job_id for one in working}))
        rows = {job.id: row for job, row in await self._named(found, within)}
        seen = [one for one in working if one.occurrence.job_id in rows]
        return tuple(_busy(one, rows[one.occurrence.job_id]) for one in seen[:HELD_SHOWN])

    async def _waiting(self, key: HostKey, within: Sequence[CollectionId] | None) -> tuple[Waiting, ...]:
        held = await self._services.store.held_for(key, limit=HELD_SHOWN, within=within)
        groups = {job.id: group for job, group in await self._named([one.job for one in held], within)}
        return tuple(_waiting(one, groups[one.job.id][0]) for one in held if one.job.id in groups)

    async def _named(
        self, jobs: Sequence[Job], within: Sequence[CollectionId] | None
    ) -> list[tuple[Job, tuple[str, Job]]]:
        """Return jobs, each with its resource group, without those that the caller does not see."""
        found = await self._services.store.find_collections(sorted({job.collection_id for job in jobs}))
        groups = {one.id: one.namespace.resource_group for one in found if within is None or one.id in within}
        return [(job, (groups[job.collection_id], job)) for job in jobs if job.collection_id in groups]


def identity(inventory: Inventory) -> list[tuple[str, str]]:
    """Return who a host is, as far as it is known: what it is called, and the words."""
    said = [
        ("Addresses", ", ".join(inventory.addresses)),
        ("Computer name", inventory.computer_name),
        ("Pools", ", ".join(inventory.pools)),
        ("Zone", inventory.zone),
        ("Scale set", inventory.scale_set),
        ("Instance", inventory.instance),
        ("Fault domain", inventory.fault_domain),
        ("Update domain", inventory.update_domain),
        ("Location", inventory.location),
        ("Size", inventory.size),
        ("Priority", inventory.priority),
        ("Eviction policy", inventory.eviction_policy),
        ("Group", inventory.group),
        ("Placement group", inventory.placement_group),
        ("Subscription", inventory.subscription),
        ("Resource group", inventory.resource_group),
        ("Resource", inventory.resource),
        ("VM id", inventory.vm_id),
    ]
    return [(name, words) for name, words in said if words]


def _called(view: HostView) -> list[str]:
    """Return what jobs may call a host."""
    return list(dict.fromkeys(filter(None, (view.key, view.name.lower(), view.computer_name.lower(), *view.addresses))))


def _capacity(heard: Watched) -> int | None:
    """Return what the host's tag says; one that cannot be used is as none."""
    try:
        return tagged_capacity(heard.inventory.tags) if heard.inventory else None
    except ValueError:
        return None


def _warming_until(view: HostView, now: datetime) -> datetime | None:
    if view.back_at is None or view.warmth(now) >= 1:
        return None
    return view.back_at + view.warm_up


def _busy(working: Working, named: tuple[str, Job]) -> Busy:
    group, job = named
    return Busy(
        group=group,
        collection=job.collection,
        job=job.name,
        due=working.occurrence.due,
        attempt=working.occurrence.attempt,
        elapsed=length_words(max(working.elapsed, timedelta())),
    )


def _waiting(held: Held, group: str) -> Waiting:
    return Waiting(
        group=group,
        collection=held.job.collection,
        job=held.job.name,
        due=held.occurrence.due,
        reason=held.occurrence.reason,
    )
