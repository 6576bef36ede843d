"""Jobs and collections deleted in SQL, a part at a time where there may be very many.

A deleted job takes its occurrences along at once. Its history, which nobody can find without it, is noted in
`deleted_jobs` and swept later: a thousand rows for each of a hundred thousand jobs are nothing to wait for.
A collection is buried first, that is, its keys are made such that no search finds it; then its jobs go.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, insert, not_, select, update

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.audit import Actor, AuditEntry
from services.scheduler.store.sql.audit import AuditLog, deletions
from services.scheduler.store.sql.database import Transaction
from services.scheduler.store.sql.tables import (
    collections,
    definitions,
    deleted_jobs,
    history,
    job_tags,
    jobs,
    occurrences,
)

BURIED = ""
"""The subscription of collections that are being deleted; no caller can name it."""
_JOBS_AT_ONCE = 1000


def is_buried() -> ColumnElement[bool]:
    """Return the condition that a collection is being deleted."""
    return collections.c.subscription_key == BURIED


async def lock_jobs(tx: Transaction, which: ColumnElement[bool]) -> list[JobId]:
    """Lock jobs that are to be deleted: nobody can write another row of theirs meanwhile."""
    locked = await tx.rows(select(jobs.c.id).where(which).order_by(jobs.c.id).with_for_update())
    return [JobId(row.id) for row in locked]


async def erase_jobs(tx: Transaction, ids: Sequence[JobId]) -> None:
    """Delete jobs that are locked."""
    if not ids:
        return
    has_history = exists().where(history.c.job_id == jobs.c.id)
    noted = select(jobs.c.id).where(tx.among(jobs.c.id, ids), has_history)
    await tx.run(insert(deleted_jobs).from_select(["id"], noted))
    for column in (occurrences.c.job_id, job_tags.c.job_id, definitions.c.job_id, jobs.c.id):
        await tx.run(delete(column.table).where(tx.among(column, ids)))


async def bury(tx: Transaction, ids: Sequence[CollectionId], by: Actor | None = None) -> None:
    """Let nobody find these collections, which are locked, any more; `by` has them deleted."""
    for collection_id in ids:
        keys = {"subscription_key": BURIED, "group_key": "", "name_key": str(collection_id)}
        await tx.run(update(collections).where(collections.c.id == collection_id).values(deleted_by=by, **keys))


async def empty(log: AuditLog, collection_id: CollectionId) -> None:
    """Delete a buried collection's jobs, then itself, in as many transactions as it takes."""
    left = 1
    while left:
        async with log.write() as (tx, entries):
            left = await delete_some_jobs(tx, entries, collection_id, _JOBS_AT_ONCE)


async def delete_some_jobs(tx: Transaction, entries: list[AuditEntry], collection_id: CollectionId, limit: int) -> int:
    """Delete up to `limit` jobs of a buried collection; itself, and return 0, once there are none."""
    some = select(jobs.c.id).where(jobs.c.collection_id == collection_id).limit(limit)
    # Those that nobody has locked, in any order; then those that somebody had, in the order that all verbs lock in.
    rows = await tx.rows(some.with_for_update(skip_locked=True))
    rows = rows or await tx.rows(some.order_by(jobs.c.id).with_for_update())
    ids = [JobId(row.id) for row in rows]
    entries += await deletions(tx, collection_id, ids)
    await erase_jobs(tx, ids)
    if not rows:
        is_empty = not_(exists().where(jobs.c.collection_id == collection_id))
        await tx.run(delete(collections).where(collections.c.id == collection_id, is_empty))
    return len(rows)
