"""What callers may do with jobs, apart from any protocol: every mount and the portal use these."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from services.scheduler.api.drafts import Wish, patch_draft, put_draft
from services.scheduler.api.merge import merge
from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.job_reader import check_name, read_job
from services.scheduler.api.schemas.job_writer import job_document, spell_type
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.values import to_builtins
from services.scheduler.api.together import Together
from services.scheduler.domain.collections import Collection
from services.scheduler.domain.executions import Occurrence, OccurrenceId, OccurrenceState, manual_occurrence_id
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.quotas import Allowance, allowance, check_room, job_limit, lifted
from services.scheduler.errors import ConflictError, InvalidInputError, NoRoomError, NotFoundError
from services.scheduler.feed import Update
from services.scheduler.store.records import (
    JobDraft,
    Written,
)

_ATTEMPTS = 5
_PLANNED = frozenset({"action", "recurrence", "startTime"})
"""What plan and quota judge of a job, besides its size."""
MAX_REQUEST_ID = 128


class JobVerbs:
    """Writes and runs jobs; wakes the engine after each change."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._together = Together(services.store)

    def allowed(self, collection: Collection) -> Allowance:
        """Return what the collection lets its jobs do."""
        return allowance(collection.definition, self._services.limits)

    async def put(self, collection: Collection, name: str, document: JobDocument, *, strict: bool = True) -> Written:
        """Create or replace a job.

        Raises InvalidInputError for what the document says, ConflictError for what the plan forbids or when others
        keep writing the same job.
        """
        check_name(name)
        definition = read_job(document, self.allowed(collection), strict=strict)
        wish = Wish(name=name, uid=self._services.new_id(), definition=definition, state=document.state)
        return await self.put_wish(collection, wish)

    async def put_wish(self, collection: Collection, wish: Wish) -> Written:
        """Create or replace a job whose document was read. Raises as `put` does, but for the document."""

        async def draft() -> tuple[JobDraft, Job | None]:
            existing = await self._find(collection, wish.name)
            if existing is None:
                await self._check_room(collection)
            return put_draft(wish, existing, self._services.clock.now()), existing

        return await self._write(collection, wish.name, draft)

    async def patch(self, collection: Collection, name: str, patch: dict[str, Any], *, strict: bool = True) -> Job:
        """Change what `patch` names (RFC 7386), leave the rest; the result is judged as a whole.

        Plan and quota bind what it changes: a job may be disabled that a limit lowered since would not let in.
        Raises NotFoundError, InvalidInputError, and ConflictError for a terminal job that it does not enable.
        """
        allowed = self.allowed(collection) if _PLANNED & patch.keys() else lifted(self.allowed(collection))

        async def draft() -> tuple[JobDraft, Job | None]:
            existing = await self._services.store.get_job(collection.id, name)
            document = read(merge(_base(existing), _canonical(patch)), JobDocument, strict=strict)
            definition = read_job(document, allowed, strict=strict)
            wish = Wish(name=existing.name, uid=existing.uid, definition=definition, state=document.state)
            return patch_draft(wish, existing, self._services.clock.now()), existing

        return (await self._write(collection, name, draft)).job

    async def delete(self, collection: Collection, name: str) -> None:
        """Delete a job with its history. Raises NotFoundError."""
        job_id = await self._services.store.delete_job(collection.id, name)
        self._services.engine.forget([job_id])
        self._publish(collection.name, name, "deleted")

    async def run(self, collection: Collection, name: str, request_id: str | None) -> OccurrenceId:
        """Run a job now, whatever its state and schedule; a repeated `request_id` gives the same occurrence.

        Raises NotFoundError, InvalidInputError for an unusable request id.
        """
        if request_id is not None and not (0 < len(request_id) <= MAX_REQUEST_ID and request_id.isprintable()):
            raise InvalidInputError("x-ms-client-request-id", f"must have 1 to {MAX_REQUEST_ID} printable characters")
        job = await self._services.store.get_job(collection.id, name)
        occurrence = self._run_of(job, request_id or self._services.new_id())
        if await self._services.store.add_run(occurrence):
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
        self, collection: Collection, name: str, draft: Callable[[], Awaitable[tuple[JobDraft, Job | None]]]
    ) -> Written:
        """Write a draft made from the job as it stands; make it again when somebody else was faster."""
        for _ in range(_ATTEMPTS):
            made, existing = await draft()
            try:
                written = await self._put(collection, made, existing)
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
        self._publish(written.job.collection, written.job.name, "created" if written.created else "changed")

    def _publish(self, collection: str, name: str, change: str) -> None:
        self._services.feed.publish(
            Update(
                kind="job",
                at=self._services.clock.now(),
                summary=f"job {collection}/{name} {change}",
                data={"collection": collection, "job": name, "change": change},
            )
        )


def _base(job: Job) -> dict[str, Any]:
    """Return the document a patch applies to: as stored, not as shown behind a closed gate."""
    return {**to_builtins(job_document(job)), "state": job.state.value}


def _canonical(patch: dict[str, Any]) -> dict[str, Any]:
    """Return the patch with event types spelled as documents spell them, so that they meet what they change."""
    maintenance = patch.get("maintenance")
    if not isinstance(maintenance, dict) or not isinstance(rules := maintenance.get("byType"), dict):
        return patch
    return {**patch, "maintenance": {**maintenance, "byType": {spell_type(name): rules[name] for name in rules}}}
