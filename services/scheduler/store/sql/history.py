"""History, runs asked for by callers, pruning and gauges in SQL."""

from datetime import datetime

from sqlalchemy import and_, delete, exists, func, insert, or_, select

from services.scheduler.domain.executions import HistoryRow, HistoryStatus, Occurrence
from services.scheduler.domain.jobs import JobId
from services.scheduler.errors import NotFoundError
from services.scheduler.store.progress import RUN_MEMORY
from services.scheduler.store.records import (
    Gauges,
    Recent,
)
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.jobs import again_if_raced, delete_jobs
from services.scheduler.store.sql.rows import history_of, occurrence_values
from services.scheduler.store.sql.tables import CLAIMABLE, ENDED, collections, history, jobs, occurrences, runs


class HistoryVerbs:
    """The verbs about what has run, or is asked to."""

    _db: Database

    async def add_run(self, occurrence: Occurrence) -> bool:
        """See the port."""
        return await again_if_raced(lambda: self._add_run(occurrence))

    async def list_history(
        self, job_id: JobId, *, status: HistoryStatus | None = None, top: int, skip: int
    ) -> list[HistoryRow]:
        """See the port."""
        query = select(history).where(history.c.job_id == job_id)
        if status is not None:
            query = query.where(history.c.status == status)
        async with self._db.read() as tx:
            rows = await tx.rows(query.order_by(history.c.id.desc()).limit(top).offset(skip))
        return [history_of(row) for row in rows]

    async def recent_history(self, limit: int) -> list[Recent]:
        """See the port."""
        query = (
            select(history, jobs.c.name.label("job"), collections.c.name.label("collection"))
            .join(jobs, jobs.c.id == history.c.job_id)
            .join(collections, collections.c.id == jobs.c.collection_id)
            .order_by(history.c.id.desc())
            .limit(limit)
        )
        async with self._db.read() as tx:
            rows = await tx.rows(query)
        return [Recent(collection=row.collection, job=row.job, row=history_of(row)) for row in rows]

    async def prune(self, *, rows_per_job: int, older_than: datetime, limit: int) -> int:
        """See the port."""
        async with self._db.write() as tx:
            old = select(history.c.id).where(history.c.end_time < older_than).order_by(history.c.end_time)
            pruned = await tx.run(delete(history).where(history.c.id.in_(old.limit(limit))))
            if pruned >= limit:
                return pruned
            place = func.row_number().over(partition_by=history.c.job_id, order_by=history.c.id.desc())
            placed = select(history.c.id, place.label("place")).subquery()
            beyond = select(placed.c.id).where(placed.c.place > rows_per_job)
            return pruned + await tx.run(delete(history).where(history.c.id.in_(beyond.limit(limit - pruned))))

    async def prune_jobs(self, *, ended_before: datetime, limit: int) -> int:
        """See the port."""
        idle = and_(
            ENDED,
            jobs.c.updated_at < ended_before,
            or_(jobs.c.last_execution_time.is_(None), jobs.c.last_execution_time < ended_before),
        )
        oldest = select(jobs.c.id).where(idle).order_by(jobs.c.updated_at).limit(limit)
        async with self._db.write() as tx:
            return len(await delete_jobs(tx, jobs.c.id.in_(oldest)))

    async def gauges(self, now: datetime) -> Gauges:
        """See the port."""
        backlog = select(func.count()).select_from(jobs).where(CLAIMABLE, jobs.c.next_due <= now)
        unfinished = select(occurrences.c.state, func.count().label("number")).group_by(occurrences.c.state)
        stored = select(jobs.c.state, func.count().label("number")).group_by(jobs.c.state)
        async with self._db.read() as tx:
            return Gauges(
                backlog=await tx.scalar(backlog),
                occurrences={row.state.value: row.number for row in await tx.rows(unfinished)},
                jobs={row.state.value: row.number for row in await tx.rows(stored)},
            )

    async def _add_run(self, occurrence: Occurrence) -> bool:
        async with self._db.write() as tx:
            # FOR SHARE: the job cannot be deleted before its occurrence is in.
            job = select(jobs.c.id).where(jobs.c.id == occurrence.job_id).with_for_update(read=True)
            if await tx.first(job) is None:
                raise NotFoundError(f"job {occurrence.job_id} does not exist")
            await tx.run(delete(runs).where(runs.c.asked_at < occurrence.due - RUN_MEMORY))
            if await _is_known(tx, occurrence):
                return False
            await tx.run(insert(runs).values(id=occurrence.id, asked_at=occurrence.due))
            await tx.run(insert(occurrences).values(**occurrence_values(occurrence, None)))
            return True


async def _is_known(tx: Transaction, occurrence: Occurrence) -> bool:
    asked = exists().where(runs.c.id == occurrence.id)
    unfinished = exists().where(occurrences.c.id == occurrence.id)
    return bool(await tx.scalar(select(asked | unfinished)))
