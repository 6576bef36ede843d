"""Rehearsals in SQL."""

from datetime import datetime

from sqlalchemy import select

from services.scheduler.store.audit import Actor
from services.scheduler.store.progress import called_off, check_room, event_key
from services.scheduler.store.records import EventRecord, Rehearsal, rehearsal_ends
from services.scheduler.store.sql.audit import AuditLog
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.rows import event_of, event_query
from services.scheduler.store.sql.tables import events, rehearsals
from services.scheduler.store.trail import rehearsal_announced, rehearsal_cancelled


class RehearsalVerbs:
    """The verbs about events that operators announce."""

    _db: Database
    _audit: AuditLog

    async def put_rehearsal(self, rehearsal: Rehearsal, *, most: int, by: Actor | None = None) -> None:
        """See the port."""
        event = rehearsal.event
        ahead = select(rehearsals.c.body).where(rehearsals.c.ends_at > event.first_seen_at)
        async with self._audit.write() as (tx, entries):
            await _wait_for_turn(tx)
            check_room([row.body for row in await tx.rows(ahead)], rehearsal, most)
            await tx.upsert(
                rehearsals, event_key=event_key(event.event_id), ends_at=rehearsal_ends(event), body=rehearsal
            )
            entries += rehearsal_announced(by, rehearsal)

    async def cancel_rehearsal(self, event_id: str, at: datetime, *, by: Actor | None = None) -> Rehearsal:
        """See the port."""
        key = event_key(event_id)
        async with self._audit.write() as (tx, entries):
            same = select(rehearsals.c.body).where(rehearsals.c.event_key == key).with_for_update()
            before: Rehearsal | None = await tx.scalar(same)
            after = called_off(before, event_id, at)
            await tx.upsert(rehearsals, event_key=key, ends_at=rehearsal_ends(after.event), body=after)
            entries += rehearsal_cancelled(by, before or after, after)
        return after

    async def list_rehearsals(self, *, since: datetime) -> list[Rehearsal]:
        """See the port."""
        async with self._db.glance() as tx:
            rows = await tx.rows(select(rehearsals.c.body).where(rehearsals.c.ends_at > since))
        found: list[Rehearsal] = [row.body for row in rows]
        return sorted(found, key=lambda each: (each.event.first_seen_at, each.event.event_id))

    async def list_rehearsed(self, *, limit: int) -> list[EventRecord]:
        """See the port."""
        query = event_query().join(rehearsals, rehearsals.c.event_key == events.c.key)
        latest = query.order_by(events.c.first_seen_at.desc(), events.c.key).limit(limit)
        async with self._db.glance() as tx:
            return [event_of(row) for row in await tx.rows(latest)]


async def _wait_for_turn(tx: Transaction) -> None:
    """Let nobody else announce one until this transaction ends: rows that are not there yet cannot be locked."""
    if tx.words.locked:
        await tx.run_text("LOCK TABLE rehearsals IN SHARE ROW EXCLUSIVE MODE")
