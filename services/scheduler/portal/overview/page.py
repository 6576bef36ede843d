"""The overview: the fleet, its events, what happened lately and what is to come."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.fleet import EventDocument, HostDocument
from services.scheduler.api.sight import Sight, sight_of
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.portal.fleet.progress import Step, steps
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.overview.forecast import Forecast
from services.scheduler.portal.overview.sheet import Known
from services.scheduler.portal.overview.signs import LEGEND, Sign
from services.scheduler.portal.overview.strip import Strip, strip
from services.scheduler.portal.overview.weather import Weather, draw
from services.scheduler.portal.overview.window import ZOOMS, Window, Zoom, read_zoom, window_at
from services.scheduler.store.records import EventRecord, Recent
from services.scheduler.store.search import JobQuery, Mark, Ran

JOBS_COUNTED = 1000
"""A number on the page goes no further: a page that anybody reloads must not count a hundred thousand."""
EXECUTIONS_SHOWN = 15
EVENTS_SHOWN = 20
MARKS_DRAWN = 3000
JOBS_AHEAD = 300
"""Jobs whose next occurrences are drawn, those due first."""
TICKS_AHEAD = 1000
"""Occurrences to come that are drawn at most, whatever many jobs repeat however often."""
_EVENTS_LOOKED_AT = 100
_LATELY = timedelta(hours=1)


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number that may have been counted only so far."""

    number: int
    is_more: bool = False

    def __str__(self) -> str:
        """Return it as people read it: `1,000+` where there may be more."""
        return f"{self.number:,}{'+' if self.is_more else ''}"


class EventCard(msgspec.Struct, frozen=True, kw_only=True):
    """One event and how far it has come."""

    event: EventDocument
    steps: tuple[Step, ...]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers at the top of the page.

    `unwatched` counts hosts whose watcher is not heard. `running` is None for a caller who does not see everybody's
    jobs. `failed` and `missed` count what happened in the last hour, `held` the jobs of which something waits now.
    """

    hosts: int
    available: int
    unwatched: int
    events: Figure
    running: int | None
    held: Figure
    jobs: Figure
    enabled: Figure
    failed: Figure
    missed: Figure


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page at one moment; `cut` says what the weather leaves out, if anything, `next_due` what comes next."""

    at: datetime
    summary: Summary
    active: tuple[EventCard, ...]
    strip: Strip
    weather: Weather
    cut: tuple[str, ...]
    executions: tuple[Recent, ...]
    next_due: datetime | None
    zooms: Mapping[Zoom, str]
    legend: Mapping[Sign, str]


class OverviewPage:
    """The first page."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: web.Request) -> Content:
        """Return the page as the caller may see it. Raises InvalidInputError (the zoom), StoreUnavailableError."""
        view = await gather(self._services, sight_of(request, self._services.store), read_zoom(request))
        return Content(title="Overview", section=Section.OVERVIEW, template="overview.html", view=view)


async def gather(services: Services, sight: Sight, zoom: Zoom) -> Overview:
    """Return what there is to see now for whoever looks through `sight`. Raises StoreUnavailableError."""
    store, window = services.store, window_at(zoom, services.clock.now())
    within = await sight.within()
    reports = services.hosts.reports()
    active = await store.list_events(active=True, limit=_EVENTS_LOOKED_AT)
    past = await store.list_events(active=False, limit=_EVENTS_LOOKED_AT)
    marks = await store.marks(min(window.start, window.now - _LATELY), limit=MARKS_DRAWN, within=within)
    ahead = await store.upcoming(window.now, window.end, limit=JOBS_AHEAD, within=within)
    hosts = [sight.host(report) for report in reports]
    return Overview(
        at=window.now,
        summary=await _summary(services, hosts, active, marks, within),
        active=tuple(_card(sight, event) for event in active[:EVENTS_SHOWN]),
        strip=strip(hosts),
        weather=_weather(services, window, reports, [*active, *past], marks, ahead),
        cut=_cut(window, marks, ahead),
        executions=tuple(await store.recent_history(EXECUTIONS_SHOWN, within=within)),
        next_due=ahead[0].next_due if ahead else None,
        zooms=ZOOMS,
        legend=LEGEND,
    )


def _card(sight: Sight, event: EventRecord) -> EventCard:
    document = sight.event(event)
    return EventCard(event=document, steps=steps(document))


# -- numbers ----------------------------------------------------------------------------------------------------------


async def _summary(
    services: Services,
    hosts: list[HostDocument],
    active: list[EventRecord],
    marks: list[Mark],
    within: list[CollectionId] | None,
) -> Summary:
    query = JobQuery(within=within, subscription=services.subscription)
    since = services.clock.now() - _LATELY
    lately = [mark for mark in marks if mark.at >= since]
    is_cut = len(lately) == MARKS_DRAWN
    return Summary(
        hosts=len(hosts),
        available=sum(host.condition is HostCondition.AVAILABLE for host in hosts),
        unwatched=sum(host.watcher != "online" for host in hosts),
        events=Figure(number=len(active), is_more=len(active) == _EVENTS_LOOKED_AT),
        running=_total([host.running for host in hosts]),
        held=await _count(services, msgspec.structs.replace(query, ran=Ran.HELD)),
        jobs=await _count(services, query),
        enabled=await _count(services, msgspec.structs.replace(query, state=JobState.ENABLED)),
        failed=Figure(number=_ended(lately, HistoryStatus.FAILED), is_more=is_cut),
        missed=Figure(number=_ended(lately, HistoryStatus.MISSED), is_more=is_cut),
    )


async def _count(services: Services, query: JobQuery) -> Figure:
    found = await services.store.count_found(query, at_most=JOBS_COUNTED + 1)
    return Figure(number=min(found, JOBS_COUNTED), is_more=found > JOBS_COUNTED)


def _ended(marks: list[Mark], status: HistoryStatus) -> int:
    return sum(mark.status is status for mark in marks)


def _total(numbers: list[int | None]) -> int | None:
    """Return the sum, None if any number is not shown."""
    shown = [number for number in numbers if number is not None]
    return sum(shown) if len(shown) == len(numbers) else None


# -- weather ----------------------------------------------------------------------------------------------------------


def _weather(
    services: Services,
    window: Window,
    reports: list[HostReport],
    events: Sequence[EventRecord],
    marks: list[Mark],
    ahead: list[Job],
) -> Weather:
    fleet = services.hosts.views
    forecast = Forecast(fleet, services.rules.policies)
    most = max(1, TICKS_AHEAD // len(ahead)) if ahead else 1
    known = Known(
        reports=reports,
        fleet=fleet,
        events=tuple({event.event_id: event for event in events}.values()),
        marks=marks,
        coming=(each for job in ahead for each in forecast.of(job, window.now, window.end, most)),
        homes={job.id: forecast.place_of(job) for job in ahead},
    )
    return draw(known, window)


def _cut(window: Window, marks: list[Mark], ahead: list[Job]) -> tuple[str, ...]:
    """Say what is left out because there is too much of it."""
    said = []
    if len(marks) == MARKS_DRAWN and marks[-1].at > window.start:
        said.append(f"Only the latest {MARKS_DRAWN:,} executions are drawn, back to {marks[-1].at:%H:%M:%S} UTC.")
    if len(ahead) == JOBS_AHEAD and ahead[-1].next_due is not None:
        said.append(f"Only the next {JOBS_AHEAD} jobs are drawn, up to those due at {ahead[-1].next_due:%H:%M:%S} UTC.")
    return tuple(said)
