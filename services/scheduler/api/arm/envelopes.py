"""ARM's envelopes: id, type and name beside `properties`, in the casing of the recorded replies."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated

import msgspec

from services.scheduler.api.arm.addresses import COLLECTION_TYPE, HISTORY_TYPE, JOB_TYPE, collection_id, job_id
from services.scheduler.api.arm.locations import shown
from services.scheduler.api.schemas.collections import QuotaDocument, collection_document
from services.scheduler.api.schemas.history import AttemptOf, attempt_of
from services.scheduler.api.schemas.job_writer import job_document
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.maintenance import MaintenanceDocument
from services.scheduler.api.schemas.values import READ_ONLY, Document, Time
from services.scheduler.domain.collections import Collection, CollectionState, Sku
from services.scheduler.domain.executions import HistoryRow, HistoryStatus
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.policies import CatchUp, Overlap

OLD_PREMIUM = "Premium"
"""What api-version 2016-01-01 called the plans above Standard."""
_DEFAULT_WINDOW = timedelta(hours=1)
_DEFAULT_TIMEOUT = timedelta(minutes=1)
_MAX_TICKS = 3_155_378_975_999_999_999
"""DateTime.MaxValue of .NET in ticks of 100 ns."""
_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)
_PREMIUM = frozenset({Sku.P10_PREMIUM, Sku.P20_PREMIUM})
_FIRST_SEQUENCE = 9_223_372_036_854_580_000
"""Rows were numbered from here, in 20 digits (reference §1.9)."""

_ReadOnlyText = Annotated[str | None, READ_ONLY]


class ArmSku(Document, frozen=True, kw_only=True):
    """`properties.sku`: the plan by name."""

    name: str | None = None


class ArmCollectionProperties(Document, frozen=True, kw_only=True):
    """`properties` of a job collection."""

    sku: ArmSku | None = None
    state: CollectionState | None = None
    quota: QuotaDocument | None = None
    maintenance: MaintenanceDocument | None = None


class ArmCollection(Document, frozen=True, kw_only=True):
    """A job collection as ARM shows it."""

    id: _ReadOnlyText = None
    type: _ReadOnlyText = None
    name: str | None = None
    location: str | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    properties: ArmCollectionProperties = ArmCollectionProperties()


class ArmJob(Document, frozen=True, kw_only=True):
    """A job as ARM shows it."""

    id: _ReadOnlyText = None
    type: _ReadOnlyText = None
    name: _ReadOnlyText = None
    properties: JobDocument = JobDocument()


class ArmHistoryProperties(Document, frozen=True, kw_only=True):
    """`properties` of a history row."""

    start_time: Time
    end_time: Time
    expected_execution_time: Time
    action_name: AttemptOf
    status: HistoryStatus
    message: str
    retry_count: int
    repeat_count: int


class ArmHistory(Document, frozen=True, kw_only=True):
    """One attempt, or one occurrence that did not run, as ARM shows it."""

    id: str
    type: str
    name: str
    properties: ArmHistoryProperties


def arm_collection(collection: Collection, *, old_names: bool) -> ArmCollection:
    """Return the envelope of a collection; `old_names`: in the words of api-version 2016-01-01."""
    document = collection_document(collection)
    sku = collection.definition.sku
    return ArmCollection(
        id=collection_id(collection),
        type=COLLECTION_TYPE,
        name=collection.name,
        location=shown(document.location) if document.location else None,
        tags=document.tags,
        properties=ArmCollectionProperties(
            sku=ArmSku(name=OLD_PREMIUM if old_names and sku in _PREMIUM else sku.value),
            state=document.state,
            quota=document.quota,
            maintenance=document.maintenance,
        ),
    )


def arm_job(collection: Collection, job: Job) -> ArmJob:
    """Return the envelope of a job: Azure's fields, and those of Leeward's that say anything."""
    document = job_document(job)
    definition = job.definition
    properties = msgspec.structs.replace(
        document,
        name=None,
        collection=None,
        overlap=None if definition.overlap is Overlap.SKIP else document.overlap,
        catch_up=None if definition.catch_up is CatchUp.RUN_ONCE else document.catch_up,
        catch_up_window=None if definition.catch_up_window == _DEFAULT_WINDOW else document.catch_up_window,
        timeout=None if definition.timeout == _DEFAULT_TIMEOUT else document.timeout,
        created_at=None,
        updated_at=None,
    )
    return ArmJob(
        id=job_id(collection, job), type=JOB_TYPE, name=f"{collection.name}/{job.name}", properties=properties
    )


def arm_history(collection: Collection, job: Job, row: HistoryRow) -> ArmHistory:
    """Return the envelope of a history row."""
    key = history_key(row)
    return ArmHistory(
        id=f"{job_id(collection, job)}/history/{key}",
        type=HISTORY_TYPE,
        name=f"{collection.name}/{job.name}/{key}",
        properties=ArmHistoryProperties(
            start_time=Time(row.start_time),
            end_time=Time(row.end_time),
            expected_execution_time=Time(row.scheduled_time),
            action_name=attempt_of(row.action_name),
            status=row.status,
            message=row.message,
            retry_count=row.retry_count,
            repeat_count=row.repeat_count,
        ),
    )


def history_key(row: HistoryRow) -> str:
    """Return the key of a row: newest first by its text, then a number as Azure's (reference §1.9).

    The number follows from what the row says, not from how many there are: those are everybody's.
    """
    ticks = (row.start_time - _YEAR_ONE) // timedelta(microseconds=1) * 10
    what = f"{row.occurrence_id} {row.action_name} {row.attempt} {row.status} {row.scheduled_time}"
    number = int.from_bytes(sha256(what.encode()).digest()[:4])
    return f"{_MAX_TICKS - ticks:020d}:{_FIRST_SEQUENCE + number:020d}"
