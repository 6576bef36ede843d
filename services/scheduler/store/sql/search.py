"""Looking around in SQL: chosen by narrow rows first, only what is shown is read whole."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, func, select, type_coerce

from services.scheduler.domain.collections import Collection, CollectionId
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.store.progress import name_key
from services.scheduler.store.records import Recent
from services.scheduler.store.search import JobQuery, JobSort, Mark, Ran
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.deletion import BURIED
from services.scheduler.store.sql.history import ran_last
from services.scheduler.store.sql.hot_rows import COLLECTION, OCCURRENCE, collection_of, occurrence_of
from services.scheduler.store.sql.jobs import have_tags, reads_as
from services.scheduler.store.sql.known import job_of, read_jobs
from services.scheduler.store.sql.rows import NAMED, recent_of
from services.scheduler.store.sql.tables import (
    CLAIMABLE,
    HELD,
    OF_EVENT,
    collections,
    history,
    jobs,
    occurrences,
)

_COLUMNS: dict[JobSort, ColumnElement[Any]] = {
    JobSort.NEXT_DUE: jobs.c.next_due,
    JobSort.LAST_RUN: jobs.c.last_execution_time,
    JobSort.FAULTED: jobs.c.faulted_count,
}
_MARK = (history.c.job_id, history.c.end_time, history.c.host, history.c.status, history.c.decision)
_STATES = "SELECT state, gate_open, count(*) FROM jobs WHERE collection_id = $1 GROUP BY state, gate_open"


class SearchVerbs:
    """The verbs with which people look around."""

    _db: Database

    async def search_jobs(self, query: JobQuery, *, top: int, skip: int) -> list[Job]:
        """See the port."""
        async with self._db.read() as tx:
            page = _found(tx, query).order_by(*_order(query)).limit(top).offset(skip)
            ids = [JobId(row.id) for row in await tx.rows(page)]
            found = {row[0]: job_of(row) for row in await read_jobs(tx, ids)}
        return [found[job_id] for job_id in ids if job_id in found]

    async def count_found(self, query: JobQuery, *, at_most: int) -> int:
        """See the port."""
        async with self._db.glance() as tx:
            counted = _found(tx, query).limit(at_most).subquery()
            count: int = await tx.scalar(select(func.count()).select_from(counted))
        return count

    async def count_states(self, collection_id: CollectionId) -> dict[JobState, int]:
        """See the port."""
        async with self._db.glance() as tx:
            rows = await tx.fetch(_STATES, collection_id)
        counts: Counter[JobState] = Counter()
        for stored, gate_open, number in rows:
            state = JobState(stored)
            counts[JobState.DISABLED if state is JobState.ENABLED and not gate_open else state] += number
        return dict(counts)

    async def find_collections(self, ids: Sequence[CollectionId]) -> list[Collection]:
        """See the port."""
        async with self._db.glance() as tx:
            among = tx.words.among_values("id", "$1")
            query = f"SELECT {', '.join(COLLECTION)} FROM collections WHERE {among} AND subscription_key <> $2"
            rows = await tx.fetch(query, list(ids), BURIED)
        return [collection_of(row) for row in rows]

    async def held_now(self, ids: Sequence[JobId], *, limit: int) -> list[Occurrence]:
        """See the port."""
        async with self._db.glance() as tx:
            among = tx.words.among_values("job_id", "$1")
            query = f"SELECT {', '.join(OCCURRENCE)} FROM occurrences WHERE {among} AND {HELD.text}"
            rows = await tx.fetch(f"{query} ORDER BY due, id LIMIT $2", list(ids), limit)
        return [occurrence_of(row) for row in rows]

    async def upcoming(
        self, after: datetime, until: datetime, *, limit: int, within: Sequence[CollectionId] | None = None
    ) -> list[Job]:
        """See the port."""
        due = select(jobs.c.id).where(CLAIMABLE, jobs.c.next_due > after, jobs.c.next_due <= until)
        async with self._db.read() as tx:
            if within is not None:
                due = due.where(tx.among(jobs.c.collection_id, within))
            ids = [JobId(row.id) for row in await tx.rows(due.order_by(jobs.c.next_due, jobs.c.id).limit(limit))]
            found = {row[0]: job_of(row) for row in await read_jobs(tx, ids)}
        return [found[job_id] for job_id in ids if job_id in found]

    async def marks(self, since: datetime, *, limit: int, within: Sequence[CollectionId] | None = None) -> list[Mark]:
        """See the port."""
        query = select(*_MARK).order_by(history.c.id.desc()).limit(limit)
        async with self._db.read() as tx:
            if within is not None:
                ran = tx.among(history.c.job_id, await ran_last(tx, within, limit))
                query = select(*_MARK).where(ran).order_by((history.c.id + 0).desc()).limit(limit)
            rows = await tx.rows(query)
        return [
            Mark(job_id=row.job_id, at=row.end_time, host=row.host, status=row.status, decision=row.decision)
            for row in rows
            if row.end_time >= since
        ]

    async def touched(self, event_id: str, *, limit: int, within: Sequence[CollectionId] | None = None) -> list[Recent]:
        """See the port."""
        query = (
            select(history, *NAMED)
            .join(jobs, jobs.c.id == history.c.job_id)
            .join(collections, collections.c.id == jobs.c.collection_id)
            .where(OF_EVENT, history.c.event_id == event_id)
        )
        async with self._db.read() as tx:
            if within is not None:
                query = query.where(tx.among(jobs.c.collection_id, within))
            rows = await tx.rows(query.order_by(history.c.id.desc()).limit(limit))
        return [recent_of(row) for row in rows]


def _found(tx: Transaction, query: JobQuery) -> Select[Any]:
    """Return the query of the ids of the jobs found."""
    named = collections.c.id == jobs.c.collection_id
    found = select(jobs.c.id).join(collections, named).where(collections.c.subscription_key != BURIED)
    if query.subscription is not None:
        found = found.where(collections.c.subscription_key == name_key(query.subscription))
    if query.within is not None:
        found = found.where(tx.among(jobs.c.collection_id, query.within))
    if query.state is not None:
        found = found.where(reads_as(query.state))
    if query.pool is not None:
        found = found.where(jobs.c.pool == query.pool)
    if query.ran is not None:
        found = found.where(_has_run(query.ran))
    place = collections.c.name_key + "/" + jobs.c.name_key
    for word in query.words:
        found = found.where(place.contains(name_key(word), autoescape=True))
    return found.where(*have_tags(query.tags))


def _has_run(ran: Ran) -> ColumnElement[bool]:
    match ran:
        case Ran.HELD:
            return jobs.c.id.in_(select(occurrences.c.job_id).where(HELD))
        case Ran.NEVER:
            return jobs.c.last_run.is_(None)
        case _:
            return type_coerce(jobs.c.last_run, Text) == ran.value


def _order(query: JobQuery) -> tuple[ColumnElement[Any], ...]:
    place = (collections.c.name_key, jobs.c.name_key, jobs.c.id)
    if query.sort is JobSort.NAME:
        return tuple(column.desc() for column in place) if query.descending else place
    column = _COLUMNS[query.sort]
    return (column.is_(None), column.desc() if query.descending else column, *place)
