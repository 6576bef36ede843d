"""Many jobs at once over HTTP (DESIGN §5, Batch)."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.filters import need_job_filter
from services.scheduler.api.job_batches import Answer, JobBatches, check_number
from services.scheduler.api.mounts import Mount
from services.scheduler.api.ports import Services
from services.scheduler.api.problems import Problem, problem_of
from services.scheduler.api.replies import reply
from services.scheduler.api.requests import MAX_BATCH_BYTES, read_document
from services.scheduler.api.rights import named_collection
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.values import Document
from services.scheduler.domain.collections import Collection


class BatchAnswerDocument(Document, frozen=True, kw_only=True):
    """What became of one job of a batch: 201, 200, or the status and problem of its refusal."""

    name: str
    status: int
    error: Problem | None = None


class BatchDocument(Document, frozen=True, kw_only=True):
    """The body that creates or replaces many jobs; each is judged on its own."""

    value: list[dict[str, Any]]


class DeletedDocument(Document, frozen=True, kw_only=True):
    """How many jobs a filter has removed."""

    deleted: int


class BatchHandlers:
    """Handlers of one mount."""

    def __init__(self, services: Services, mount: Mount) -> None:
        self._store = services.store
        self._clock = services.clock
        self._batches = JobBatches(services)
        self._turns = services.turns
        self._mount = mount

    async def put(self, request: web.Request) -> web.Response:
        """Create or replace many jobs; 200 with one answer per job, in order."""
        collection = await self._collection(request)
        by = actor_of(request, self._clock)
        # A batch may fill a quarter of a gigabyte while it is written: each caller has one at a time in a collection.
        async with self._turns.at(("batch", by.caller, collection.id)):
            jobs = await self._jobs(request)
            answers = await self._batches.put(collection, jobs, by=by, strict=self._mount.strict)
        return reply(request, {"value": [_document(answer) for answer in answers]})

    async def delete(self, request: web.Request) -> web.Response:
        """Delete every job that the filter names."""
        wanted = need_job_filter(request)
        collection = await self._collection(request)
        deleted = await self._batches.delete(collection, wanted, by=actor_of(request, self._clock))
        return reply(request, DeletedDocument(deleted=deleted))

    async def _jobs(self, request: web.Request) -> list[dict[str, Any]]:
        body = await read_document(request, MAX_BATCH_BYTES)
        if isinstance(value := body.get("value"), list):
            check_number(value)  # before each is looked at
        return read(body, BatchDocument, strict=self._mount.strict).value

    async def _collection(self, request: web.Request) -> Collection:
        return await self._store.get_collection(*named_collection(request, self._mount))


def _document(answer: Answer) -> BatchAnswerDocument:
    if answer.error is not None:
        problem = problem_of(answer.error)
        return BatchAnswerDocument(name=answer.name, status=problem.status, error=problem)
    created = answer.written is not None and answer.written.created
    return BatchAnswerDocument(name=answer.name, status=HTTPStatus.CREATED if created else HTTPStatus.OK)
