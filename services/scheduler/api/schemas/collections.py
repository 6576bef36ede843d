"""Collection documents, both ways."""

from typing import Annotated

import msgspec

from services.scheduler.api.schemas.job_reader import read_tags
from services.scheduler.api.schemas.jobs import FrequencyName
from services.scheduler.api.schemas.maintenance import MaintenanceDocument
from services.scheduler.api.schemas.maintenance_reader import read_maintenance
from services.scheduler.api.schemas.maintenance_writer import maintenance_document
from services.scheduler.api.schemas.values import READ_ONLY, Document, Time, time_or_none
from services.scheduler.domain.collections import Collection, CollectionDefinition, CollectionState, MaxRecurrence, Sku
from services.scheduler.domain.recurrence import Frequency
from services.scheduler.errors import InvalidInputError

MAX_LOCATION = 90


class SkuDocument(Document, frozen=True, kw_only=True):
    """`sku`: the plan by name."""

    name: Sku | None = None


class MaxRecurrenceDocument(Document, frozen=True, kw_only=True):
    """`quota.maxRecurrence`: jobs may run so often at most."""

    frequency: FrequencyName
    interval: int | None = None


class QuotaDocument(Document, frozen=True, kw_only=True):
    """`quota`: limits below the plan's."""

    max_job_count: int | None = None
    max_job_occurrence: int | None = None
    max_recurrence: MaxRecurrenceDocument | None = None


class CollectionDocument(Document, frozen=True, kw_only=True):
    """A job collection; all of it may be absent."""

    name: Annotated[str | None, READ_ONLY] = None
    location: str | None = None
    state: CollectionState | None = None
    sku: SkuDocument | None = None
    quota: QuotaDocument | None = None
    maintenance: MaintenanceDocument | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    created_at: Annotated[Time | None, READ_ONLY] = None
    updated_at: Annotated[Time | None, READ_ONLY] = None


def read_collection(document: CollectionDocument, default_sku: Sku) -> CollectionDefinition:
    """Return what the document defines; raises InvalidInputError naming the field."""
    location = document.location or ""
    if len(location) > MAX_LOCATION:
        raise InvalidInputError("location", f"has {len(location)} characters; at most {MAX_LOCATION} are allowed")
    quota = document.quota or QuotaDocument()
    return CollectionDefinition(
        state=document.state or CollectionState.ENABLED,
        sku=(document.sku.name if document.sku else None) or default_sku,
        location=location,
        tags=read_tags(document.tags),
        max_job_count=quota.max_job_count,
        max_job_occurrence=quota.max_job_occurrence,
        max_recurrence=_max_recurrence(quota.max_recurrence),
        maintenance=read_maintenance(document.maintenance),
    )


def collection_document(collection: Collection) -> CollectionDocument:
    """Return the whole document of a stored collection; an omitted quota stays absent (reference §1.7)."""
    definition = collection.definition
    return CollectionDocument(
        name=collection.name,
        location=definition.location or None,
        state=definition.state,
        sku=SkuDocument(name=definition.sku),
        quota=_quota(definition),
        maintenance=maintenance_document(definition.maintenance),
        tags=definition.tags,
        created_at=time_or_none(collection.created_at),
        updated_at=time_or_none(collection.updated_at),
    )


def _max_recurrence(document: MaxRecurrenceDocument | None) -> MaxRecurrence | None:
    if document is None:
        return None
    interval = 1 if document.interval is None else document.interval
    return MaxRecurrence(frequency=Frequency(document.frequency.value), interval=interval)


def _quota(definition: CollectionDefinition) -> QuotaDocument | None:
    recurrence = definition.max_recurrence
    quota = QuotaDocument(
        max_job_count=definition.max_job_count,
        max_job_occurrence=definition.max_job_occurrence,
        max_recurrence=None
        if recurrence is None
        else MaxRecurrenceDocument(frequency=FrequencyName(recurrence.frequency.value), interval=recurrence.interval),
    )
    return None if quota == QuotaDocument() else quota
