"""History, runs asked for by callers, and gauges in SQL."""

from datetime import datetime

from sqlalchemy import exists, func, select

from services.scheduler.domain.executions import HistoryRow, HistoryStatus, Occurrence, OccurrenceState
from services.scheduler.domain.jobs import JobId
from services.scheduler.errors import NotFoundError
from services.scheduler.store.progress import RUN_MEMORY
from services.scheduler.store.records import (
    COUNTED,
    Gauges,
    Recent,
)
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.hot_rows import OWNED_OCCURRENCE, owned_occurrence
from services.scheduler.store.sql.jobs import again_if_raced
from services.scheduler.store.sql.rows import history_of
from services.scheduler.store.sql.tables import (
    CLAIMABLE,
    HELD,
    OWNED,
    READY,
    collections,
    history,
    jobs,
    occurrences,
    runs,
)
from shared.clock import from_epoch_ms, to_epoch_ms

_DUE = f"{CLAIMABLE.text} AND jobs.next_due <= $1"
_LATE = f"{READY.text} AND occurrences.fire_at <= $1"
GAUGES = f"""SELECT
    (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE {_DUE} LIMIT {COUNTED}) AS due),
    (SELECT count(*) FROM (SELECT 1 FROM occurrences WHERE {READY.text} LIMIT {COUNTED}) AS ready),
    (SELECT count(*) FROM (SELECT 1 FROM occurrences WHERE {HELD.text} LIMIT {COUNTED}) AS held),
    (SELECT count(*) FROM (SELECT 1 FROM occurrences WHERE {OWNED.text} LIMIT {COUNTED}) AS claimed),
    (SELECT min(jobs.next_due) FROM jobs WHERE {_DUE}),
    (SELECT min(occurrences.fire_at) FROM occurrences WHERE {_LATE})
"""
"""The counts of `Gauges`, then its instants: six looks into partial indexes."""


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
        # Of a deleted job there may be rows still, until they are swept.
        job = exists().where(jobs.c.id == job_id)
        query = select(history).where(history.c.job_id == job_id, job)
        if status is not None:
            query = query.where(history.c.status == status)
        async with self._db.glance() as tx:
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
        async with self._db.glance() as tx:
            rows = await tx.rows(query)
        return [Recent(collection=row.collection, job=row.job, row=history_of(row)) for row in rows]

    async def gauges(self, now: datetime) -> Gauges:
        """See the port."""
        async with self._db.glance() as tx:
            [(backlog, ready, held, claimed, *oldest)] = await tx.fetch(GAUGES, to_epoch_ms(now))
        states = {OccurrenceState.READY: ready, OccurrenceState.HELD: held, OccurrenceState.CLAIMED: claimed}
        waiting = [instant for instant in oldest if instant is not None]
        return Gauges(
            backlog=backlog,
            occurrences={state.value: number for state, number in states.items() if number},
            oldest_due=from_epoch_ms(min(waiting)) if waiting else None,
        )

    async def job_counts(self) -> dict[str, int]:
        """See the port."""
        query = select(jobs.c.state, func.count().label("number")).group_by(jobs.c.state)
        async with self._db.glance() as tx:
            return {row.state.value: row.number for row in await tx.rows(query)}

    async def _add_run(self, occurrence: Occurrence) -> bool:
        async with self._db.write() as tx:
            # FOR SHARE: the job cannot be deleted before its occurrence is in.
            job = select(jobs.c.id).where(jobs.c.id == occurrence.job_id).with_for_update(read=True)
            if await tx.first(job) is None:
                raise NotFoundError(f"job {occurrence.job_id} does not exist")
            if await _is_known(tx, occurrence):
                return False
            await tx.upsert(runs, id=occurrence.id, asked_at=occurrence.due)
            await tx.insert(occurrences, OWNED_OCCURRENCE, [owned_occurrence(occurrence, None)])
            return True


async def _is_known(tx: Transaction, occurrence: Occurrence) -> bool:
    asked = exists().where(runs.c.id == occurrence.id, runs.c.asked_at >= occurrence.due - RUN_MEMORY)
    unfinished = exists().where(occurrences.c.id == occurrence.id)
    return bool(await tx.scalar(select(asked | unfinished)))
