"""Jobs over HTTP: documents, run, history, previews."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.filters import read_filter, read_job_filter
from services.scheduler.api.job_verbs import JobVerbs
from services.scheduler.api.mounts import Mount
from services.scheduler.api.ports import Services
from services.scheduler.api.preview import MAX_PREVIEW, preview_job, preview_timing, starts_at
from services.scheduler.api.replies import done, page_reply, reply, written
from services.scheduler.api.requests import read_count, read_document, read_page
from services.scheduler.api.rights import named_collection
from services.scheduler.api.schemas.decisions import decision_document
from services.scheduler.api.schemas.history import RunDocument, occurrence_document
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.timing import read_timing
from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import Collection
from services.scheduler.domain.decisions import Verdict
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.domain.recurrence import Recurrence
from services.scheduler.store.audit import Change

CLIENT_REQUEST_ID = "x-ms-client-request-id"
_DEFAULT_PREVIEW = 10


class JobHandlers:
    """Handlers of one mount."""

    def __init__(self, services: Services, mount: Mount) -> None:
        self._store = services.store
        self._clock = services.clock
        self._verbs = JobVerbs(services)
        self._mount = mount

    async def list_all(self, request: web.Request) -> web.Response:
        """List a collection's jobs by name."""
        page, wanted = read_page(request), read_job_filter(request)
        collection = await self._collection(request)
        jobs = await self._store.list_jobs(
            collection.id, state=wanted.state, tags=wanted.tags, top=page.wanted, skip=page.skip
        )
        return page_reply(request, page, [self._mount.job(collection, job) for job in jobs])

    async def get(self, request: web.Request) -> web.Response:
        """Return one job."""
        return reply(request, await self._mount.whole_job(*await self._job(request)))

    async def put(self, request: web.Request) -> web.Response:
        """Create or replace a job."""
        body = self._mount.job_fields(await read_document(request))
        collection = await self._collection(request)
        document = read(body, JobDocument, strict=self._mount.strict)
        result = await self._verbs.put(
            collection,
            request.match_info["job"],
            document,
            by=actor_of(request, self._clock),
            strict=self._mount.strict,
        )
        return written(request, self._mount.job(collection, result.job), created=result.created)

    async def patch(self, request: web.Request) -> web.Response:
        """Change what the body names."""
        return await self._patch(request, self._mount.job_fields(await read_document(request)), Act.JOB_PATCHED)

    async def enable(self, request: web.Request) -> web.Response:
        """Let a job run; a terminal one starts anew."""
        return await self._patch(request, {"state": JobState.ENABLED.value}, Act.JOB_ENABLED)

    async def disable(self, request: web.Request) -> web.Response:
        """Keep a job from running."""
        return await self._patch(request, {"state": JobState.DISABLED.value}, Act.JOB_DISABLED)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a job with its history."""
        collection, by = await self._collection(request), actor_of(request, self._clock)
        await self._verbs.delete(collection, request.match_info["job"], by=by)
        return done()

    async def run(self, request: web.Request) -> web.Response:
        """Run a job now; a repeated client request id gives the same occurrence."""
        collection, request_id = await self._collection(request), request.headers.get(CLIENT_REQUEST_ID)
        by = actor_of(request, self._clock)
        occurrence = await self._verbs.run(collection, request.match_info["job"], request_id, by=by)
        return done() if self._mount.terse else reply(request, RunDocument(occurrence_id=occurrence))

    async def history(self, request: web.Request) -> web.Response:
        """List what became of a job's occurrences, newest first."""
        page, status = read_page(request), read_filter(request, "status", HistoryStatus)
        collection, job = await self._job(request)
        rows = await self._store.list_history(job.id, status=status, top=page.wanted, skip=page.skip)
        return page_reply(request, page, [self._mount.history(collection, job, row) for row in rows])

    async def decisions(self, request: web.Request) -> web.Response:
        """List why a job's occurrences ran where and when they did, or did not, newest first."""
        page, verdict = read_page(request), read_filter(request, "decision", Verdict)
        _, job = await self._job(request)
        rows = await self._store.list_history(job.id, verdict=verdict, top=page.wanted, skip=page.skip)
        return page_reply(request, page, [decision_document(row) for row in rows])

    async def preview(self, request: web.Request) -> web.Response:
        """List when a job will be due."""
        count, (_, job) = _count(request), await self._job(request)
        dues = [(due, starts_at(job, due)) for due in preview_job(job, self._clock.now(), count)]
        return _preview(request, dues, job.definition.recurrence)

    async def preview_posted(self, request: web.Request) -> web.Response:
        """List when the job in the body would be due if it were written now; nothing is stored."""
        count, body = _count(request), self._mount.job_fields(await read_document(request))
        collection = await self._collection(request)
        document = read(body, JobDocument, strict=self._mount.strict)
        start, recurrence = read_timing(document, self._verbs.allowed(collection).recurrence)
        dues = preview_timing(recurrence, start, self._clock.now(), count)
        # No job yet, so no ids: when within its window each would start is not known.
        return _preview(request, [(due, None) for due in dues], recurrence)

    async def _patch(self, request: web.Request, patch: dict[str, Any], act: Act) -> web.Response:
        collection, name = await self._collection(request), request.match_info["job"]
        by = Change(actor_of(request, self._clock), act)
        job = await self._verbs.patch(collection, name, patch, by=by, strict=self._mount.strict)
        return reply(request, self._mount.job(collection, job))

    async def _collection(self, request: web.Request) -> Collection:
        return await self._store.get_collection(*named_collection(request, self._mount))

    async def _job(self, request: web.Request) -> tuple[Collection, Job]:
        collection = await self._collection(request)
        return collection, await self._store.get_job(collection.id, request.match_info["job"])


def _count(request: web.Request) -> int:
    return read_count(request, default=_DEFAULT_PREVIEW, most=MAX_PREVIEW)


def _preview(
    request: web.Request, dues: Sequence[tuple[datetime, datetime | None]], recurrence: Recurrence | None
) -> web.Response:
    zone = recurrence.time_zone if recurrence else None
    return reply(request, {"value": [occurrence_document(due, zone, fire_at) for due, fire_at in dues]})
