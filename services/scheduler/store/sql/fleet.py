"""Events, drains, approvals and cordons in SQL."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from services.scheduler.errors import NotFoundError
from services.scheduler.store.audit import Actor
from services.scheduler.store.progress import Bid, event_key, latest_approval, may_approve
from services.scheduler.store.records import (
    Approval,
    Cordon,
    DrainReport,
    EventOutcome,
    EventRecord,
    Ownership,
    SessionId,
)
from services.scheduler.store.sql.audit import AuditLog
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.rows import event_of, event_query
from services.scheduler.store.sql.tables import ACTIVE, approvals, cordons, drain_reports, events, replicas
from services.scheduler.store.trail import host_cordoned, host_released


class FleetVerbs:
    """The verbs about hosts and what threatens them."""

    _db: Database
    _audit: AuditLog

    async def put_event(self, event: EventRecord) -> None:
        """See the port."""
        async with self._db.write() as tx:
            await tx.upsert(
                events,
                key=event_key(event.event_id),
                first_seen_at=event.first_seen_at,
                active=event.outcome is EventOutcome.ACTIVE,
                body=event,
                ended_at=event.ended_at,
            )

    async def get_event(self, event_id: str) -> EventRecord:
        """See the port."""
        async with self._db.glance() as tx:
            row = await tx.first(event_query().where(events.c.key == event_key(event_id)))
        if row is None:
            raise NotFoundError(f"event {event_id} does not exist")
        return event_of(row)

    async def list_events(self, *, active: bool, limit: int) -> list[EventRecord]:
        """See the port."""
        query = event_query().order_by(events.c.first_seen_at.desc(), events.c.key).limit(limit)
        async with self._db.glance() as tx:
            return [event_of(row) for row in await tx.rows(query.where(ACTIVE) if active else query)]

    async def report_drain(self, owner: Ownership, report: DrainReport) -> None:
        """See the port."""
        async with self._db.write() as tx:
            await tx.upsert(
                drain_reports,
                event_key=event_key(report.event_id),
                host=report.host,
                session=owner.session,
                body=report,
            )

    async def drain_reports(self, event_id: str) -> list[tuple[SessionId, DrainReport]]:
        """See the port."""
        query = (
            select(drain_reports.c.session, drain_reports.c.body)
            .join(replicas, replicas.c.session == drain_reports.c.session)
            .where(drain_reports.c.event_key == event_key(event_id))
            .order_by(replicas.c.fence, drain_reports.c.host)
        )
        async with self._db.glance() as tx:
            return [(SessionId(row.session), row.body) for row in await tx.rows(query)]

    async def live_sessions(self) -> list[SessionId]:
        """See the port."""
        query = select(replicas.c.session).order_by(replicas.c.fence)
        async with self._db.glance() as tx:
            return [SessionId(row.session) for row in await tx.rows(query)]

    async def take_approval(self, event_id: str, replica: str, now: datetime, patience: timedelta) -> bool:
        """See the port."""
        key = event_key(event_id)
        async with self._db.write() as tx:
            bid = await _lock_bid(tx, key)
            won = may_approve(bid, replica, now, patience)
            if won and bid.replica != replica:
                await tx.upsert(approvals, event_key=key, replica=replica, taken_at=now, body=bid.approval)
        return won

    async def record_approval(self, event_id: str, approval: Approval) -> None:
        """See the port."""
        key = event_key(event_id)
        async with self._db.write() as tx:
            bid = await _lock_bid(tx, key)
            latest = latest_approval(bid.approval, approval)
            await tx.upsert(approvals, event_key=key, replica=bid.replica, taken_at=bid.taken_at, body=latest)

    async def put_cordon(self, cordon: Cordon, *, by: Actor | None = None) -> None:
        """See the port."""
        async with self._audit.write() as (tx, entries):
            before: Cordon | None = await tx.exchange(cordons, {"host": cordon.host}, cordon)
            entries += host_cordoned(by, cordon, before)

    async def delete_cordon(self, host: str, *, by: Actor | None = None) -> bool:
        """See the port."""
        same = cordons.c.host == host
        async with self._audit.write() as (tx, entries):
            row = await tx.first(select(cordons.c.body).where(same).with_for_update())
            if row is not None:
                await tx.run(delete(cordons).where(same))
                entries += host_released(by, row.body)
            return row is not None

    async def list_cordons(self) -> list[Cordon]:
        """See the port."""
        async with self._db.glance() as tx:
            return [row.body for row in await tx.rows(select(cordons.c.body).order_by(cordons.c.host))]


async def _lock_bid(tx: Transaction, key: str) -> Bid:
    """Return the locked row, made first if need be: only a row that exists can make the second replica wait."""
    await tx.insert_missing(approvals, event_key=key, body=Approval())
    row = (await tx.rows(select(approvals).where(approvals.c.event_key == key).with_for_update()))[0]
    return Bid(replica=row.replica, taken_at=row.taken_at, approval=row.body)
