"""Claims and their outcomes in SQL.

Every transaction locks in one order: the replica's row, then jobs by id, then occurrences by id. What SKIP LOCKED takes
waits for nobody and may come in any order.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy import ColumnElement, TextClause, and_, case, delete, exists, insert, or_, select, update

from services.scheduler.domain.executions import Occurrence, OccurrenceId, OccurrenceState
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.errors import LeaseLostError
from services.scheduler.store.progress import Standing, concluded, ending, finishes, planned_job, settled, wishes
from services.scheduler.store.records import (
    Claim,
    Held,
    Outcome,
    Ownership,
    Planner,
    Release,
    SessionId,
)
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.rows import (
    OCCURRENCE_COLUMNS,
    STANDING_COLUMNS,
    history_values,
    job_of,
    job_query,
    occurrence_of,
    occurrence_values,
    standing_of,
    standing_values,
)
from services.scheduler.store.sql.tables import (
    CLAIMABLE,
    HELD,
    OWNED,
    READY,
    drain_reports,
    history,
    jobs,
    occurrences,
    replicas,
)


class ClaimVerbs:
    """The verbs with which a replica lives and takes occurrences."""

    _db: Database
    _new_id: Callable[[], str]

    async def claim(
        self, owner: Ownership, *, now: datetime, horizon: datetime, limit: int, plan: Planner
    ) -> list[Claim]:
        """See the port."""
        async with self._db.write() as tx:
            await check_registered(tx, owner)
            claims = await _claim_ready(tx, owner, horizon, limit)
            claims += await _claim_due(tx, owner, horizon, limit - len(claims), plan)
            contended = await _contended(tx, owner, {claim.job.id for claim in claims})
        return [replace(claim, contended=True) if claim.job.id in contended else claim for claim in claims]

    async def list_claims(self, owner: Ownership) -> list[Claim]:
        """See the port."""
        query = select(*OCCURRENCE_COLUMNS).where(OWNED, occurrences.c.owner == owner.fence)
        async with self._db.read() as tx:
            mine = [occurrence_of(row) for row in await tx.rows(query)]
            whole = await _jobs_of(tx, mine)
        return [Claim(occurrence=one, job=whole[one.job_id], contended=True) for one in mine if one.job_id in whole]

    async def active_elsewhere(self, owner: Ownership, job_id: JobId, apart_from: OccurrenceId) -> bool:
        """See the port."""
        others = exists().where(occurrences.c.job_id == job_id, occurrences.c.id != apart_from, _contends_with(owner))
        async with self._db.read() as tx:
            return bool(await tx.scalar(select(others)))

    async def register(self, replica: str, now: datetime, lease: timedelta) -> Ownership:
        """See the port."""
        session = SessionId(self._new_id())
        async with self._db.write() as tx:
            if self._db.one_process:
                earlier = await tx.rows(select(replicas.c.fence))
                await take_over(tx, [row.fence for row in earlier], now)
            life = insert(replicas).values(
                session=session, replica=replica, process=self._db.process, lease_until=now + lease
            )
            return Ownership(session=session, fence=await tx.scalar(life.returning(replicas.c.fence)))

    async def renew(self, owner: Ownership, now: datetime, lease: timedelta) -> None:
        """See the port."""
        async with self._db.write() as tx:
            if not await tx.run(update(replicas).where(_is(owner)).values(lease_until=now + lease)):
                raise _lost(owner)

    async def resign(self, owner: Ownership) -> None:
        """See the port."""
        async with self._db.write() as tx:
            if await tx.first(select(replicas.c.fence).where(_is(owner)).with_for_update()):
                await take_over(tx, [owner.fence], None)

    async def rescue(self, now: datetime) -> int:
        """See the port."""
        await self._evict_the_dead(now)
        dead = select(replicas.c.fence).where(replicas.c.lease_until <= now).with_for_update(skip_locked=True)
        async with self._db.write() as tx:
            return await take_over(tx, [row.fence for row in await tx.rows(dead)], now)

    async def _evict_the_dead(self, now: datetime) -> None:
        """Break what processes without a living session still hold: the locks of a frozen one outlast its lease."""
        async with self._db.read() as tx:
            lives = await tx.rows(select(replicas.c.process, replicas.c.lease_until))
        living = {life.process for life in lives if life.lease_until > now} | {self._db.process, ""}
        await self._db.evict(sorted({life.process for life in lives} - living))


class SettleVerbs:
    """The verbs with which occurrences end or go on."""

    _db: Database

    async def settle(self, owner: Ownership, outcomes: Sequence[Outcome]) -> frozenset[OccurrenceId]:
        """See the port."""
        ids = frozenset(outcome.occurrence_id for outcome in outcomes)
        if not ids:
            return ids
        async with self._db.write() as tx:
            if not await _is_registered(tx, owner):
                return ids
            standings = await _lock_jobs(tx, {outcome.job_id for outcome in outcomes})
            mine = await _lock_occurrences(tx, ids, occurrences.c.owner == owner.fence)
            await _record(tx, [outcome for outcome in outcomes if outcome.occurrence_id in mine], standings, mine)
        return ids - mine.keys()

    async def list_held(self, *, after: OccurrenceId | None = None, limit: int = 500) -> list[Held]:
        """See the port."""
        query = select(*OCCURRENCE_COLUMNS).where(HELD, occurrences.c.id > (after or ""))
        async with self._db.read() as tx:
            held = [occurrence_of(row) for row in await tx.rows(query.order_by(occurrences.c.id).limit(limit))]
            whole = await _jobs_of(tx, held)
        return [Held(occurrence=one, job=whole[one.job_id]) for one in held if one.job_id in whole]

    async def release(self, releases: Sequence[Release]) -> frozenset[OccurrenceId]:
        """See the port."""
        if not releases:
            return frozenset()
        async with self._db.write() as tx:
            standings = await _lock_jobs(tx, {release.job_id for release in releases})
            still = await _lock_occurrences(tx, {release.occurrence_id for release in releases}, HELD)
            freed = [release for release in releases if release.occurrence_id in still]
            await tx.update_many(
                occurrences,
                [
                    {"id": release.occurrence_id, "state": OccurrenceState.READY, "fire_at": release.fire_at}
                    for release in freed
                    if release.fire_at is not None
                ],
            )
            await _record(tx, [ending(release) for release in freed if release.fire_at is None], standings, still)
        return frozenset(still)


async def check_registered(tx: Transaction, owner: Ownership) -> None:
    """Raise LeaseLostError unless the session is registered; nobody takes it over before this transaction ends."""
    if not await _is_registered(tx, owner):
        raise _lost(owner)


async def take_over(tx: Transaction, fences: Sequence[int], now: datetime | None) -> int:
    """End lives: their claims become READY, with attempt + 1 where the instant had come by `now`."""
    if not fences:
        return 0
    may_have_fired = case((occurrences.c.fire_at <= now, 1), else_=0) if now is not None else 0
    freed = await tx.run(
        update(occurrences)
        .where(tx.among(occurrences.c.owner, fences))
        .values(state=OccurrenceState.READY, owner=None, attempt=occurrences.c.attempt + may_have_fired)
    )
    ended = tx.among(replicas.c.fence, fences)
    await tx.run(delete(drain_reports).where(drain_reports.c.session.in_(select(replicas.c.session).where(ended))))
    await tx.run(delete(replicas).where(ended))
    return freed


def _is(owner: Ownership) -> ColumnElement[bool]:
    return and_(replicas.c.fence == owner.fence, replicas.c.session == owner.session)


def _lost(owner: Ownership) -> LeaseLostError:
    return LeaseLostError(f"session {owner.session} (fence {owner.fence}) was taken over")


async def _is_registered(tx: Transaction, owner: Ownership) -> bool:
    # KEY SHARE: lets renewals through and keeps a rescue, which deletes the row, waiting.
    query = select(replicas.c.fence).where(_is(owner)).with_for_update(read=True, key_share=True)
    return await tx.first(query) is not None


async def _claim_ready(tx: Transaction, owner: Ownership, horizon: datetime, limit: int) -> list[Claim]:
    query = select(*OCCURRENCE_COLUMNS).where(READY, occurrences.c.fire_at <= horizon)
    query = query.order_by(occurrences.c.fire_at).limit(limit).with_for_update(skip_locked=True)
    found = [occurrence_of(row) for row in await tx.rows(query)]
    if not found:
        return []
    ids = [occurrence.id for occurrence in found]
    claimed = update(occurrences).where(tx.among(occurrences.c.id, ids))
    await tx.run(claimed.values(state=OccurrenceState.CLAIMED, owner=owner.fence))
    whole = await _jobs_of(tx, found)
    return [
        Claim(occurrence=replace(occurrence, state=OccurrenceState.CLAIMED), job=whole[occurrence.job_id])
        for occurrence in found
        if occurrence.job_id in whole
    ]


async def _claim_due(tx: Transaction, owner: Ownership, horizon: datetime, limit: int, plan: Planner) -> list[Claim]:
    if limit <= 0:
        return []
    query = job_query().where(CLAIMABLE, jobs.c.next_due <= horizon).order_by(jobs.c.next_due).limit(limit)
    due = [job_of(row) for row in await tx.rows(query.with_for_update(of=jobs, skip_locked=True))]
    if not due:
        return []
    plans = [(job, plan(job)) for job in due]
    moved = [planned_job(job, planned) for job, planned in plans]
    await tx.update_many(jobs, [_advanced(job) for job in moved])
    await tx.insert_many(history, history_values([row for _, planned in plans for row in planned.missed]))
    claims = [
        Claim(occurrence=replace(occurrence, state=OccurrenceState.CLAIMED), job=job)
        for job, (_, planned) in zip(moved, plans, strict=True)
        for occurrence in planned.occurrences
    ]
    return await _insert_claims(tx, owner, claims)


async def _insert_claims(tx: Transaction, owner: Ownership, claims: list[Claim]) -> list[Claim]:
    """Insert planned occurrences, leaving out those that exist; their jobs' locks keep others from adding any."""
    ids = [claim.occurrence.id for claim in claims]
    existing = {row.id for row in await tx.rows(select(occurrences.c.id).where(tx.among(occurrences.c.id, ids)))}
    fresh = {claim.occurrence.id: claim for claim in claims if claim.occurrence.id not in existing}
    await tx.insert_many(occurrences, [occurrence_values(claim.occurrence, owner.fence) for claim in fresh.values()])
    return list(fresh.values())


