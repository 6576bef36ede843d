"""What is deleted because of its age or number, or because what it belonged to is gone; in SQL.

Every verb takes what nobody else has locked, so replicas that do the same at once share the work and never wait.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, and_, delete, exists, not_, or_, select

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.audit import AuditEntry
from services.scheduler.store.sql.audit import AuditLog
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.deletion import delete_some_jobs, erase_jobs, is_buried
from services.scheduler.store.sql.tables import (
    ENDED,
    OVER,
    approvals,
    collections,
    deleted_jobs,
    drain_reports,
    events,
    history,
    jobs,
    occurrences,
    rehearsals,
    runs,
)

_JOBS_AT_ONCE = 500


class RetentionVerbs:
    """The verbs that delete what is kept no longer."""

    _db: Database
    _audit: AuditLog

    async def trim_history(self, job_ids: Sequence[JobId], *, keep: int) -> int:
        """See the port."""
        if not job_ids:
            return 0
        async with self._db.write() as tx:
            newest = history.alias("newest")
            of_job = select(newest.c.id).where(newest.c.job_id == jobs.c.id).order_by(newest.c.id.desc())
            last_kept = of_job.limit(1).offset(keep).scalar_subquery()
            too_many = select(jobs.c.id, last_kept.label("cut")).where(tx.among(jobs.c.id, job_ids)).subquery()
            beyond = select(history.c.id).join(
                too_many, and_(history.c.job_id == too_many.c.id, history.c.id <= too_many.c.cut)
            )
            return await _delete_rows(tx, beyond)

    async def prune(self, *, older_than: datetime, limit: int) -> int:
        """See the port."""
        old = select(history.c.id).where(history.c.end_time < older_than).order_by(history.c.end_time)
        async with self._db.write() as tx:
            return await _delete_rows(tx, old.limit(limit))

    async def prune_jobs(self, *, ended_before: datetime, limit: int) -> int:
        """See the port."""
        unfinished = exists().where(occurrences.c.job_id == jobs.c.id)
        idle = and_(
            ENDED,
            not_(unfinished),
            jobs.c.updated_at < ended_before,
            or_(jobs.c.last_execution_time.is_(None), jobs.c.last_execution_time < ended_before),
        )
        oldest = select(jobs.c.id).where(idle).order_by(jobs.c.updated_at).limit(limit)
        async with self._db.write() as tx:
            locked = await tx.rows(oldest.with_for_update(skip_locked=True))
            await erase_jobs(tx, [JobId(row.id) for row in locked])
        return len(locked)

    async def prune_events(self, *, ended_before: datetime, limit: int) -> int:
        """See the port."""
        over = select(events.c.key).where(OVER, events.c.ended_at < ended_before)
        oldest = over.order_by(events.c.ended_at).limit(limit).with_for_update(skip_locked=True)
        async with self._db.write() as tx:
            keys = [row.key for row in await tx.rows(oldest)]
            for column in (drain_reports.c.event_key, approvals.c.event_key, events.c.key):
                await tx.run(delete(column.table).where(tx.among(column, keys)))
            await tx.run(delete(rehearsals).where(rehearsals.c.ends_at < ended_before))
        return len(keys)

    async def prune_runs(self, *, asked_before: datetime, limit: int) -> int:
        """See the port."""
        old = select(runs.c.id).where(runs.c.asked_at < asked_before).order_by(runs.c.asked_at).limit(limit)
        async with self._db.write() as tx:
            ids = [row.id for row in await tx.rows(old.with_for_update(skip_locked=True))]
            return await tx.run(delete(runs).where(tx.among(runs.c.id, ids))) if ids else 0

    async def sweep(self, *, limit: int) -> int:
        """See the port."""
        async with self._audit.write() as (tx, entries):
            return await _sweep_collection(tx, entries, min(limit, _JOBS_AT_ONCE)) or await _sweep_history(tx, limit)


async def _delete_rows(tx: Transaction, which: Select[int]) -> int:
    # In two steps: inside a deletion PostgreSQL may run the query more than once, and lock more than was asked for.
    locked = await tx.rows(which.with_for_update(of=history, skip_locked=True))
    ids = [row.id for row in locked]
    return await tx.run(delete(history).where(tx.among(history.c.id, ids))) if ids else 0


async def _sweep_collection(tx: Transaction, entries: list[AuditEntry], limit: int) -> int:
    """Go on with one deletion that was cut short, if there is any that nobody else goes on with."""
    buried = select(collections.c.id).where(is_buried()).limit(1).with_for_update(skip_locked=True)
    found = await tx.scalar(buried)
    return 0 if found is None else await delete_some_jobs(tx, entries, CollectionId(found), limit)


async def _sweep_history(tx: Transaction, limit: int) -> int:
    """Delete rows of jobs that are gone; a job of which none is left is forgotten."""
    gone = select(deleted_jobs.c.id).order_by(deleted_jobs.c.id).limit(_JOBS_AT_ONCE)
    ids = [row.id for row in await tx.rows(gone.with_for_update(skip_locked=True))]
    if not ids:
        return 0
    deleted = await _delete_rows(tx, select(history.c.id).where(tx.among(history.c.job_id, ids)).limit(limit))
    if deleted < limit:
        await tx.run(delete(deleted_jobs).where(tx.among(deleted_jobs.c.id, ids)))
    return max(deleted, 1)
