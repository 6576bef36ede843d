"""Claims in SQL.

Every transaction locks in one order: the replica's row, then jobs by id, then occurrences, whose writers all have their
job's row or their owner's. What SKIP LOCKED takes waits for nobody and may come in any order.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from services.scheduler.domain.executions import Occurrence, OccurrenceId, OccurrenceState
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.store.progress import planned_job
from services.scheduler.store.records import Claim, Ownership, Plan, Planner
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.driver import Change, Raw
from services.scheduler.store.sql.hot_rows import (
    HISTORY,
    OCCURRENCE,
    OWNED_OCCURRENCE,
    history_line,
    occurrence_of,
    owned_occurrence,
)
from services.scheduler.store.sql.known import STANDING, KnownJobs, jobs_of
from services.scheduler.store.sql.lives import check_registered
from services.scheduler.store.sql.slices import slices
from services.scheduler.store.sql.tables import CLAIMABLE, OWNED, READY, history, jobs, occurrences
from shared.clock import to_epoch_ms

_ADVANCES = Change(jobs, ("id", "next_due", "planned"))
_ENDS = Change(jobs, ("id", "state"))
_CONTENDS = "occurrences.state <> 'held' AND (occurrences.owner IS NULL OR occurrences.owner <> $2)"
"""Others run it, or anybody may."""

Planned = tuple[Job, Plan]
"""A job as it stood, and what becomes of it."""


class ClaimVerbs:
    """The verbs with which a replica takes occurrences."""

    _db: Database
    _known: KnownJobs

    async def claim(
        self, owner: Ownership, *, now: datetime, horizon: datetime, limit: int, plan: Planner
    ) -> list[Claim]:
        """See the port."""
        async with self._db.write() as tx:
            await check_registered(tx, owner)
            claims = await self._claim_ready(tx, owner, horizon, limit)
            if len(claims) < limit:
                planned = await self._plan_due(tx, horizon, limit - len(claims), plan)
                await _advance(tx, planned)
                claims += await _insert(tx, owner, horizon, planned)
            contended = await _contended(tx, owner, {claim.job.id for claim in claims})
        return [replace(claim, contended=True) if claim.job.id in contended else claim for claim in claims]

    async def list_claims(self, owner: Ownership) -> list[Claim]:
        """See the port."""
        query = f"SELECT {', '.join(OCCURRENCE)} FROM occurrences WHERE {OWNED.text} AND owner = $1"
        async with self._db.read() as tx:
            mine = [occurrence_of(row) for row in await tx.fetch(query, owner.fence)]
            whole = await jobs_of(tx, self._known, mine)
        return [Claim(occurrence=one, job=whole[one.job_id], contended=True) for one in mine if one.job_id in whole]

    async def preceded(
        self, owner: Ownership, ids: Sequence[OccurrenceId], *, now: datetime
    ) -> frozenset[OccurrenceId]:
        """See the port."""
        async with self._db.glance() as tx:
            preceded = f"""SELECT mine.id FROM occurrences mine WHERE {tx.words.among_values("mine.id", "$1")}
                AND EXISTS (SELECT 1 FROM occurrences WHERE occurrences.job_id = mine.job_id AND {_CONTENDS}
                AND occurrences.id <> mine.id AND (occurrences.attempt > 1
                OR occurrences.manual AND occurrences.fire_at <= $3
                OR (occurrences.fire_at, occurrences.due, occurrences.id) < (mine.fire_at, mine.due, mine.id)))"""
            return frozenset(row[0] for row in await tx.fetch(preceded, list(ids), owner.fence, to_epoch_ms(now)))

    async def _claim_ready(self, tx: Transaction, owner: Ownership, horizon: datetime, limit: int) -> list[Claim]:
        ready = f"""SELECT id FROM occurrences WHERE {READY.text} AND occurrences.fire_at <= $2
            ORDER BY occurrences.fire_at LIMIT $3 {tx.words.unlocked}"""
        claimed = f"""UPDATE occurrences SET state = 'claimed', owner = $1 WHERE {tx.words.among_found("id", ready)}
            RETURNING {", ".join(OCCURRENCE)}"""
        rows = await tx.fetch(claimed, owner.fence, to_epoch_ms(horizon), limit)
        found = sorted((occurrence_of(row) for row in rows), key=lambda one: one.fire_at)
        whole = await jobs_of(tx, self._known, found)
        return [Claim(occurrence=one, job=whole[one.job_id]) for one in found if one.job_id in whole]

    async def _plan_due(self, tx: Transaction, horizon: datetime, limit: int, plan: Planner) -> list[Planned]:
        due = f"""SELECT {STANDING} FROM jobs WHERE {CLAIMABLE.text} AND jobs.next_due <= $1
            ORDER BY jobs.next_due LIMIT $2 {tx.words.unlocked}"""
        rows = await tx.fetch(due, to_epoch_ms(horizon), limit)
        whole = await self._known.whole(tx, rows)
        planned: list[Planned] = []
        async for part in slices([whole[row[0]] for row in rows]):
            planned += [(job, plan(job)) for job in part]
        return planned


async def _advance(tx: Transaction, planned: Sequence[Planned]) -> None:
    """Write where the jobs stand, and what they missed."""
    await tx.update(_ADVANCES, [(job.id, _milliseconds(plan.next_due), plan.planned) for job, plan in planned])
    ends = [(job.id, plan.final_state.value) for job, plan in planned if plan.final_state is not None]
    await tx.update(_ENDS, ends)
    await tx.insert(history, HISTORY, [history_line(row) for _, plan in planned for row in plan.missed])


async def _insert(tx: Transaction, owner: Ownership, horizon: datetime, planned: Sequence[Planned]) -> list[Claim]:
    """Insert planned occurrences, leaving out those that exist; their jobs' locks keep others from adding any.

    Return the claims: what fires beyond the horizon, later in its flexible window, is left to whoever comes by then.
    """
    existing = await _existing(tx, [one.id for _, plan in planned for one in plan.occurrences])
    claims: list[Claim] = []
    rows: dict[OccurrenceId, Raw] = {}
    async for part in slices(planned):
        for job, plan in part:
            moved = planned_job(job, plan)
            for one in plan.occurrences:
                if one.id in existing or one.id in rows:
                    continue
                if one.fire_at > horizon:
                    rows[one.id] = owned_occurrence(_in_state(one, OccurrenceState.READY), None)
                    continue
                claim = Claim(occurrence=_in_state(one, OccurrenceState.CLAIMED), job=moved)
                rows[one.id] = owned_occurrence(claim.occurrence, owner.fence)
                claims.append(claim)
    await tx.insert(occurrences, OWNED_OCCURRENCE, list(rows.values()))
    return claims


async def _existing(tx: Transaction, ids: list[OccurrenceId]) -> set[OccurrenceId]:
    if not ids:
        return set()
    among = tx.words.among_values("id", "$1")
    return {row[0] for row in await tx.fetch(f"SELECT id FROM occurrences WHERE {among}", ids)}


async def _contended(tx: Transaction, owner: Ownership, job_ids: Iterable[JobId]) -> set[JobId]:
    """Return the jobs with an unfinished, not held occurrence that this session does not own."""
    ids = sorted(job_ids)
    if not ids:
        return set()
    among = tx.words.among_values("job_id", "$1")
    query = f"SELECT job_id FROM occurrences WHERE {among} AND {_CONTENDS}"
    return {row[0] for row in await tx.fetch(query, ids, owner.fence)}


def _in_state(occurrence: Occurrence, state: OccurrenceState) -> Occurrence:
    return occurrence if occurrence.state is state else replace(occurrence, state=state)


def _milliseconds(instant: datetime | None) -> int | None:
    return None if instant is None else to_epoch_ms(instant)
