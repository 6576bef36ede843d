"""The audit log in SQL: entries written in the transaction of their change, read, and pruned by age."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, and_, delete, false, or_, select

from services.scheduler.domain.acts import Act
from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import CollectionId, Namespace
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.audit import Actor, AuditEntry, AuditFilter, Follower, Image, Subject
from services.scheduler.store.progress import name_key
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.driver import Raw
from services.scheduler.store.sql.known import job_of, read_jobs
from services.scheduler.store.sql.tables import audit, collections
from services.scheduler.store.trail import jobs_deleted
from shared.clock import to_epoch_ms

_WRITTEN = (
    "at",
    "caller",
    "request_id",
    "address",
    "action",
    "subscription",
    "resource_group",
    "collection",
    "job",
    "host",
    "subscription_key",
    "group_key",
    "collection_key",
    "job_key",
    "before",
    "after",
    "secrets",
)
_READ = [audit.c[name] for name in ("id", *_WRITTEN[:10], *_WRITTEN[14:])]
_IMAGES: msgspec.json.Decoder[Image] = msgspec.json.Decoder(Image)
_SECRETS = msgspec.json.Decoder(tuple[str, ...])
_ENCODER = msgspec.json.Encoder()


class AuditLog:
    """Gives transactions whose entries are committed together with what they tell of, or not at all."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._followers: list[Follower] = []

    def follow(self, follower: Follower) -> None:
        """Tell `follower` of what was committed from now on."""
        self._followers.append(follower)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[tuple[Transaction, list[AuditEntry]]]:
        """Give a transaction to write, as `Database.write` does, and the list that takes its entries."""
        entries: list[AuditEntry] = []
        async with self._db.write() as tx:
            yield tx, entries
            if entries:
                await tx.insert(audit, _WRITTEN, [_line(entry) for entry in entries])
        if entries:
            for follower in self._followers:
                follower(entries)


class AuditVerbs:
    """The verbs about the audit log."""

    _db: Database
    _audit: AuditLog

    def follow_changes(self, follower: Follower) -> None:
        """See the port."""
        self._audit.follow(follower)

    async def list_audit(self, wanted: AuditFilter, *, top: int, skip: int) -> list[AuditEntry]:
        """See the port."""
        query = select(*_READ).where(*_conditions(wanted)).order_by(audit.c.id.desc()).limit(top).offset(skip)
        async with self._db.glance() as tx:
            return [_entry(row) for row in await tx.rows(query)]

    async def prune_audit(self, *, older_than: datetime, limit: int) -> int:
        """See the port."""
        old = select(audit.c.id).where(audit.c.at < older_than).order_by(audit.c.at).limit(limit)
        async with self._db.write() as tx:
            ids = [row.id for row in await tx.rows(old.with_for_update(skip_locked=True))]
            return await tx.run(delete(audit).where(tx.among(audit.c.id, ids))) if ids else 0


async def deletions(
    tx: Transaction, collection_id: CollectionId, job_ids: Sequence[JobId], actor: Actor | None = None
) -> list[AuditEntry]:
    """Return the entries of locked jobs that are about to go, by `actor` or by who has their collection deleted."""
    place = select(
        collections.c.subscription, collections.c.resource_group, collections.c.name, collections.c.deleted_by
    ).where(collections.c.id == collection_id)
    row = await tx.first(place) if job_ids else None
    actor = actor if row is None else actor or row.deleted_by
    if row is None or actor is None:
        return []
    subject = Subject(namespace=Namespace(row.subscription, row.resource_group), collection=row.name)
    return jobs_deleted(actor, subject, [job_of(one) for one in await read_jobs(tx, job_ids)])


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    named = {
        audit.c.subscription_key: wanted.subscription,
        audit.c.group_key: wanted.resource_group,
        audit.c.collection_key: wanted.collection,
        audit.c.job_key: wanted.job,
        audit.c.host: wanted.host,
    }
    found = [column == name_key(name) for column, name in named.items() if name is not None]
    if wanted.caller is not None:
        found.append(audit.c.caller == wanted.caller)
    if wanted.act is not None:
        found.append(audit.c.action == wanted.act)
    if wanted.since is not None:
        found.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(audit.c.at < wanted.until)
    return found if wanted.scopes is None else [*found, or_(false(), *map(_within, wanted.scopes))]


def _within(scope: Scope) -> ColumnElement[bool]:
    return and_(
        audit.c.subscription_key == name_key(scope.namespace.subscription),
        audit.c.group_key == name_key(scope.namespace.resource_group),
        audit.c.collection_key == name_key(scope.collection),
    )


def _line(entry: AuditEntry) -> Raw:
    """Return a row of _WRITTEN."""
    actor, subject = entry.actor, entry.subject
    place = subject.namespace
    names = (
        None if place is None else place.subscription,
        None if place is None else place.resource_group,
        subject.collection,
        subject.job,
    )
    return (
        to_epoch_ms(actor.at),
        actor.caller,
        actor.request_id,
        actor.address,
        entry.act.value,
        *names,
        subject.host,
        *(None if name is None else name_key(name) for name in names),
        _text(entry.before),
        _text(entry.after),
        _text(entry.secrets or None),
    )


def _text(value: object) -> str | None:
    return None if value is None else _ENCODER.encode(value).decode()


def _entry(row: Raw) -> AuditEntry:
    """Read a row of _READ."""
    number, at, caller, request_id, address, action, subscription, group, collection, job, host = row[:11]
    before, after, secrets = row[11:]
    return AuditEntry(
        id=number,
        actor=Actor(caller=caller, request_id=request_id, address=address, at=at),
        act=Act(action),
        subject=Subject(
            namespace=None if subscription is None else Namespace(subscription, group),
            collection=collection,
            job=job,
            host=host,
        ),
        before=None if before is None else _IMAGES.decode(before),
        after=None if after is None else _IMAGES.decode(after),
        secrets=() if secrets is None else _SECRETS.decode(secrets),
    )
