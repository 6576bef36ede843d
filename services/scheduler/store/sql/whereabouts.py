"""What belongs to one host, and how the database stands, in SQL."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.store.records import Held, Recent
from services.scheduler.store.sql.database import Database
from services.scheduler.store.sql.hot_rows import OCCURRENCE, occurrence_of
from services.scheduler.store.sql.inspection import level_of
from services.scheduler.store.sql.known import job_of, read_jobs
from services.scheduler.store.sql.rows import NAMED, recent_of
from services.scheduler.store.sql.tables import HELD, HOMED, collections, history, jobs
from services.scheduler.store.whereabouts import LOOKED_THROUGH, SORTED, Grounds


class WhereaboutsVerbs:
    """The verbs about what belongs to a host."""

    _db: Database

    async def jobs_by_id(self, ids: Sequence[JobId]) -> list[Job]:
        """See the port."""
        async with self._db.glance() as tx:
            return [job_of(row) for row in await read_jobs(tx, ids)]

    async def jobs_at(
        self, names: Sequence[str], *, limit: int, within: Sequence[CollectionId] | None = None
    ) -> list[Job]:
        """See the port."""
        async with self._db.read() as tx:
            found_first = select(jobs.c.id).where(HOMED, tx.among(jobs.c.home, names))
            if within is not None:
                found_first = found_first.where(tx.among(jobs.c.collection_id, within))
            some = found_first.limit(SORTED).subquery()
            ordered = (
                select(jobs.c.id)
                .join(some, some.c.id == jobs.c.id)
                .join(collections, collections.c.id == jobs.c.collection_id)
                .order_by(collections.c.name_key, jobs.c.name_key, jobs.c.id)
                .limit(limit)
            )
            ids = [JobId(row.id) for row in await tx.rows(ordered)]
            found = {row[0]: job_of(row) for row in await read_jobs(tx, ids)}
        return [found[job_id] for job_id in ids if job_id in found]

    async def held_for(self, place: str, *, limit: int, within: Sequence[CollectionId] | None = None) -> list[Held]:
        """See the port."""
        query = f"SELECT {', '.join(OCCURRENCE)} FROM occurrences WHERE {HELD.text} AND host = $1"
        values: list[object] = [place, limit]
        async with self._db.read() as tx:
            if within is not None:
                query += f" AND job_id IN (SELECT id FROM jobs WHERE {tx.words.among_values('collection_id', '$3')})"
                values.append(list(within))
            rows = await tx.fetch(f"{query} ORDER BY due, id LIMIT $2", *values)
            held = [occurrence_of(row) for row in rows]
            found = {row[0]: job_of(row) for row in await read_jobs(tx, sorted({one.job_id for one in held}))}
        return [Held(occurrence=one, job=found[one.job_id]) for one in held if one.job_id in found]

    async def ran_on(
        self, names: Sequence[str], *, limit: int, within: Sequence[CollectionId] | None = None
    ) -> list[Recent]:
        """See the port."""
        newest = select(func.coalesce(func.max(history.c.id), 0)).scalar_subquery()
        query = (
            select(history, *NAMED)
            .join(jobs, jobs.c.id == history.c.job_id)
            .join(collections, collections.c.id == jobs.c.collection_id)
            .where(history.c.id > newest - LOOKED_THROUGH)
        )
        async with self._db.read() as tx:
            query = query.where(tx.among(history.c.host, names))
            if within is not None:
                query = query.where(tx.among(jobs.c.collection_id, within))
            rows = await tx.rows(query.order_by(history.c.id.desc()).limit(limit))
        return [recent_of(row) for row in rows]

    async def grounds(self) -> Grounds:
        """See the port."""
        async with self._db.glance() as tx:
            [(size,)] = await tx.fetch(tx.words.size)
            return Grounds(kind=tx.words.kind, level=await level_of(tx), size=int(size))
