"""Jobs of a scheduler, and what became of their occurrences."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from uuid import uuid4

import msgspec

from services.client.api.connection import Connection
from services.client.api.filters import equal, query_of
from services.client.api.model.history import Decision, HistoryRow, HistoryStatus, Verdict
from services.client.api.model.jobs import BatchAnswer, Deleted, Job, Occurrence, Run
from services.client.api.paths import path

PER_REQUEST = 500
"""A request takes far more jobs; so many show progress and stay well within its time limit."""
Document = Job | Mapping[str, object]


class _Answers(msgspec.Struct, frozen=True):
    value: list[BatchAnswer]


class _Occurrences(msgspec.Struct, frozen=True):
    value: list[Occurrence]


class Jobs:
    """`client.jobs`: what there is, changing it, and what came of it."""

    def __init__(self, connection: Connection) -> None:
        """Ask by an open connection."""
        self._connection = connection

    def each(self, collection: str, *, matching: str | None = None) -> AsyncGenerator[Job]:
        """Yield the jobs of a collection; `matching` is a `$filter`, such as `state eq enabled and tags/team eq db`."""
        query = {} if matching is None else {"$filter": matching}
        return self._connection.each(Job, path("collections", collection, "jobs"), query)

    async def get(self, collection: str, name: str) -> Job:
        """Return one, with what applies to it (`resolved`); raises NotFoundError."""
        return await self._ask("GET", collection, name)

    async def put(self, collection: str, name: str, document: Document) -> Job:
        """Create a job, or replace it; one that was read may be written back."""
        return await self._ask("PUT", collection, name, document)

    async def patch(self, collection: str, name: str, document: Document) -> Job:
        """Change what is given, leave the rest; None in a mapping removes."""
        return await self._ask("PATCH", collection, name, document)

    async def enable(self, collection: str, name: str) -> Job:
        """Let a job run; one that has ended starts anew."""
        return await self._ask("POST", collection, name, None, "enable")

    async def disable(self, collection: str, name: str) -> Job:
        """Keep a job from running."""
        return await self._ask("POST", collection, name, None, "disable")

    async def delete(self, collection: str, name: str) -> None:
        """Delete a job with its history; raises NotFoundError."""
        await self._connection.call("DELETE", path("collections", collection, "jobs", name))

    async def run(self, collection: str, name: str, *, request_id: str | None = None) -> str:
        """Run a job now and return the occurrence's id.

        Repeated with the same `request_id` within ten minutes it is the same run; so a lost answer is asked for again.
        """
        headers = {"x-ms-client-request-id": request_id or str(uuid4())}
        address = path("collections", collection, "jobs", name, "run")
        found = await self._connection.ask(Run, "POST", address, headers=headers, again=True)
        return found.occurrence_id

    async def put_many(
        self, collection: str, documents: Sequence[Document], *, per_request: int = PER_REQUEST
    ) -> AsyncGenerator[list[BatchAnswer]]:
        """Create or replace many jobs, each with its `name`; yield the answers of each request, in order."""
        address = path("collections", collection, "jobs:batch")
        for start in range(0, len(documents), per_request):
            body = {"value": documents[start : start + per_request]}
            answers = await self._connection.ask(_Answers, "POST", address, body)
            yield answers.value

    async def delete_many(self, collection: str, *, matching: str) -> int:
        """Delete the jobs that match a `$filter` and return how many those were."""
        address = path("collections", collection, "jobs:batch")
        gone = await self._connection.ask(Deleted, "DELETE", address, query={"$filter": matching})
        return gone.deleted

    def history(self, collection: str, name: str, *, status: HistoryStatus | None = None) -> AsyncGenerator[HistoryRow]:
        """Yield what became of a job's occurrences, newest first."""
        address = path("collections", collection, "jobs", name, "history")
        return self._connection.each(HistoryRow, address, query_of(*equal("status", status)))

    def decisions(self, collection: str, name: str, *, verdict: Verdict | None = None) -> AsyncGenerator[Decision]:
        """Yield why a job's occurrences ran where and when they did, or did not, newest first."""
        address = path("collections", collection, "jobs", name, "decisions")
        return self._connection.each(Decision, address, query_of(*equal("decision", verdict)))

    async def occurrences(
        self, collection: str, name: str, *, count: int = 10, document: Document | None = None
    ) -> list[Occurrence]:
        """Return when a job will be due; with a `document` when that would be, which is not stored."""
        address, method = path("collections", collection, "jobs", name, "occurrences"), "POST" if document else "GET"
        found = await self._connection.ask(_Occurrences, method, address, document, {"count": count}, again=True)
        return found.value

    async def _ask(self, method: str, collection: str, name: str, body: object = None, *verb: str) -> Job:
        address = path("collections", collection, "jobs", name, *verb)
        return await self._connection.ask(Job, method, address, body)