def _advanced(job: Job) -> dict[str, object]:
    return {"id": job.id, "state": job.state, "next_due": job.next_due, "planned": job.planned}


def _contends_with(owner: Ownership) -> ColumnElement[bool]:
    """The occurrences that others run, or anybody may."""
    not_mine = or_(occurrences.c.owner.is_(None), occurrences.c.owner != owner.fence)
    return and_(occurrences.c.state != OccurrenceState.HELD, not_mine)


async def _contended(tx: Transaction, owner: Ownership, job_ids: set[JobId]) -> set[JobId]:
    if not job_ids:
        return set()
    query = select(occurrences.c.job_id).where(tx.among(occurrences.c.job_id, sorted(job_ids)), _contends_with(owner))
    return {row.job_id for row in await tx.rows(query)}


async def _jobs_of(tx: Transaction, some: Sequence[Occurrence]) -> dict[JobId, Job]:
    ids = sorted({occurrence.job_id for occurrence in some})
    if not ids:
        return {}
    return {row.id: job_of(row) for row in await tx.rows(job_query().where(tx.among(jobs.c.id, ids)))}


async def _lock_jobs(tx: Transaction, ids: set[JobId]) -> dict[JobId, Standing]:
    query = select(jobs.c.id, *STANDING_COLUMNS).where(tx.among(jobs.c.id, sorted(ids)))
    return {row.id: standing_of(row) for row in await tx.rows(query.order_by(jobs.c.id).with_for_update())}


