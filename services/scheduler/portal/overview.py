"""The overview: the fleet, its events, the jobs and what ran last."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.fleet import EventDocument, HostDocument
from services.scheduler.api.sight import Sight, sight_of
from services.scheduler.domain.collections import Collection
from services.scheduler.domain.executions import HistoryRow
from services.scheduler.domain.hosts import HostCondition
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.progress import Step, steps
from services.scheduler.portal.steering import LENGTHS
from services.scheduler.portal.words import place_words, schedule_words, target_words
from services.scheduler.store.records import EventOutcome, Recent
from shared.topics import host_key

JOBS_SHOWN = 200
JOBS_COUNTED = 10_000
"""Jobs counted of each collection."""
EXECUTIONS_SHOWN = 25
PAST_EVENTS_SHOWN = 15
_RECENT = 300
_COLLECTIONS = 100


class HostCard(msgspec.Struct, frozen=True, kw_only=True):
    """One host with the events that threaten it."""

    host: HostDocument
    events: tuple[EventDocument, ...]


class PoolGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The hosts that can stand in for each other; `name` is empty for hosts in no pool."""

    name: str
    hosts: tuple[HostCard, ...]

    @property
    def available(self) -> int:
        """How many of them take jobs now."""
        return sum(card.host.condition is HostCondition.AVAILABLE for card in self.hosts)


class EventCard(msgspec.Struct, frozen=True, kw_only=True):
    """One event and how far it has come."""

    event: EventDocument
    steps: tuple[Step, ...]


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """One job as a line of the table; `group` is its collection's resource group, `last` its newest history row."""

    group: str
    collection: str
    name: str
    state: JobState
    schedule: str
    place: str
    target: str
    next_due: datetime | None
    last: HistoryRow | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The counts at the top of the page; `enabled` counts only among the jobs shown.

    With `uncounted` there are more jobs than `jobs`: a page that anybody reloads must not count a million. `running`
    and `held` are None for a caller who does not see everybody's jobs.
    """

    hosts: int
    available: int
    events: int
    jobs: int
    uncounted: bool
    enabled: int
    running: int | None
    held: int | None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page at one moment."""

    at: datetime
    summary: Summary
    pools: tuple[PoolGroup, ...]
    active: tuple[EventCard, ...]
    past: tuple[EventDocument, ...]
    jobs: tuple[JobRow, ...]
    jobs_hidden: int
    executions: tuple[Recent, ...]
    lengths: Mapping[str, str]


class OverviewPage:
    """The first page."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: web.Request) -> Content:
        """Return the page as the caller may see it. Raises StoreUnavailableError."""
        view = await gather(self._services, sight_of(request, self._services.store))
        return Content(title="Overview", section=Section.OVERVIEW, template="overview.html", view=view)


async def gather(services: Services, sight: Sight) -> Overview:
    """Return what there is to see now for whoever looks through `sight`. Raises StoreUnavailableError."""
    hosts = [sight.host(report) for report in services.hosts.reports()]
    active = [sight.event(event) for event in await services.store.list_events(active=True, limit=100)]
    collections = await sight.collections(services.subscription, None, top=_COLLECTIONS, skip=0)
    recent = await sight.recent_history(_RECENT, collections)
    found, total, uncounted = await _jobs(services, collections)
    return Overview(
        at=services.clock.now(),
        summary=_summary(hosts, active, found, total, uncounted=uncounted),
        pools=_pools(hosts, active),
        active=tuple(EventCard(event=event, steps=steps(event)) for event in active),
        past=await _past(services, sight),
        jobs=await _rows(services, collections, found, recent),
        jobs_hidden=total - len(found),
        executions=tuple(recent[:EXECUTIONS_SHOWN]),
        lengths=LENGTHS,
    )


async def _past(services: Services, sight: Sight) -> tuple[EventDocument, ...]:
    events = await services.store.list_events(active=False, limit=PAST_EVENTS_SHOWN + 100)
    past = [event for event in events if event.outcome is not EventOutcome.ACTIVE]
    return tuple(sight.event(event) for event in past[:PAST_EVENTS_SHOWN])


async def _jobs(services: Services, collections: Sequence[Collection]) -> tuple[list[Job], int, bool]:
    """Return the first jobs by collection and name, how many there are in all, and whether that is not all of them."""
    store, total, uncounted = services.store, 0, False
    jobs: list[Job] = []
    for collection in collections:
        count = await store.count_jobs(collection.id, at_most=JOBS_COUNTED + 1)
        total += min(count, JOBS_COUNTED)
        uncounted |= count > JOBS_COUNTED
        if len(jobs) < JOBS_SHOWN:
            jobs += await store.list_jobs(collection.id, top=JOBS_SHOWN - len(jobs), skip=0)
    return jobs, total, uncounted


async def _rows(
    services: Services, collections: Sequence[Collection], jobs: list[Job], recent: list[Recent]
) -> tuple[JobRow, ...]:
    """Find each job's newest row: nearly always among the recent ones, else by a look of its own."""
    groups = {collection.id: collection.namespace.resource_group for collection in collections}
    newest: dict[JobId, HistoryRow] = {entry.row.job_id: entry.row for entry in reversed(recent)}
    rows = []
    for job in jobs:
        last = newest.get(job.id)
        if last is None and job.counters.last_execution_time is not None:
            last = next(iter(await services.store.list_history(job.id, top=1, skip=0)), None)
        rows.append(_row(job, groups[job.collection_id], last))
    return tuple(rows)


def _row(job: Job, group: str, last: HistoryRow | None) -> JobRow:
    definition = job.definition
    state = _visible_state(job)
    return JobRow(
        group=group,
        collection=job.collection,
        name=job.name,
        state=state,
        schedule=schedule_words(definition),
        place=place_words(definition),
        target=target_words(definition.action.call),
        next_due=job.next_due if state is JobState.ENABLED else None,
        last=last,
    )


def _visible_state(job: Job) -> JobState:
    return job.state if job.gate_open or job.state is not JobState.ENABLED else JobState.DISABLED


def _pools(hosts: list[HostDocument], active: list[EventDocument]) -> tuple[PoolGroup, ...]:
    groups: dict[str, list[HostCard]] = {}
    for host in hosts:
        card = HostCard(host=host, events=_threatening(host, active))
        for pool in host.pools or ("",):
            groups.setdefault(pool, []).append(card)
    ordered = sorted(groups.items(), key=lambda item: (item[0] == "", item[0]))
    return tuple(PoolGroup(name=name, hosts=tuple(cards)) for name, cards in ordered)


def _threatening(host: HostDocument, active: list[EventDocument]) -> tuple[EventDocument, ...]:
    key = host_key(host.host)
    return tuple(event for event in active if event.event_id in host.events or key in event.hosts)


def _summary(
    hosts: list[HostDocument], active: list[EventDocument], jobs: list[Job], total: int, *, uncounted: bool
) -> Summary:
    return Summary(
        hosts=len(hosts),
        available=sum(host.condition is HostCondition.AVAILABLE for host in hosts),
        events=len(active),
        jobs=total,
        uncounted=uncounted,
        enabled=sum(_visible_state(job) is JobState.ENABLED for job in jobs),
        running=_total([host.running for host in hosts]),
        held=_total([host.held for host in hosts]),
    )


def _total(numbers: list[int | None]) -> int | None:
    """Return the sum, None if any number is not shown."""
    shown = [number for number in numbers if number is not None]
    return sum(shown) if len(shown) == len(numbers) else None
