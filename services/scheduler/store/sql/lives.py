"""Lives of replicas in SQL: begun, renewed, ended by themselves or by others."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, delete, false, insert, or_, select, update

from services.scheduler.domain.executions import OccurrenceState
from services.scheduler.errors import LeaseLostError
from services.scheduler.store.progress import SENT_AHEAD
from services.scheduler.store.records import Guard, Life, Ownership, SessionId
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.driver import Raw
from services.scheduler.store.sql.guards import Guards
from services.scheduler.store.sql.tables import drain_reports, occurrences, replicas
from shared.clock import from_epoch_ms

_MILLISECOND = timedelta(milliseconds=1)


class LifeVerbs:
    """The verbs with which a replica lives, and others end its life."""

    _db: Database
    _guards: Guards
    _new_id: Callable[[], str]

    async def register(self, replica: str, now: datetime, lease: timedelta) -> Ownership:
        """See the port."""
        session = SessionId(self._new_id())
        guarded = await self._guards.take(session)
        try:
            return await self._begin(session, replica, now, lease, guarded=guarded)
        except BaseException:
            await self._guards.drop(session)
            raise

    async def renew(self, owner: Ownership, now: datetime, lease: timedelta) -> None:
        """See the port."""
        renewed = update(replicas).where(_is(owner)).values(lease_until=now + lease, lease_ms=lease // _MILLISECOND)
        async with self._db.urgent() as tx:
            is_alive = await tx.run(renewed.values(guarded=self._guards.holds(owner.session)))
        if not is_alive:
            await self._guards.drop(owner.session)
            raise _lost(owner)

    async def resign(self, owner: Ownership) -> None:
        """See the port."""
        async with self._db.write() as tx:
            if await tx.first(select(replicas.c.fence).where(_is(owner)).with_for_update()):
                await end_lives(tx, [owner.fence], None)
        await self._guards.drop(owner.session)

    async def lives(self) -> list[Life]:
        """See the port."""
        query = f"""SELECT session, fence, replica, lease_until, lease_ms, {self._guards.standing}
            FROM replicas ORDER BY fence"""
        async with self._db.glance() as tx:
            return [_life_of(row) for row in await tx.fetch(query)]

    async def take_over(self, lives: Sequence[Life], now: datetime) -> dict[SessionId, int]:
        """See the port."""
        if not lives:
            return {}
        async with self._db.write() as tx:
            over = await self._over(tx, {life.owner.fence: life for life in lives})
            freed = await end_lives(tx, [owner.fence for owner in over], now)
        return {owner.session: freed[owner.fence] for owner in over}

    async def _begin(
        self, session: SessionId, replica: str, now: datetime, lease: timedelta, *, guarded: bool
    ) -> Ownership:
        async with self._db.urgent() as tx:
            if self._db.one_process:
                earlier = await tx.rows(select(replicas.c.fence))
                await end_lives(tx, [row.fence for row in earlier], now)
            life = insert(replicas).values(
                session=session,
                replica=replica,
                process=self._db.process,
                lease_until=now + lease,
                lease_ms=lease // _MILLISECOND,
                guarded=guarded,
            )
            return Ownership(session=session, fence=await tx.scalar(life.returning(replicas.c.fence)))

    async def _over(self, tx: Transaction, lives: Mapping[int, Life]) -> list[Ownership]:
        """Lock those of the lives that are as they were seen, and break what their processes still hold.

        The locks of a frozen process outlast its lease. One that holds its life's row even now is met another time.
        """
        rows = await tx.rows(select(replicas))
        over = [row for row in rows if await self._is_over(tx, lives.get(row.fence), row)]
        living = {row.process for row in rows if row not in over} | {self._db.process, ""}
        await self._db.evict(tx, sorted({row.process for row in over} - living))
        unchanged = or_(*(_is_as(row) for row in over)) if over else false()
        query = select(replicas.c.session, replicas.c.fence).where(unchanged).order_by(replicas.c.fence)
        locked = await tx.rows(query.with_for_update(skip_locked=True))
        return [Ownership(row.session, row.fence) for row in locked]

    async def _is_over(self, tx: Transaction, life: Life | None, row: Row[Any]) -> bool:
        if life is None or row.lease_until != life.lease_until:
            return False
        return life.guard is not Guard.LOST or await self._guards.is_free(tx, life.owner.session)


async def check_registered(tx: Transaction, owner: Ownership) -> None:
    """Raise LeaseLostError unless the session is registered; nobody takes it over before this transaction ends."""
    if not await is_registered(tx, owner):
        raise _lost(owner)


async def is_registered(tx: Transaction, owner: Ownership) -> bool:
    """Whether the session is registered; nobody takes it over before this transaction ends."""
    # KEY SHARE: lets renewals through and keeps a rescue, which deletes the row, waiting.
    query = f"SELECT fence FROM replicas WHERE fence = $1 AND session = $2 {tx.words.kept}"
    return bool(await tx.fetch(query, owner.fence, owner.session))


async def end_lives(tx: Transaction, fences: Sequence[int], now: datetime | None) -> Counter[int]:
    """End lives: their claims become READY, with attempt + 1 where they may have been sent by `now`; count them.

    Nothing was sent when `now` is None.
    """
    freed: Counter[int] = Counter()
    if not fences:
        return freed
    may_have_fired = 0 if now is None else case((occurrences.c.fire_at <= now + SENT_AHEAD, 1), else_=0)
    for fence in fences:
        freed[fence] = await tx.run(
            update(occurrences)
            .where(occurrences.c.owner == fence)
            .values(state=OccurrenceState.READY, owner=None, attempt=occurrences.c.attempt + may_have_fired)
        )
    ended = tx.among(replicas.c.fence, fences)
    await tx.run(delete(drain_reports).where(drain_reports.c.session.in_(select(replicas.c.session).where(ended))))
    await tx.run(delete(replicas).where(ended))
    return freed


def _is_as(row: Row[Any]) -> ColumnElement[bool]:
    return and_(replicas.c.fence == row.fence, replicas.c.lease_until == row.lease_until)


def _is(owner: Ownership) -> ColumnElement[bool]:
    return and_(replicas.c.fence == owner.fence, replicas.c.session == owner.session)


def _lost(owner: Ownership) -> LeaseLostError:
    return LeaseLostError(f"session {owner.session} (fence {owner.fence}) was taken over")


def _life_of(row: Raw) -> Life:
    session, fence, replica, lease_until, lease_ms, standing = row
    return Life(
        owner=Ownership(session=session, fence=fence),
        replica=replica,
        lease_until=from_epoch_ms(lease_until),
        lease=lease_ms * _MILLISECOND,
        guard=Guard(standing),
    )
