"""What the forms about a job do: run, enable, disable, delete; and the page that asks before a deletion."""

from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode

import msgspec
from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.job_verbs import JobVerbs
from services.scheduler.api.ports import Services
from services.scheduler.api.requests import read_field
from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import Collection
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import ConflictError, InvalidInputError
from services.scheduler.portal.frame import Content, Section, lead_to, root_of
from services.scheduler.portal.jobs.page import job_content
from services.scheduler.portal.jobs.rows import JobRow, job_row
from services.scheduler.portal.notices import Notice
from services.scheduler.portal.paging import COUNTED
from services.scheduler.portal.places import named_collection, named_job
from services.scheduler.store.audit import Change

_HELD = 100
_FAULTS = {InvalidInputError: HTTPStatus.BAD_REQUEST, ConflictError: HTTPStatus.CONFLICT}


class Farewell(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with a job that is about to be deleted: rows of history, occurrences that wait."""

    job: JobRow
    history: int
    is_uncounted: bool
    held: int


class JobActions:
    """Handlers of the forms; their routes take the right to change."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._verbs = JobVerbs(services)

    async def run(self, request: web.Request) -> web.Response:
        """Run a job now. Raises NotFoundError."""
        collection, by = await named_collection(self._services, request), actor_of(request, self._services.clock)
        await self._verbs.run(collection, request.match_info["job"], None, by=by)
        return await _onward(request, Notice.JOB_RUN)

    async def enable(self, request: web.Request) -> Content | web.Response:
        """Let a job run, a terminal one from its beginning. Raises NotFoundError."""
        return await self._switch(request, JobState.ENABLED, Act.JOB_ENABLED, Notice.JOB_ENABLED)

    async def disable(self, request: web.Request) -> Content | web.Response:
        """Keep a job from running. Raises NotFoundError."""
        return await self._switch(request, JobState.DISABLED, Act.JOB_DISABLED, Notice.JOB_DISABLED)

    async def ask(self, request: web.Request) -> Content:
        """Return the page that says what a deletion takes along. Raises NotFoundError."""
        collection, job = await named_job(self._services, request)
        store = self._services.store
        rows = await store.count_history(job.id, at_most=COUNTED)
        held = await store.held_now([job.id], limit=_HELD)
        row = job_row(job, collection.namespace.resource_group)
        view = Farewell(job=row, history=rows, is_uncounted=rows >= COUNTED, held=len(held))
        title = f"Delete {job.collection}/{job.name}?"
        return Content(title=title, section=Section.JOBS, template="job_delete.html", view=view, live=False)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a job with its history. Raises NotFoundError."""
        collection, by = await named_collection(self._services, request), actor_of(request, self._services.clock)
        await self._verbs.delete(collection, request.match_info["job"], by=by)
        return lead_to(f"{root_of(request)}portal/jobs?notice={Notice.JOB_DELETED}")

    async def _switch(self, request: web.Request, state: JobState, act: Act, said: Notice) -> Content | web.Response:
        """Move a job's state; what forbids it is told on the job's page."""
        collection = await named_collection(self._services, request)
        try:
            await self._move(request, collection, state, act)
        except (ConflictError, InvalidInputError) as fault:
            status = next(status for kind, status in _FAULTS.items() if isinstance(fault, kind))
            return await job_content(self._services, request, fault=str(fault), status=status)
        return await _onward(request, said)

    async def _move(self, request: web.Request, collection: Collection, state: JobState, act: Act) -> None:
        by = Change(actor_of(request, self._services.clock), act)
        await self._verbs.patch(collection, request.match_info["job"], {"state": state.value}, by=by)


async def _onward(request: web.Request, said: Notice) -> web.Response:
    """Lead back to the list that the form stood in, or to the job's page."""
    back, root = await read_field(request, "back"), root_of(request)
    if back is None:
        # One level up from the verb is the job; its name may hold what an address must escape.
        return lead_to(f"../{request.rel_url.raw_parts[-2]}?notice={said}")
    fields = [(name, text) for name, text in parse_qsl(back) if name != "notice"]
    return lead_to(f"{root}portal/jobs?{urlencode([*fields, ('notice', said.value)])}")