async def _lock_occurrences(
    tx: Transaction, ids: set[OccurrenceId] | frozenset[OccurrenceId], which: ColumnElement[bool] | TextClause
) -> dict[OccurrenceId, int]:
    """Lock those of the occurrences that fulfil the condition; return their attempts."""
    query = select(occurrences.c.id, occurrences.c.attempt).where(tx.among(occurrences.c.id, sorted(ids)), which)
    return {row.id: row.attempt for row in await tx.rows(query.order_by(occurrences.c.id).with_for_update())}


async def _record(
    tx: Transaction,
    outcomes: Sequence[Outcome],
    standings: Mapping[JobId, Standing],
    attempts: Mapping[OccurrenceId, int],
) -> None:
    """Write outcomes whose jobs and occurrences are locked."""
    if not outcomes:
        return
    await _move_occurrences(tx, outcomes, attempts)
    await tx.insert_many(history, history_values([row for outcome in outcomes for row in outcome.rows]))
    after = dict(standings)
    for outcome in outcomes:
        after[outcome.job_id] = settled(after[outcome.job_id], outcome)
    await _conclude(tx, outcomes, after)
    changed = [(job_id, standing) for job_id, standing in after.items() if standing != standings[job_id]]
    await tx.update_many(jobs, [{"id": job_id, **standing_values(standing)} for job_id, standing in changed])


async def _move_occurrences(tx: Transaction, outcomes: Sequence[Outcome], attempts: Mapping[OccurrenceId, int]) -> None:
    going_on = [
        {
            "id": outcome.occurrence_id,
            "state": OccurrenceState.READY,
            "owner": None,
            "action": outcome.following.action,
            "fire_at": outcome.following.fire_at,
            "retries": outcome.following.retries,
            "attempt": attempts[outcome.occurrence_id] + 1,
        }
        for outcome in outcomes
        if outcome.following is not None
    ]
    held = [
        {
            "id": outcome.occurrence_id,
            "state": OccurrenceState.HELD,
            "owner": None,
            "host": outcome.held_for,
            "held_under": outcome.held_under,
            "reason": outcome.reason,
        }
        for outcome in outcomes
        if outcome.following is None and outcome.held_for is not None
    ]
    over = [outcome.occurrence_id for outcome in outcomes if finishes(outcome)]
    await tx.update_many(occurrences, going_on)
    await tx.update_many(occurrences, held)
    if over:
        await tx.run(delete(occurrences).where(tx.among(occurrences.c.id, over)))


async def _conclude(tx: Transaction, outcomes: Sequence[Outcome], after: dict[JobId, Standing]) -> None:
    wished = wishes(outcomes)
    if not wished:
        return
    query = select(occurrences.c.job_id).where(tx.among(occurrences.c.job_id, sorted(wished)))
    unfinished = {row.job_id for row in await tx.rows(query)}
    for job_id, wish in wished.items():
        after[job_id] = concluded(after[job_id], wish, unfinished=job_id in unfinished)
