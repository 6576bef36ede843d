"""Collections and jobs in SQL."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, delete, func, insert, not_, or_, select, update

from services.scheduler.domain.collections import Collection, CollectionDefinition, CollectionId, Namespace
from services.scheduler.domain.executions import OccurrenceState
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.errors import NotFoundError
from services.scheduler.store.progress import check_revision, gate_is_open, name_key, new_job, replaced_job
from services.scheduler.store.records import (
    JobDraft,
    Written,
)
from services.scheduler.store.sql.database import Database, RacedError, Transaction
from services.scheduler.store.sql.rows import (
    bare_job_of,
    collection_keys,
    collection_of,
    job_of,
    job_query,
    job_values,
)
from services.scheduler.store.sql.tables import collections, definitions, history, jobs, occurrences
from services.scheduler.store.sql.tags import tag

T = TypeVar("T")

_BATCH = 500


class JobVerbs:
    """The verbs about collections and jobs."""

    _db: Database

    async def put_collection(
        self, namespace: Namespace, name: str, definition: CollectionDefinition, now: datetime
    ) -> tuple[Collection, bool]:
        """See the port."""
        return await again_if_raced(lambda: self._put_collection(namespace, name, definition, now))

    async def get_collection(self, namespace: Namespace, name: str) -> Collection:
        """See the port."""
        async with self._db.read() as tx:
            row = await tx.first(select(collections).filter_by(**collection_keys(namespace, name)))
        if row is None:
            raise NotFoundError(f"collection {name} does not exist")
        return collection_of(row)

    async def list_collections(
        self, subscription: str, resource_group: str | None, *, top: int, skip: int
    ) -> list[Collection]:
        """See the port."""
        query = select(collections).where(collections.c.subscription_key == name_key(subscription))
        if resource_group is not None:
            query = query.where(collections.c.group_key == name_key(resource_group))
        query = query.order_by(collections.c.name_key, collections.c.group_key).limit(top).offset(skip)
        async with self._db.read() as tx:
            return [collection_of(row) for row in await tx.rows(query)]

    async def delete_collection(self, namespace: Namespace, name: str) -> None:
        """See the port."""
        async with self._db.write() as tx:
            found = select(collections.c.id).filter_by(**collection_keys(namespace, name))
            collection_id = await tx.scalar(found.with_for_update())
            if collection_id is None:
                raise NotFoundError(f"collection {name} does not exist")
            await delete_jobs(tx, jobs.c.collection_id == collection_id)
            await tx.run(delete(collections).where(collections.c.id == collection_id))

    async def put_jobs(self, collection_id: CollectionId, drafts: Sequence[JobDraft], now: datetime) -> list[Written]:
        """See the port."""
        return await again_if_raced(lambda: self._put_jobs(collection_id, drafts, now))

    async def get_job(self, collection_id: CollectionId, name: str) -> Job:
        """See the port."""
        async with self._db.read() as tx:
            row = await tx.first(job_query().where(_named(collection_id, name)))
        if row is None:
            raise NotFoundError(f"job {name} does not exist")
        return job_of(row)

    async def list_jobs(
        self,
        collection_id: CollectionId,
        *,
        state: JobState | None = None,
        tags: Mapping[str, str] | None = None,
        top: int,
        skip: int,
    ) -> list[Job]:
        """See the port."""
        query = job_query().where(jobs.c.collection_id == collection_id)
        if state is not None:
            query = query.where(_reads_as(state))
        for name, value in (tags or {}).items():
            query = query.where(tag(definitions.c.body, name) == value)
        async with self._db.read() as tx:
            rows = await tx.rows(query.order_by(jobs.c.name_key).limit(top).offset(skip))
        return [job_of(row) for row in rows]

    async def count_jobs(self, collection_id: CollectionId) -> int:
        """See the port."""
        async with self._db.read() as tx:
            count: int = await tx.scalar(
                select(func.count()).select_from(jobs).where(jobs.c.collection_id == collection_id)
            )
        return count

    async def delete_job(self, collection_id: CollectionId, name: str) -> JobId:
        """See the port."""
        async with self._db.write() as tx:
            deleted = await delete_jobs(tx, _named(collection_id, name))
        if not deleted:
            raise NotFoundError(f"job {name} does not exist")
        return deleted[0]

    async def _put_collection(
        self, namespace: Namespace, name: str, definition: CollectionDefinition, now: datetime
    ) -> tuple[Collection, bool]:
        keys = collection_keys(namespace, name)
        found = select(collections).filter_by(**keys)
        async with self._db.write() as tx:
            collection_id = await tx.scalar(found.with_for_update())
            if collection_id is None:
                await tx.run(
                    insert(collections).values(
                        subscription=namespace.subscription,
                        resource_group=namespace.resource_group,
                        name=name,
                        definition=definition,
                        created_at=now,
                        updated_at=now,
                        **keys,
                    )
                )
            else:
                same = collections.c.id == collection_id
                await tx.run(update(collections).where(same).values(definition=definition, updated_at=now))
            collection = collection_of((await tx.rows(found))[0])
            if collection_id is not None:
                await _move_gate(tx, collection)
        return collection, collection_id is None

    async def _put_jobs(self, collection_id: CollectionId, drafts: Sequence[JobDraft], now: datetime) -> list[Written]:
        async with self._db.write() as tx:
            # FOR SHARE: the gate cannot move before these jobs, with their copy of it, are committed.
            row = await tx.first(
                select(collections).where(collections.c.id == collection_id).with_for_update(read=True)
            )
            if row is None:
                raise NotFoundError(f"collection {collection_id} does not exist")
            writing = _Writing(tx, collection_of(row), now)
            await writing.lock(drafts)
            return list(chain.from_iterable([await writing.write(batch) for batch in _batches(drafts)]))


class _Writing:
    """Drafts on their way into one collection, in one transaction."""

    def __init__(self, tx: Transaction, collection: Collection, now: datetime) -> None:
        self._tx = tx
        self._collection = collection
        self._now = now
        self._stored: dict[str, Job] = {}

    async def lock(self, drafts: Sequence[JobDraft]) -> None:
        """Lock the jobs that exist, all at once and by id, as every verb does: no two can wait for each other."""
        bodies = {name_key(draft.name): draft.definition for draft in drafts}
        query = select(jobs).where(
            jobs.c.collection_id == self._collection.id, self._tx.among(jobs.c.name_key, sorted(bodies))
        )
        for row in await self._tx.rows(query.order_by(jobs.c.id).with_for_update()):
            self._stored[row.name_key] = bare_job_of(row, self._collection.name, bodies[row.name_key])

    async def write(self, drafts: Sequence[JobDraft]) -> list[Written]:
        """Write drafts of different names."""
        old = [draft for draft in drafts if name_key(draft.name) in self._stored]
        new = [draft for draft in drafts if name_key(draft.name) not in self._stored]
        await self._replace(old)
        await self._create(new)
        created = {name_key(draft.name) for draft in new}
        keys = [name_key(draft.name) for draft in drafts]
        return [Written(self._stored[key], key in created) for key in keys]

    async def _create(self, drafts: Sequence[JobDraft]) -> None:
        if not drafts:
            return
        fresh = {name_key(draft.name): new_job(draft, JobId(0), self._collection, self._now) for draft in drafts}
        keys = sorted(fresh)
        await self._tx.insert_many(jobs, [job_values(fresh[key]) for key in keys])
        query = select(jobs).where(jobs.c.collection_id == self._collection.id, self._tx.among(jobs.c.name_key, keys))
        for row in await self._tx.rows(query):
            self._stored[row.name_key] = bare_job_of(row, self._collection.name, fresh[row.name_key].definition)
        bodies = [{"job_id": self._stored[key].id, "body": fresh[key].definition} for key in keys]
        await self._tx.insert_many(definitions, bodies)

    async def _replace(self, drafts: Sequence[JobDraft]) -> None:
        pairs = [(self._stored[name_key(draft.name)], draft) for draft in drafts]
        for job, draft in pairs:
            check_revision(job, draft)
        dropped = await self._drop_occurrences(pairs)
        replaced = [replaced_job(job, draft, dropped.get(job.id, 0), self._now) for job, draft in pairs]
        self._stored.update((name_key(job.name), job) for job in replaced)
        await self._tx.update_many(jobs, [{"id": job.id, **job_values(job)} for job in replaced])
        await self._tx.update_many(definitions, [{"job_id": job.id, "body": job.definition} for job in replaced])

    async def _drop_occurrences(self, pairs: Sequence[tuple[Job, JobDraft]]) -> dict[JobId, int]:
        """Drop what the old definition planned ahead, and all of a job that starts anew; count the former."""
        anew = [job.id for job, draft in pairs if draft.restart]
        others = [job.id for job, draft in pairs if not draft.restart]
        if anew:
            await self._tx.run(delete(occurrences).where(self._tx.among(occurrences.c.job_id, anew)))
        counts: dict[JobId, int] = {}
        if others:
            planned_ahead = delete(occurrences).where(
                self._tx.among(occurrences.c.job_id, others),
                occurrences.c.due > self._now,
                occurrences.c.state != OccurrenceState.HELD,
                not_(occurrences.c.manual),
            )
            for row in await self._tx.rows(planned_ahead.returning(occurrences.c.job_id)):
                counts[row.job_id] = counts.get(row.job_id, 0) + 1
        return counts


async def again_if_raced(verb: Callable[[], Awaitable[T]]) -> T:
    """Run a whole transaction; once more when somebody else created the same thing first, for then it exists."""
    try:
        return await verb()
    except RacedError:
        return await verb()


def _batches(drafts: Sequence[JobDraft]) -> Iterator[list[JobDraft]]:
    """Split drafts, in order, so that no part has more than a batch or the same name twice."""
    part: list[JobDraft] = []
    names: set[str] = set()
    for draft in drafts:
        key = name_key(draft.name)
        if len(part) == _BATCH or key in names:
            yield part
            part, names = [], set()
        part.append(draft)
        names.add(key)
    if part:
        yield part


def _named(collection_id: CollectionId, name: str) -> ColumnElement[bool]:
    return and_(jobs.c.collection_id == collection_id, jobs.c.name_key == name_key(name))


def _reads_as(state: JobState) -> ColumnElement[bool]:
    """The jobs that readers see in `state`: a closed gate shows as disabled."""
    same = jobs.c.state == state
    if state is JobState.ENABLED:
        return and_(same, jobs.c.gate_open)
    if state is JobState.DISABLED:
        return or_(same, and_(jobs.c.state == JobState.ENABLED, not_(jobs.c.gate_open)))
    return same


async def _move_gate(tx: Transaction, collection: Collection) -> None:
    is_open = gate_is_open(collection)
    await tx.run(
        update(jobs).where(jobs.c.collection_id == collection.id, jobs.c.gate_open != is_open).values(gate_open=is_open)
    )


async def delete_jobs(tx: Transaction, which: ColumnElement[bool]) -> list[JobId]:
    """Delete jobs with all that is theirs, under their locks: nobody can write another row of theirs meanwhile."""
    ids = [row.id for row in await tx.rows(select(jobs.c.id).where(which).order_by(jobs.c.id).with_for_update())]
    if ids:
        for column in (occurrences.c.job_id, history.c.job_id, definitions.c.job_id, jobs.c.id):
            await tx.run(delete(column.table).where(tx.among(column, ids)))
    return ids
