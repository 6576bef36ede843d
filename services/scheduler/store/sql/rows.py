"""Rows to structs and back: the only place where both names of a field stand side by side."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, select

from services.scheduler.domain.collections import Collection, Namespace
from services.scheduler.domain.executions import HistoryRow, Occurrence
from services.scheduler.domain.jobs import Job, JobCounters, JobDefinition
from services.scheduler.store.progress import name_key
from services.scheduler.store.records import (
    Approval,
    EventRecord,
)
from services.scheduler.store.sql.tables import approvals, collections, definitions, events, jobs, occurrences

OCCURRENCE_COLUMNS = [column for column in occurrences.c if column.name != "owner"]


def job_query() -> Select[Any]:
    """Return the query of whole jobs, for `job_of`."""
    return (
        select(jobs, collections.c.name.label("collection"), definitions.c.body)
        .join(collections, collections.c.id == jobs.c.collection_id)
        .join(definitions, definitions.c.job_id == jobs.c.id)
    )


def job_of(row: Row[Any]) -> Job:
    """Read a row of `job_query`."""
    return bare_job_of(row, row.collection, row.body)


def bare_job_of(row: Row[Any], collection: str, definition: JobDefinition) -> Job:
    """Read a row of `jobs`, with what is kept elsewhere."""
    return Job(
        id=row.id,
        uid=row.uid,
        collection_id=row.collection_id,
        collection=collection,
        name=row.name,
        definition=definition,
        state=row.state,
        anchor=row.anchor,
        next_due=row.next_due,
        planned=row.planned,
        revision=row.revision,
        counters=counters_of(row),
        created_at=row.created_at,
        updated_at=row.updated_at,
        gate_open=row.gate_open,
    )


def counters_of(row: Row[Any]) -> JobCounters:
    """Read a job's counters."""
    return JobCounters(
        execution_count=row.execution_count,
        failure_count=row.failure_count,
        faulted_count=row.faulted_count,
        last_execution_time=row.last_execution_time,
    )


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
        **counter_values(job.counters),
    }


def counter_values(counters: JobCounters) -> dict[str, object]:
    """Return the counters' columns."""
    return msgspec.structs.asdict(counters)


def collection_of(row: Row[Any]) -> Collection:
    """Read a row of `collections`."""
    return Collection(
        id=row.id,
        namespace=Namespace(row.subscription, row.resource_group),
        name=row.name,
        definition=row.definition,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def collection_keys(namespace: Namespace, name: str) -> dict[str, str]:
    """Return what a collection is found by."""
    return {
        "subscription_key": name_key(namespace.subscription),
        "group_key": name_key(namespace.resource_group),
        "name_key": name_key(name),
    }


def occurrence_of(row: Row[Any]) -> Occurrence:
    """Read the OCCURRENCE_COLUMNS; their names are the fields'."""
    return Occurrence(
        id=row.id,
        job_id=row.job_id,
        due=row.due,
        fire_at=row.fire_at,
        state=row.state,
        action=row.action,
        attempt=row.attempt,
        retries=row.retries,
        ordinal=row.ordinal,
        manual=row.manual,
        host=row.host,
        reason=row.reason,
        held_under=row.held_under,
    )


def occurrence_values(occurrence: Occurrence, owner: int | None) -> dict[str, object]:
    """Return an occurrence's columns; its fields have their names."""
    return {**msgspec.structs.asdict(occurrence), "owner": owner}


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
    )


def history_values(rows: Sequence[HistoryRow]) -> list[dict[str, object]]:
    """Return the columns of new history rows; their fields have their names, and the id is the database's to give."""
    values = [msgspec.structs.asdict(row) for row in rows]
    for value in values:
        del value["id"]
    return values


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
