"""Entries of the audit log as documents: before and after in the form in which replies show things, never a secret."""

from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from services.scheduler.api.schemas.collections import CollectionDocument, collection_document
from services.scheduler.api.schemas.job_writer import job_document
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.values import Document, Time, time_or_none, to_builtins
from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import Collection, CollectionId, Namespace
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.store.audit import (
    AuditEntry,
    CollectionImage,
    CordonImage,
    GroupImage,
    Image,
    JobImage,
    RehearsalImage,
    RunImage,
)
from shared.clock import EPOCH

_IMAGE = msgspec.Meta(
    description="what was changed, as its own route shows it: a job, a collection, a resource group, a cordon, a "
    "rehearsal, or the occurrence of a run; without names, counters, and secrets"
)


class CordonImageDocument(Document, frozen=True, kw_only=True):
    """A cordon by hand: why, whose and since when it is, and when it ends by itself."""

    reason: str
    by: str
    since: Time
    until: Time | None = None


class GroupImageDocument(Document, frozen=True, kw_only=True):
    """A resource group."""

    location: str | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class RehearsalImageDocument(Document, frozen=True, kw_only=True):
    """A rehearsal: the event that was announced, by whom, and when it was called off, if it was."""

    event_id: str
    type: str
    hosts: list[str]
    not_before: Time | None = None
    duration_seconds: int | None = None
    description: str = ""
    by: str
    cancelled_at: Time | None = None


class RunImageDocument(Document, frozen=True, kw_only=True):
    """A run that was asked for."""

    occurrence_id: str


class AuditDocument(Document, frozen=True, kw_only=True):
    """One change: who made it, when, by which request, from where, and how it stood before and after.

    `before` is absent for what is new, `after` for what is gone. `secrets` names the fields of secrets that were given,
    given anew or taken away.
    """

    id: int | None = None
    at: Time
    caller: str
    request_id: str
    address: str | None = None
    action: Act
    subscription: str | None = None
    resource_group: str | None = None
    collection: str | None = None
    job: str | None = None
    host: str | None = None
    before: Annotated[dict[str, Any] | None, _IMAGE] = None
    after: Annotated[dict[str, Any] | None, _IMAGE] = None
    secrets: list[str] = msgspec.field(default_factory=list)


def audit_document(entry: AuditEntry) -> AuditDocument:
    """Return the document of an entry."""
    actor, subject = entry.actor, entry.subject
    return AuditDocument(
        id=entry.id,
        at=Time(actor.at),
        caller=actor.caller,
        request_id=actor.request_id,
        address=actor.address,
        action=entry.act,
        subscription=None if subject.namespace is None else subject.namespace.subscription,
        resource_group=None if subject.namespace is None else subject.namespace.resource_group,
        collection=subject.collection,
        job=subject.job,
        host=subject.host,
        before=None if entry.before is None else to_builtins(_document(entry.before)),
        after=None if entry.after is None else to_builtins(_document(entry.after)),
        secrets=list(entry.secrets),
    )


def _document(image: Image) -> Document:
    match image:
        case JobImage():
            return _job(image)
        case CollectionImage():
            return _collection(image)
        case GroupImage():
            return GroupImageDocument(location=image.location, tags=image.tags)
        case CordonImage():
            since, until = Time(image.since), time_or_none(image.until)
            return CordonImageDocument(reason=image.reason, by=image.by, since=since, until=until)
        case RehearsalImage():
            return _rehearsal(image)
        case RunImage():
            return RunImageDocument(occurrence_id=image.occurrence_id)


def _rehearsal(image: RehearsalImage) -> RehearsalImageDocument:
    return RehearsalImageDocument(
        event_id=image.event_id,
        type=image.event_type,
        hosts=list(image.hosts),
        not_before=time_or_none(image.not_before),
        duration_seconds=image.duration_seconds,
        description=image.description,
        by=image.by,
        cancelled_at=time_or_none(image.cancelled_at),
    )


def _job(image: JobImage) -> JobDocument:
    """Return what a caller would write to have the job as it was, but for its secrets."""
    job = Job(
        id=JobId(0),
        uid="",
        collection_id=CollectionId(0),
        collection="",
        name="",
        definition=image.definition,
        state=image.state,
        anchor=EPOCH,
        next_due=None,
        created_at=EPOCH,
        updated_at=EPOCH,
    )
    return replace(job_document(job), name=None, collection=None, status=None, created_at=None, updated_at=None)


def _collection(image: CollectionImage) -> CollectionDocument:
    collection = Collection(
        id=CollectionId(0),
        namespace=Namespace("", ""),
        name="",
        definition=image.definition,
        created_at=EPOCH,
        updated_at=EPOCH,
    )
    return replace(collection_document(collection), name=None, created_at=None, updated_at=None)
