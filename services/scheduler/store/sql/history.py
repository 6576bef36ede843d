"""History, runs asked for by callers, and gauges in SQL."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Text, exists, func, select, type_coerce

from services.scheduler.domain.collections import CollectionId, Namespace
from services.scheduler.domain.decisions import Verdict
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, Occurrence, OccurrenceState
from services.scheduler.domain.explanations import statuses_of
from services.scheduler.domain.jobs import JobId
from services.scheduler.errors import NotFoundError
from services.scheduler.store.audit import Actor, Subject
from services.scheduler.store.progress import RUN_MEMORY
from services.scheduler.store.records import (
    COUNTED,
    Gauges,
    Recent,
)
from services.scheduler.store.sql.audit import AuditLog
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.hot_rows import OWNED_OCCURRENCE, owned_occurrence
from services.scheduler.store.sql.jobs import again_if_raced
from services.scheduler.store.sql.rows import NAMED, history_of, recent_of
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
from services.scheduler.store.trail import job_run
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

_NAMED = select(
    jobs.c.name.label("job"),
    collections.c.name.label("collection"),
    collections.c.subscription,
    collections.c.resource_group,
).join(collections, collections.c.id == jobs.c.collection_id)


class HistoryVerbs:
    """The verbs about what has run, or is asked to."""

    _db: Database
    _audit: AuditLog

    async def add_run(self, occurrence: Occurrence, *, by: Actor | None = None) -> bool:
        """See the port."""
        return await again_if_raced(lambda: self._add_run(occurrence, by))

    async def list_history(
        self,
        job_id: JobId,
        *,
        status: HistoryStatus | None = None,
        verdict: Verdict | None = None,
        top: int,
        skip: int,
    ) -> list[HistoryRow]:
        """See the port."""
        # Of a deleted job there may be rows still, until they are swept.
        job = exists().where(jobs.c.id == job_id)
        query = select(history).where(history.c.job_id == job_id, job)
        if status is not None:
            query = query.where(history.c.status == status)
        if verdict is not None:
            query = query.where(_decided(verdict))
        async with self._db.glance() as tx:
            rows = await tx.rows(query.order_by(history.c.id.desc()).limit(top).offset(skip))
        return [history_of(row) for row in rows]

    async def count_history(self, job_id: JobId, *, status: HistoryStatus | None = None, at_most: int) -> int:
        """See the port."""
        job = exists().where(jobs.c.id == job_id)
        query = select(history.c.id).where(history.c.job_id == job_id, job)
        if status is not None:
            query = query.where(history.c.status == status)
        async with self._db.glance() as tx:
            count: int = await tx.scalar(select(func.count()).select_from(query.limit(at_most).subquery()))
        return count

    async def recent_history(self, limit: int, *, within: Sequence[CollectionId] | None = None) -> list[Recent]:
        """See the port."""
        query = (
            select(history, *NAMED)
            .join(jobs, jobs.c.id == history.c.job_id)
            .join(collections, collections.c.id == jobs.c.collection_id)
            .limit(limit)
        )
        async with self._db.read() as tx:
            if within is None:
                rows = await tx.rows(query.order_by(history.c.id.desc()))
            else:
                ran = tx.among(history.c.job_id, await ran_last(tx, within, limit))
                # By an expression, or PostgreSQL walks everybody's rows until enough are theirs (300 ms a million).
                rows = await tx.rows(query.where(ran).order_by((history.c.id + 0).desc()))
        return [recent_of(row) for row in rows]

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

    async def _add_run(self, occurrence: Occurrence, by: Actor | None) -> bool:
        async with self._audit.write() as (tx, entries):
            # FOR SHARE: the job cannot be deleted before its occurrence is in.
            found = await tx.first(_NAMED.where(jobs.c.id == occurrence.job_id).with_for_update(read=True, of=jobs))
            if found is None:
                raise NotFoundError("the job does not exist any more")
            if await _is_known(tx, occurrence):
                return False
            await tx.upsert(runs, id=occurrence.id, asked_at=occurrence.due)
            await tx.insert(occurrences, OWNED_OCCURRENCE, [owned_occurrence(occurrence, None)])
            namespace = Namespace(found.subscription, found.resource_group)
            subject = Subject(namespace=namespace, collection=found.collection, job=found.job)
            entries += job_run(by, subject, occurrence.id)
            return True


def _decided(verdict: Verdict) -> ColumnElement[bool]:
    """Return the condition that rows are of a verdict: their record's text begins with it, or they have none."""
    begin = msgspec.json.encode({"verdict": verdict}).decode().removesuffix("}")
    said = type_coerce(history.c.decision, Text).startswith(begin, autoescape=True)
    return said | (history.c.decision.is_(None) & history.c.status.in_(statuses_of(verdict)))


async def ran_last(tx: Transaction, within: Sequence[CollectionId], limit: int) -> list[JobId]:
    """Return the jobs of collections whose newest rows are the newest: no other has one among the newest `limit`."""
    newest = select(func.max(history.c.id)).where(history.c.job_id == jobs.c.id).scalar_subquery()
    last = func.coalesce(newest, 0).label("last")
    found = select(jobs.c.id, last).where(tx.among(jobs.c.collection_id, within)).order_by(last.desc()).limit(limit)
    return [JobId(row.id) for row in await tx.rows(found)]


async def _is_known(tx: Transaction, occurrence: Occurrence) -> bool:
    asked = exists().where(runs.c.id == occurrence.id, runs.c.asked_at >= occurrence.due - RUN_MEMORY)
    unfinished = exists().where(occurrences.c.id == occurrence.id)
    return bool(await tx.scalar(select(asked | unfinished)))
