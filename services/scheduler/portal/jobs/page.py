"""What the page of one job shows: what it is, when it is due, what waits, what became of it and why."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.preview import preview_job, starts_at
from services.scheduler.api.schemas.job_writer import job_document, state_shown
from services.scheduler.api.schemas.maintenance import ResolvedDocument, ResolvedRuleDocument
from services.scheduler.api.schemas.maintenance_writer import resolved_document
from services.scheduler.api.schemas.values import Document, to_builtins
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.errors import InvalidInputError
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.jobs.chart import SHOWN, Chart, chart_of
from services.scheduler.portal.jobs.commands import Command, job_commands
from services.scheduler.portal.jobs.definition_words import Line, definition_lines
from services.scheduler.portal.jobs.listing import place_of
from services.scheduler.portal.jobs.rows import JobRow, held_words, job_row
from services.scheduler.portal.jobs.story import Told, tell
from services.scheduler.portal.paging import COUNTED, ROWS, Pager, pager, read_number, skipped
from services.scheduler.portal.places import is_at_home, named_job

DUES_SHOWN = 10
HELD_SHOWN = 20


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence to come: its instant, the wall clock in the job's zone, and its start where that is later."""

    at: datetime
    local: str
    starts: datetime | None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An occurrence that is held now: for what, and why."""

    due: datetime
    words: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One page of what became of a job, of one status if asked."""

    status: HistoryStatus | None
    statuses: tuple[HistoryStatus, ...]
    told: tuple[Told, ...]
    pager: Pager


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page of a job at one moment; `dues` are the next ones, none while it is disabled.

    `place` is its collection as the list's address names it; `commands` are none where the command line does not reach,
    in another resource group. `fault` is why what was asked for was not done, or empty.
    """

    job: JobRow
    place: str
    fault: str
    lines: tuple[Line, ...]
    tags: tuple[tuple[str, str], ...]
    document: str
    resolved: ResolvedDocument
    rules: tuple[tuple[str, ResolvedRuleDocument], ...]
    zone: str
    dues: tuple[Due, ...]
    held: tuple[Waiting, ...]
    chart: Chart | None
    story: Story
    commands: tuple[Command, ...]


class JobPage:
    """One job's page."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: web.Request) -> Content:
        """Return the page.

        Raises NotFoundError, also for what the caller may not see, InvalidInputError and StoreUnavailableError.
        """
        return await job_content(self._services, request)


async def job_content(
    services: Services, request: web.Request, *, fault: str = "", status: HTTPStatus = HTTPStatus.OK
) -> Content:
    """Return the page of the job that a request names, with a fault of what it asked for. Raises as `show` does."""
    view = await gather_job(services, request, fault)
    title = f"{view.job.collection}/{view.job.name}"
    return Content(title=title, section=Section.JOBS, template="job.html", view=view, live=not fault, status=status)


async def gather_job(services: Services, request: web.Request, fault: str = "") -> JobView:
    """Return what there is to see of the job that a request names. Raises as `JobPage.show` does."""
    collection, job = await named_job(services, request)
    store = services.store
    story = await _story(services, request, job)
    held = await store.held_now([job.id], limit=HELD_SHOWN)
    resolved = resolved_document(services.rules.policies(job), await services.rules.expected(job))
    recurrence = job.definition.recurrence
    is_enabled = job.state is JobState.ENABLED
    return JobView(
        job=job_row(job, collection.namespace.resource_group),
        place=place_of(services, collection),
        fault=fault,
        lines=tuple(definition_lines(job)),
        tags=tuple(sorted(job.definition.tags.items())),
        document=written(job_document(job)),
        resolved=resolved,
        rules=tuple(_rules(resolved)),
        zone=(recurrence.time_zone if recurrence else None) or "UTC",
        dues=tuple(_dues(job, services.clock.now())),
        held=tuple(Waiting(due=one.due, words=held_words(one)) for one in held),
        chart=chart_of(await store.list_history(job.id, top=2 * SHOWN, skip=0)),
        story=story,
        commands=job_commands(job.collection, job.name, is_enabled=is_enabled)
        if is_at_home(services, collection)
        else (),
    )


def written(document: Document) -> str:
    """Return a document as the API writes it, laid out for people."""
    plain = {name: value for name, value in to_builtins(document).items() if value not in (None, {}, [])}
    return msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()


async def _story(services: Services, request: web.Request, job: Job) -> Story:
    asked, number = request.query.get("status", ""), read_number(request)
    status = next((one for one in HistoryStatus if one.value == asked), None)
    if asked and status is None:
        raise InvalidInputError("status", f"{asked[:20]!r} is none of {', '.join(HistoryStatus)}")
    rows = await services.store.list_history(job.id, status=status, top=ROWS, skip=skipped(number))
    total = await services.store.count_history(job.id, status=status, at_most=COUNTED)
    shown = pager(request, len(rows), total)
    return Story(status=status, statuses=tuple(HistoryStatus), told=tell(rows), pager=shown)


def _dues(job: Job, now: datetime) -> Iterator[Due]:
    if state_shown(job) is not JobState.ENABLED:
        return
    recurrence = job.definition.recurrence
    zone = ZoneInfo((recurrence.time_zone if recurrence else None) or "UTC")
    for at in preview_job(job, now, DUES_SHOWN):
        yield Due(at=at, local=f"{at.astimezone(zone):%a %Y-%m-%d %H:%M:%S}", starts=starts_at(job, at))


def _rules(resolved: ResolvedDocument) -> Iterator[tuple[str, ResolvedRuleDocument]]:
    """Yield what applies under which events, in words, the widest first."""
    maintenance = resolved.maintenance
    yield "Any event", maintenance
    for kind, rule in maintenance.by_type.items():
        yield kind, rule
    for source, rule in maintenance.by_source.items():
        yield f"From {source}", rule
    for rule in maintenance.by_duration:
        yield f"Up to {rule.up_to}", rule
