"""Many jobs at once: each judged on its own, the good ones written together."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from services.scheduler.api.certificates import Certificates
from services.scheduler.api.drafts import Wish, put_draft
from services.scheduler.api.filters import JobFilter
from services.scheduler.api.job_verbs import JobVerbs
from services.scheduler.api.ports import Services
from services.scheduler.api.requests import check_length
from services.scheduler.api.schemas.job_reader import check_name, read_job
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import Collection
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.domain.quotas import check_room, job_limit
from services.scheduler.errors import ConflictError, InvalidInputError
from services.scheduler.feed import Update
from services.scheduler.store.audit import Actor, Change
from services.scheduler.store.records import Written
from shared.errors import LeewardError

MAX_BATCH = 10_000
_PAGE = 500
_BREATH_BYTES = 65_536
"""Documents that are read without a pause: some tens of milliseconds of work at the very most (measured)."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one job of a batch: written, or refused by `error`."""

    name: str
    written: Written | None = None
    error: LeewardError | None = None


def check_number(documents: Sequence[Any]) -> None:
    """Raise InvalidInputError for more than MAX_BATCH."""
    if len(documents) > MAX_BATCH:
        raise InvalidInputError("value", f"{len(documents)} jobs are too many; at most {MAX_BATCH} at once")


class JobBatches:
    """Creates, replaces and deletes jobs by the thousand."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._verbs = JobVerbs(services)

    async def put(
        self, collection: Collection, documents: Sequence[Any], *, by: Actor, strict: bool = True
    ) -> list[Answer]:
        """Create or replace each job; answers in order. What is wrong with one does not touch the others.

        Raises ConflictError when the plan has no room for all of them.
        """
        wishes = await self._wishes(collection, documents, strict=strict)
        good = [wish for wish in wishes if isinstance(wish, Wish)]
        outcomes: dict[str, Answer] = {}
        existing = await self._existing(collection, [wish.name for wish in good])
        await self._check_room(collection, [wish for wish in good if wish.name.lower() not in existing])
        for start in range(0, len(good), _PAGE):
            outcomes |= await self._write(collection, good[start : start + _PAGE], existing, by)
        return [outcomes[wish.name] if isinstance(wish, Wish) else wish for wish in wishes]

    async def delete(self, collection: Collection, wanted: JobFilter, *, by: Actor) -> int:
        """Delete every job that the filter names; return how many."""
        deleted, store, last = 0, self._services.store, None
        while jobs := await store.list_jobs(
            collection.id, state=wanted.state, tags=wanted.tags, after=last, top=_PAGE, skip=0
        ):
            gone = await store.delete_jobs(collection.id, [job.id for job in jobs], by=by)
            self._services.engine.forget(gone)
            deleted, last = deleted + len(gone), jobs[-1].name
        self._publish(collection, f"{deleted} jobs of {collection.name} deleted")
        return deleted

    async def _wishes(self, collection: Collection, documents: Sequence[Any], *, strict: bool) -> list[Wish | Answer]:
        seen: set[str] = set()
        certificates = self._verbs.certificates(collection)
        wishes: list[Wish | Answer] = []
        unpaused = 0
        for document in documents:
            size = len(msgspec.json.encode(document))
            if (unpaused := unpaused + size) > _BREATH_BYTES:
                # Reading ten thousand jobs takes a second: timers must fire meanwhile.
                await asyncio.sleep(0)
                unpaused = 0
            name = document.get("name") if isinstance(document, dict) else None
            try:
                check_length(size)
                parsed = self._parsed(name, document, seen, strict=strict)
                wishes.append(await self._wish(collection, *parsed, certificates, strict=strict))
                seen.add(wishes[-1].name.lower())
            except LeewardError as fault:
                wishes.append(Answer(name=name if isinstance(name, str) else "", error=fault))
        return wishes

    def _parsed(self, name: object, document: Any, seen: set[str], *, strict: bool) -> tuple[str, JobDocument]:
        if not isinstance(name, str):
            raise InvalidInputError("name", "is required")
        check_name(name)
        if name.lower() in seen:
            raise InvalidInputError("name", f"{name!r} comes twice in this batch")
        return name, read(document, JobDocument, strict=strict)

    async def _wish(
        self, collection: Collection, name: str, document: JobDocument, certificates: Certificates, *, strict: bool
    ) -> Wish:
        author = await self._verbs.author(collection, name, document, certificates=certificates)
        definition = read_job(document, self._verbs.allowed(collection), author, strict=strict)
        if document.state in (JobState.COMPLETED, JobState.FAULTED):
            raise InvalidInputError("state", "give Enabled or Disabled")
        return Wish(name=name, uid=self._services.new_id(), definition=definition, state=document.state)

    async def _existing(self, collection: Collection, names: Sequence[str]) -> dict[str, Job]:
        """Return the jobs among `names` that exist, by lower-cased name."""
        found = await self._services.store.find_jobs(collection.id, names)
        return {job.name.lower(): job for job in found}

    async def _check_room(self, collection: Collection, new: Sequence[Wish]) -> None:
        definition, limits = collection.definition, self._services.limits
        if new and job_limit(definition, limits) is not None:
            jobs = await self._services.store.count_jobs(collection.id)
            check_room(definition, jobs + len(new), limits)

    async def _write(
        self, collection: Collection, wishes: Sequence[Wish], existing: dict[str, Job], by: Actor
    ) -> dict[str, Answer]:
        pairs = [(wish, existing.get(wish.name.lower())) for wish in wishes]
        try:
            written = await self._write_together(collection, pairs, by)
        except ConflictError:
            return {wish.name: await self._write_alone(collection, wish, by) for wish in wishes}
        self._announce(collection, written)
        return {wish.name: Answer(name=wish.name, written=one) for wish, one in zip(wishes, written, strict=True)}

    async def _write_together(
        self, collection: Collection, pairs: Sequence[tuple[Wish, Job | None]], by: Actor
    ) -> Sequence[Written]:
        change = Change(by, Act.JOB_REPLACED)
        now, most = self._services.clock.now(), job_limit(collection.definition, self._services.limits)
        with self._services.engine.withheld(job.id for _, job in pairs if job is not None) as withheld:
            drafts = [
                replace(
                    put_draft(wish, job, now),
                    withheld=frozenset() if job is None else withheld[job.id],
                    change=change,
                )
                for wish, job in pairs
            ]
            return await self._services.store.put_jobs(collection.id, drafts, now, most=most)

    async def _write_alone(self, collection: Collection, wish: Wish, by: Actor) -> Answer:
        """Write one of a batch in which somebody else changed a job meanwhile, or one came due."""
        try:
            return Answer(name=wish.name, written=await self._verbs.put_wish(collection, wish, by=by))
        except (ConflictError, InvalidInputError) as fault:
            return Answer(name=wish.name, error=fault)

    def _announce(self, collection: Collection, written: Sequence[Written]) -> None:
        self._services.engine.forget([one.job.id for one in written if not one.created])
        self._services.engine.wake()
        self._publish(collection, f"{len(written)} jobs of {collection.name} written")

    def _publish(self, collection: Collection, summary: str) -> None:
        at = self._services.clock.now()
        data = {"collection": collection.name}
        self._services.feed.publish(Update(kind="job", at=at, summary=summary, data=data, collection_id=collection.id))
