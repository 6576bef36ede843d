"""Collections and jobs in SQL."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, func, insert, not_, or_, select, update

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import Collection, CollectionDefinition, CollectionId, Namespace
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.domain.policies import NO_MAINTENANCE, Maintenance
from services.scheduler.errors import NoRoomError, NotFoundError
from services.scheduler.store.audit import Actor, Change
from services.scheduler.store.progress import (
    gate_is_open,
    name_key,
)
from services.scheduler.store.records import (
    JobDraft,
    Written,
)
from services.scheduler.store.sql.audit import AuditLog, deletions
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.deletion import BURIED, bury, empty, erase_jobs, lock_jobs
from services.scheduler.store.sql.driver import RacedError
from services.scheduler.store.sql.guards import Guards
from services.scheduler.store.sql.hot_rows import COLLECTION, collection_of
from services.scheduler.store.sql.known import WHOLE, job_of, read_jobs
from services.scheduler.store.sql.rows import collection_keys
from services.scheduler.store.sql.tables import collections, job_tags, jobs
from services.scheduler.store.sql.writing import Writing, batches
from services.scheduler.store.trail import collection_written, collections_deleted

T = TypeVar("T")

_COLLECTION = f"SELECT {', '.join(COLLECTION)} FROM collections"
_BY_NAME = "ORDER BY name_key, group_key LIMIT $2 OFFSET $3"
_COLLECTIONS_OF_ALL = f"{_COLLECTION} WHERE subscription_key = $1 {_BY_NAME}"
_COLLECTIONS_OF_GROUP = f"""{_COLLECTION} WHERE subscription_key = $1 AND group_key = $4
    ORDER BY name_key LIMIT $2 OFFSET $3"""
_PLACE = "(group_key || '/' || name_key)"
"""Group and name in one, for lists of both; neither has a slash in it."""
_COLLECTION_BY_KEYS = f"{_COLLECTION} WHERE subscription_key = $1 AND group_key = $2 AND name_key = $3"
_COLLECTION_BY_ID = f"{_COLLECTION} WHERE id = $1 AND subscription_key <> $2"
POLICIES = f"{_COLLECTION} WHERE has_policy AND subscription_key <> $1"
"""Collections with a policy of their own, but for those that are being deleted."""
_IN_COLLECTION = f"{WHOLE} WHERE jobs.collection_id = $1"


class JobVerbs:
    """The verbs about collections and jobs."""

    _db: Database
    _audit: AuditLog
    _guards: Guards

    async def put_collection(
        self,
        namespace: Namespace,
        name: str,
        definition: CollectionDefinition,
        now: datetime,
        *,
        by: Change | None = None,
    ) -> tuple[Collection, bool]:
        """See the port."""
        return await again_if_raced(lambda: self._put_collection(namespace, name, definition, now, by))

    async def get_collection(self, namespace: Namespace, name: str) -> Collection:
        """See the port."""
        keys = collection_keys(namespace, name)
        async with self._db.glance() as tx:
            rows = await tx.fetch(_COLLECTION_BY_KEYS, *keys.values())
        if not rows:
            raise NotFoundError(f"collection {name} does not exist")
        return collection_of(rows[0])

    async def list_collections(
        self,
        subscription: str,
        resource_group: str | None,
        *,
        within: Sequence[Scope] | None = None,
        top: int,
        skip: int,
    ) -> list[Collection]:
        """See the port."""
        if within is not None:
            scopes = [scope for scope in within if _lies_in(scope.namespace, subscription, resource_group)]
            return await self._list_within(subscription, scopes, top, skip)
        query = _COLLECTIONS_OF_ALL if resource_group is None else _COLLECTIONS_OF_GROUP
        group = () if resource_group is None else (name_key(resource_group),)
        async with self._db.glance() as tx:
            rows = await tx.fetch(query, name_key(subscription), top, skip, *group)
        return [collection_of(row) for row in rows]

    async def list_policies(self) -> dict[CollectionId, Maintenance]:
        """See the port."""
        async with self._db.glance() as tx:
            rows = await tx.fetch(POLICIES, BURIED)
        return {one.id: one.definition.maintenance for one in map(collection_of, rows)}

    async def delete_collection(self, namespace: Namespace, name: str, *, by: Actor | None = None) -> None:
        """See the port."""
        keys = collection_keys(namespace, name)
        async with self._audit.write() as (tx, entries):
            rows = await tx.fetch(f"{_COLLECTION_BY_KEYS} {tx.words.locked}", *keys.values())
            if not rows:
                raise NotFoundError(f"collection {name} does not exist")
            collection = collection_of(rows[0])
            await bury(tx, [collection.id], by)
            entries += collections_deleted(by, [collection])
        await empty(self._audit, collection.id)
        async with self._db.write() as tx:
            await self._guards.announce_collection(tx, collection.id)

    async def put_jobs(
        self, collection_id: CollectionId, drafts: Sequence[JobDraft], now: datetime, *, most: int | None = None
    ) -> list[Written]:
        """See the port."""
        return await again_if_raced(lambda: self._put_jobs(collection_id, drafts, now, most))

    async def get_job(self, collection_id: CollectionId, name: str) -> Job:
        """See the port."""
        async with self._db.glance() as tx:
            rows = await tx.fetch(f"{_IN_COLLECTION} AND jobs.name_key = $2", collection_id, name_key(name))
        if not rows:
            raise NotFoundError(f"job {name} does not exist")
        return job_of(rows[0])

    async def find_jobs(self, collection_id: CollectionId, names: Sequence[str]) -> list[Job]:
        """See the port."""
        keys = sorted({name_key(name) for name in names})
        async with self._db.glance() as tx:
            named = tx.words.among_values("jobs.name_key", "$2")
            rows = await tx.fetch(f"{_IN_COLLECTION} AND {named}", collection_id, keys)
        return [job_of(row) for row in rows]

    async def list_jobs(
        self,
        collection_id: CollectionId,
        *,
        state: JobState | None = None,
        tags: Mapping[str, str] | None = None,
        after: str | None = None,
        top: int,
        skip: int,
    ) -> list[Job]:
        """See the port."""
        # The page first, then whole jobs: what is skipped is joined with nothing it is not chosen by.
        page = select(jobs.c.id).where(jobs.c.collection_id == collection_id)
        if after is not None:
            page = page.where(jobs.c.name_key > name_key(after))
        if state is not None:
            page = page.where(reads_as(state))
        page = page.where(*have_tags(tags or {}))
        async with self._db.read() as tx:
            chosen = await tx.rows(page.order_by(jobs.c.name_key).limit(top).offset(skip))
            rows = await read_jobs(tx, [JobId(row.id) for row in chosen])
        return sorted((job_of(row) for row in rows), key=lambda job: name_key(job.name))

    async def count_jobs(self, collection_id: CollectionId, *, at_most: int | None = None) -> int:
        """See the port."""
        counted = select(jobs.c.name_key).where(jobs.c.collection_id == collection_id).limit(at_most).subquery()
        async with self._db.glance() as tx:
            count: int = await tx.scalar(select(func.count()).select_from(counted))
        return count

    async def delete_job(self, collection_id: CollectionId, name: str, *, by: Actor | None = None) -> JobId:
        """See the port."""
        deleted = await self._delete_jobs(collection_id, lambda _: jobs.c.name_key == name_key(name), by)
        if not deleted:
            raise NotFoundError(f"job {name} does not exist")
        return deleted[0]

    async def delete_jobs(
        self, collection_id: CollectionId, ids: Sequence[JobId], *, by: Actor | None = None
    ) -> list[JobId]:
        """See the port."""
        return await self._delete_jobs(collection_id, lambda tx: tx.among(jobs.c.id, ids), by)

    async def _delete_jobs(
        self,
        collection_id: CollectionId,
        which: Callable[[Transaction], ColumnElement[bool]],
        by: Actor | None,
    ) -> list[JobId]:
        async with self._audit.write() as (tx, entries):
            doomed = await lock_jobs(tx, and_(jobs.c.collection_id == collection_id, which(tx)))
            entries += await deletions(tx, collection_id, doomed, by)
            await erase_jobs(tx, doomed)
            await self._guards.announce_jobs(tx, doomed, collection_id)
        return doomed

    async def _put_collection(
        self, namespace: Namespace, name: str, definition: CollectionDefinition, now: datetime, by: Change | None
    ) -> tuple[Collection, bool]:
        keys = collection_keys(namespace, name)
        found = select(collections.c.id, collections.c.definition).filter_by(**keys)
        content = {"definition": definition, "updated_at": now, "has_policy": definition.maintenance != NO_MAINTENANCE}
        async with self._audit.write() as (tx, entries):
            stored = await tx.first(found.with_for_update())
            if stored is None:
                await tx.run(
                    insert(collections).values(
                        subscription=namespace.subscription,
                        resource_group=namespace.resource_group,
                        name=name,
                        created_at=now,
                        **content,
                        **keys,
                    )
                )
            else:
                same = collections.c.id == stored.id
                await tx.run(update(collections).where(same).values(**content))
            [row] = await tx.fetch(_COLLECTION_BY_KEYS, *keys.values())
            collection = collection_of(row)
            if stored is not None:
                await _move_gate(tx, collection)
            if stored is not None or content["has_policy"]:
                await self._guards.announce_collection(tx, collection.id)
            entries += collection_written(by, collection, None if stored is None else stored.definition)
        return collection, stored is None

    async def _list_within(self, subscription: str, scopes: Sequence[Scope], top: int, skip: int) -> list[Collection]:
        """List those of the scopes that exist: groups and names first, which the index knows, then their pairs."""
        keys = [collection_keys(scope.namespace, scope.collection) for scope in scopes]
        groups, names = [key["group_key"] for key in keys], [key["name_key"] for key in keys]
        places = [f"{group}/{name}" for group, name in zip(groups, names, strict=True)]
        async with self._db.glance() as tx:
            wanted = (("group_key", "$4"), ("name_key", "$5"), (_PLACE, "$6"))
            where = " AND ".join(tx.words.among_values(column, place) for column, place in wanted)
            query = f"{_COLLECTION} WHERE subscription_key = $1 AND {where} {_BY_NAME}"
            rows = await tx.fetch(query, name_key(subscription), top, skip, groups, names, places)
        return [collection_of(row) for row in rows]

    async def _put_jobs(
        self, collection_id: CollectionId, drafts: Sequence[JobDraft], now: datetime, most: int | None
    ) -> list[Written]:
        async with self._audit.write() as (tx, entries):
            # The gate cannot move before these jobs, with their copy of it, are committed; who counts does so alone.
            lock = tx.words.shared if most is None else tx.words.exclusive
            rows = await tx.fetch(f"{_COLLECTION_BY_ID} {lock}", collection_id, BURIED)
            if not rows:
                raise NotFoundError("the collection does not exist any more")
            writing = Writing(tx, collection_of(rows[0]), now)
            await writing.lock(drafts)
            written = list(chain.from_iterable([await writing.write(batch) for batch in batches(drafts)]))
            entries += writing.entries
            if most is not None and any(one.created for one in written):
                await _check_room(tx, collection_id, most)
            replaced = [one.job.id for one in written if not one.created]
            await self._guards.announce_jobs(tx, replaced, collection_id)
            return written


async def _check_room(tx: Transaction, collection_id: CollectionId, most: int) -> None:
    count = await tx.scalar(select(func.count()).select_from(jobs).where(jobs.c.collection_id == collection_id))
    if count > most:
        raise NoRoomError(most, count)


async def again_if_raced(verb: Callable[[], Awaitable[T]]) -> T:
    """Run a whole transaction; once more when somebody else created the same thing first, for then it exists."""
    try:
        return await verb()
    except RacedError:
        return await verb()


def _lies_in(namespace: Namespace, subscription: str, resource_group: str | None) -> bool:
    is_there = name_key(namespace.subscription) == name_key(subscription)
    return is_there and (resource_group is None or name_key(namespace.resource_group) == name_key(resource_group))


def have_tags(tags: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """The jobs that have all the tags."""
    return [
        jobs.c.id.in_(select(job_tags.c.job_id).where(job_tags.c.name == name, job_tags.c.value == value))
        for name, value in tags.items()
    ]


def reads_as(state: JobState) -> ColumnElement[bool]:
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
