"""What the page of one job shows: what applies to it, when it is due, and why it ran where and when it did."""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from aiohttp import web

from services.scheduler.api.callers import caller_of
from services.scheduler.api.ports import Services
from services.scheduler.api.preview import preview_job
from services.scheduler.api.rights import place_of
from services.scheduler.api.schemas.decisions import DecisionDocument, decision_document
from services.scheduler.api.schemas.job_writer import state_shown
from services.scheduler.api.schemas.maintenance import ResolvedDocument, ResolvedRuleDocument
from services.scheduler.api.schemas.maintenance_writer import resolved_document
from services.scheduler.domain.collections import Namespace
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.jobs import JobState
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.words import place_words, schedule_words, target_words

DECISIONS_SHOWN = 50
DUES_SHOWN = 5


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """One decision and what came of it."""

    decision: DecisionDocument
    status: HistoryStatus
    message: str


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page of a job at one moment; `dues` are the next ones, none while it is disabled."""

    collection: str
    name: str
    state: JobState
    schedule: str
    place: str
    target: str
    resolved: ResolvedDocument
    rules: tuple[tuple[str, ResolvedRuleDocument], ...]
    dues: tuple[datetime, ...]
    decided: tuple[Decided, ...]


class JobPage:
    """One job's page."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: web.Request) -> Content:
        """Return the page. Raises NotFoundError, also for what the caller may not see, and StoreUnavailableError."""
        job = await gather_job(self._services, request)
        title = f"{job.collection}/{job.name}"
        return Content(title=title, section=Section.JOBS, template="job.html", view=job)


async def gather_job(services: Services, request: web.Request) -> JobView:
    """Return what there is to see of the job that a request names.

    Raises NotFoundError, also for what the caller may not see, and StoreUnavailableError.
    """
    names = request.match_info
    namespace = Namespace(services.subscription, names["group"])
    place = place_of(caller_of(request), namespace, names["collection"])
    collection = await services.store.get_collection(place, names["collection"])
    job = await services.store.get_job(collection.id, names["job"])
    rows = await services.store.list_history(job.id, top=DECISIONS_SHOWN, skip=0)
    state = state_shown(job)
    dues = preview_job(job, services.clock.now(), DUES_SHOWN) if state is JobState.ENABLED else []
    resolved = resolved_document(services.rules.policies(job), await services.rules.expected(job))
    return JobView(
        collection=job.collection,
        name=job.name,
        state=state,
        schedule=schedule_words(job.definition),
        place=place_words(job.definition),
        target=target_words(job.definition.action.call),
        resolved=resolved,
        rules=tuple(_rules(resolved)),
        dues=tuple(dues),
        decided=tuple(Decided(decision=decision_document(row), status=row.status, message=row.message) for row in rows),
    )


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
