"""Collection documents, both ways."""

from typing import Annotated

import msgspec

from services.scheduler.api.schemas.job_reader import read_tags
from services.scheduler.api.schemas.values import READ_ONLY, Document, Later, Time, time_or_none
from services.scheduler.domain.collections import Collection, CollectionDefinition, CollectionState, Sku
from services.scheduler.domain.quotas import check_job_count
from services.scheduler.errors import InvalidInputError

MAX_LOCATION = 90


class SkuDocument(Document, frozen=True, kw_only=True):
    """`sku`: the plan by name."""

    name: Sku | None = None


class QuotaDocument(Document, frozen=True, kw_only=True):
    """`quota`: limits below the plan's."""

    LATER = (
        Later(field="maxRecurrence", instead="the plan decides how often jobs may run"),
        Later(field="maxJobOccurrence", instead="give each job a recurrence.count"),
    )

    max_job_count: int | None = None


class CollectionDocument(Document, frozen=True, kw_only=True):
    """A job collection; all of it may be absent."""

    name: Annotated[str | None, READ_ONLY] = None
    location: str | None = None
    state: CollectionState | None = None
    sku: SkuDocument | None = None
    quota: QuotaDocument | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    created_at: Annotated[Time | None, READ_ONLY] = None
    updated_at: Annotated[Time | None, READ_ONLY] = None


def read_collection(document: CollectionDocument, default_sku: Sku) -> CollectionDefinition:
    """Return what the document defines; raises InvalidInputError naming the field, ConflictError beyond the plan."""
    location = document.location or ""
    if len(location) > MAX_LOCATION:
        raise InvalidInputError("location", f"has {len(location)} characters; at most {MAX_LOCATION} are allowed")
    sku = (document.sku.name if document.sku else None) or default_sku
    max_job_count = document.quota.max_job_count if document.quota else None
    if max_job_count is not None:
        check_job_count(sku, max_job_count)
    return CollectionDefinition(
        state=document.state or CollectionState.ENABLED,
        sku=sku,
        location=location,
        tags=read_tags(document.tags),
        max_job_count=max_job_count,
    )


def collection_document(collection: Collection) -> CollectionDocument:
    """Return the whole document of a stored collection; an omitted quota stays absent (reference §1.7)."""
    definition = collection.definition
    limit = definition.max_job_count
    return CollectionDocument(
        name=collection.name,
        location=definition.location or None,
        state=definition.state,
        sku=SkuDocument(name=definition.sku),
        quota=None if limit is None else QuotaDocument(max_job_count=limit),
        tags=definition.tags,
        created_at=time_or_none(collection.created_at),
        updated_at=time_or_none(collection.updated_at),
    )
