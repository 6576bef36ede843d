"""What callers may do with jobs, apart from any protocol: every mount and the portal use these."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from services.scheduler.api.certificates import Certificates
from services.scheduler.api.drafts import Wish, patch_draft, put_draft
from services.scheduler.api.patches import patched
from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.ground import Author
from services.scheduler.api.schemas.job_reader import check_name, read_job
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.together import Together
from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import Collection, CollectionId
from services.scheduler.domain.executions import Occurrence, OccurrenceId, OccurrenceState, manual_occurrence_id
from services.scheduler.domain.jobs import Job, JobDefinition
from services.scheduler.domain.policies import Placement
from services.scheduler.domain.quotas import Allowance, allowance, check_room, job_limit, lifted
from services.scheduler.errors import ConflictError, InvalidInputError, NoRoomError, NotFoundError
from services.scheduler.feed import Update
from services.scheduler.store.audit import Actor, Change
from services.scheduler.store.records import (
    JobDraft,
    Written,
)

_ATTEMPTS = 5
_PLANNED = frozenset({"action", "recurrence", "startTime"})
"""What plan and quota judge of a job, besides its size and its cancel request."""
MAX_REQUEST_ID = 128


def _let_pass(_: Job | None) -> None:
    """Let a write replace whatever there is."""


class JobVerbs:
    """Writes and runs jobs; wakes the engine after each change."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._together = Together(services.store)

    def allowed(self, collection: Collection) -> Allowance:
        """Return what the collection lets its jobs do."""
        return allowance(collection.definition, self._services.limits)

    def certificates(self, collection: Collection) -> Certificates:
        """Return what opens the certificates of one request's documents."""
        return Certificates(self._services.certificates, collection.id)

    async def author(
        self,
        collection: Collection,
        name: str,
        document: JobDocument,
        *,
        placement: Placement | None = None,
        certificates: Certificates | None = None,
    ) -> Author:
        """Return the author of the document that a job of this name is to be read from; `placement`: where it runs."""
        services = self._services
        opened = await (certificates or self.certificates(collection)).of(document)
        return Author(
            collection=collection,
            job=name,
            keeper=services.secrets,
            topics=services.topics,
            now=services.clock.now(),
            placement=placement,
            certificates=opened,
            speaks_amqp=services.speaks_amqp,
        )

    async def put(
        self, collection: Collection, name: str, document: JobDocument, *, by: Actor, strict: bool = True
    ) -> Written:
        """Create or replace a job.

        Raises InvalidInputError for what the document says, ConflictError for what the plan forbids or when others
        keep writing the same job.
        """
        definition = await self.define(collection, name, document, strict=strict)
        wish = Wish(name=name, uid=self._services.new_id(), definition=definition, state=document.state)
        return await self.put_wish(collection, wish, by=by)

    async def define(
        self,
        collection: Collection,
        name: str,
        document: JobDocument,
        *,
        existing: Job | None = None,
        strict: bool = True,
    ) -> JobDefinition:
        """Return what a document defines for a job of this name; `existing` is where secrets in it stay from.

        Raises InvalidInputError for what the document says, ConflictError for what the plan forbids.
        """
        check_name(name)
        placement = None if existing is None else existing.definition.placement
        author = await self.author(collection, name, document, placement=placement)
        return read_job(document, self.allowed(collection), author, strict=strict)

    async def put_wish(
        self, collection: Collection, wish: Wish, *, by: Actor, guard: Callable[[Job | None], None] = _let_pass
    ) -> Written:
        """Create or replace a job whose document was read. Raises as `put` does, but for the document.

        `guard` sees the job that would be replaced, and raises where it should not be.
        """

        async def draft() -> tuple[JobDraft, Job | None]:
            existing = await self._find(collection, wish.name)
            guard(existing)
            if existing is None:
                await self._check_room(collection)
            return put_draft(wish, existing, self._services.clock.now()), existing

        return await self._write(collection, wish.name, draft, Change(by, Act.JOB_REPLACED))

    async def patch(
        self, collection: Collection, name: str, patch: dict[str, Any], *, by: Change, strict: bool = True
    ) -> Job:
        """Change what `patch` names (RFC 7386), leave the rest; the result is judged as a whole.

        Plan and quota bind what it changes: a job may be disabled that a limit lowered since would not let in. Secrets
        that it does not give stay, as long as they are shown to nobody else (`Ground`).
        Raises NotFoundError, InvalidInputError, and ConflictError for a terminal job that it does not enable.
        """
        allowed = self.allowed(collection) if _is_planned(patch) else lifted(self.allowed(collection))

        async def draft() -> tuple[JobDraft, Job | None]:
            existing = await self._services.store.get_job(collection.id, name)
            document = read(patched(existing, patch), JobDocument, strict=strict)
            placement = existing.definition.placement
            author = await self.author(collection, existing.name, document, placement=placement)
            definition = read_job(document, allowed, author, strict=strict)
            wish = Wish(name=existing.name, uid=existing.uid, definition=definition, state=document.state)
            return patch_draft(wish, existing, self._services.clock.now()), existing

        return (await self._write(collection, name, draft, by)).job

    async def delete(self, collection: Collection, name: str, *, by: Actor) -> None:
        """Delete a job with its history. Raises NotFoundError."""
        job_id = await self._services.store.delete_job(collection.id, name, by=by)
        self._services.engine.forget([job_id])
        self._publish(collection.id, collection.name, name, "deleted")

    async def run(self, collection: Collection, name: str, request_id: str | None, *, by: Actor) -> OccurrenceId:
        """Run a job now, whatever its state and schedule; a repeated `request_id` gives the same occurrence.

        Raises NotFoundError, InvalidInputError for an unusable request id.
        """
        if request_id is not None and not (0 < len(request_id) <= MAX_REQUEST_ID and request_id.isprintable()):
            raise InvalidInputError("x-ms-client-request-id", f"must have 1 to {MAX_REQUEST_ID} printable characters")
        job = await self._services.store.get_job(collection.id, name)
        occurrence = self._run_of(job, request_id or self._services.new_id())
        if await self._services.store.add_run(occurrence, by=by):
            self._services.engine.wake()
        return occurrence.id

    def _run_of(self, job: Job, request_id: str) -> Occurrence:
        now = self._services.clock.now()
        return Occurrence(
            id=manual_occurrence_id(job.uid, request_id),
            job_id=job.id,
            due=now,
            fire_at=now,
            state=OccurrenceState.READY,
            ordinal=job.planned + 1,
            manual=True,
        )

    async def _find(self, collection: Collection, name: str) -> Job | None:
        try:
            return await self._services.store.get_job(collection.id, name)
        except NotFoundError:
            return None

    async def _check_room(self, collection: Collection) -> None:
        definition, limits = collection.definition, self._services.limits
        if job_limit(definition, limits) is not None:
            jobs = await self._services.store.count_jobs(collection.id)
            check_room(definition, jobs + 1, limits)

    async def _write(
        self,
        collection: Collection,
        name: str,
        draft: Callable[[], Awaitable[tuple[JobDraft, Job | None]]],
        change: Change,
    ) -> Written:
        """Write a draft made from the job as it stands; make it again when somebody else was faster."""
        for _ in range(_ATTEMPTS):
            made, existing = await draft()
            try:
                written = await self._put(collection, replace(made, change=change), existing)
            except NoRoomError:
                raise
            except ConflictError:
                continue
            self._announce(written)
            return written
        raise ConflictError(f"job {collection.name}/{name} is being changed by others; try again")

    async def _put(self, collection: Collection, draft: JobDraft, existing: Job | None) -> Written:
        most = job_limit(collection.definition, self._services.limits)
        if existing is None:
            return await self._together.put(collection.id, draft, self._services.clock.now(), most=most)
        with self._services.engine.withheld([existing.id]) as withheld:
            draft = replace(draft, withheld=withheld[existing.id])
            return await self._together.put(collection.id, draft, self._services.clock.now(), most=most)

    def _announce(self, written: Written) -> None:
        if not written.created:
            self._services.engine.forget([written.job.id])
        self._services.engine.wake()
        job = written.job
        self._publish(job.collection_id, job.collection, job.name, "created" if written.created else "changed")

    def _publish(self, collection_id: CollectionId, collection: str, name: str, change: str) -> None:
        self._services.feed.publish(
            Update(
                kind="job",
                at=self._services.clock.now(),
                summary=f"job {collection}/{name} {change}",
                data={"collection": collection, "job": name, "change": change},
                collection_id=collection_id,
            )
        )


def _is_planned(patch: dict[str, Any]) -> bool:
    """Whether a patch changes what plan and quota judge."""
    maintenance = patch.get("maintenance")
    return bool(_PLANNED & patch.keys()) or (isinstance(maintenance, dict) and "cancel" in maintenance)
