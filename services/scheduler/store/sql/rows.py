"""Rows of SQLAlchemy to structs, and structs to values for it; what the hot path uses is in `hot_rows` and `known`."""

from typing import Any

import msgspec
from sqlalchemy import Row, Select, select

from services.scheduler.domain.collections import Namespace
from services.scheduler.domain.executions import HistoryRow
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import home_name
from services.scheduler.domain.secret_fields import sealed_under
from services.scheduler.store.progress import name_key
from services.scheduler.store.records import (
    Approval,
    EventRecord,
    Recent,
)
from services.scheduler.store.sql.tables import approvals, collections, events, jobs

NAMED = (
    jobs.c.name.label("job"),
    collections.c.name.label("collection"),
    collections.c.resource_group.label("resource_group"),
)
"""What a query of history that is joined with jobs and collections adds to each row for `recent_of`."""


def job_values(job: Job) -> dict[str, object]:
    """Return a job's columns, its id and definition apart."""
    return {
        "collection_id": job.collection_id,
        "uid": job.uid,
        "name": job.name,
        "name_key": name_key(job.name),
        "state": job.state,
        "anchor": job.anchor,
        "next_due": job.next_due,
        "planned": job.planned,
        "revision": job.revision,
        "gate_open": job.gate_open,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "sealed_under": sealed_under(job.definition.action),
        "home": home_name(job.definition),
        "pool": job.definition.placement.pool if job.definition.placement else None,
        **msgspec.structs.asdict(job.counters),
    }


def collection_keys(namespace: Namespace, name: str) -> dict[str, str]:
    """Return what a collection is found by: subscription, group and name, in this order."""
    return {
        "subscription_key": name_key(namespace.subscription),
        "group_key": name_key(namespace.resource_group),
        "name_key": name_key(name),
    }


def history_of(row: Row[Any]) -> HistoryRow:
    """Read a row of `history`."""
    return HistoryRow(
        id=row.id,
        job_id=row.job_id,
        occurrence_id=row.occurrence_id,
        scheduled_time=row.scheduled_time,
        start_time=row.start_time,
        end_time=row.end_time,
        action_name=row.action_name,
        status=row.status,
        attempt=row.attempt,
        host=row.host,
        reason=row.reason,
        message=row.message,
        retry_count=row.retry_count,
        repeat_count=row.repeat_count,
        decision=row.decision,
    )


def recent_of(row: Row[Any]) -> Recent:
    """Read a row of `history` with what `NAMED` adds to it."""
    return Recent(group=row.resource_group, collection=row.collection, job=row.job, row=history_of(row))


def event_query() -> Select[Any]:
    """Return the query of events with their approvals, for `event_of`."""
    return select(events.c.body, approvals.c.body.label("approval")).outerjoin(
        approvals, approvals.c.event_key == events.c.key
    )


def event_of(row: Row[Any]) -> EventRecord:
    """Read a row of `event_query`."""
    record: EventRecord = row.body
    approval: Approval | None = row.approval
    return msgspec.structs.replace(record, approval=approval or Approval())
