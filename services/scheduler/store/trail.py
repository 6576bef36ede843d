"""From changes to the entries of the audit log: pure, the same for every store.

Each function returns what is to be written, which is nothing when nothing changed, or when no caller asked for it.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import Collection, CollectionDefinition, ResourceGroup
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secret_fields import HeldSecret, secrets_of, with_secrets
from services.scheduler.domain.secrets import KeyId, SealedSecret, Secret
from services.scheduler.store.audit import (
    Actor,
    AuditEntry,
    Change,
    CollectionImage,
    CordonImage,
    GroupImage,
    JobImage,
    RehearsalImage,
    RunImage,
    Subject,
)
from services.scheduler.store.records import Cordon, Rehearsal

_EMPTY = SealedSecret(key=KeyId(""), box="")


def of_collection(collection: Collection) -> Subject:
    """Return a collection as a subject."""
    return Subject(namespace=collection.namespace, collection=collection.name)


def job_written(
    change: Change | None, collection: Collection, before: Job | None, after: Job, *, restarted: bool
) -> list[AuditEntry]:
    """Tell of a job that was created, changed, or started anew (`restarted`), which resets what was counted."""
    if change is None or (before is not None and not restarted and _image(before) == _image(after)):
        return []
    had, given = _secrets(before), _secrets(after)
    entry = AuditEntry(
        actor=change.actor,
        act=Act.JOB_CREATED if before is None else change.act,
        subject=replace(of_collection(collection), job=after.name),
        before=None if before is None else _kept(before, had),
        after=_kept(after, given),
        secrets=tuple(field for field in sorted(had | given) if had.get(field) != given.get(field)),
    )
    return [entry]


def jobs_deleted(actor: Actor | None, subject: Subject, jobs: Iterable[Job]) -> list[AuditEntry]:
    """Tell of jobs that were deleted from the collection that `subject` names."""
    if actor is None:
        return []
    return [
        AuditEntry(
            actor=actor,
            act=Act.JOB_DELETED,
            subject=replace(subject, job=job.name),
            before=_kept(job, _secrets(job)),
        )
        for job in jobs
    ]


def job_run(actor: Actor | None, subject: Subject, occurrence_id: OccurrenceId) -> list[AuditEntry]:
    """Tell of a run that was asked for."""
    if actor is None:
        return []
    return [AuditEntry(actor=actor, act=Act.JOB_RUN, subject=subject, after=RunImage(occurrence_id=occurrence_id))]


def collection_written(
    change: Change | None, collection: Collection, before: CollectionDefinition | None
) -> list[AuditEntry]:
    """Tell of a collection that was created or changed."""
    if change is None or before == collection.definition:
        return []
    entry = AuditEntry(
        actor=change.actor,
        act=Act.COLLECTION_CREATED if before is None else change.act,
        subject=of_collection(collection),
        before=None if before is None else CollectionImage(definition=before),
        after=CollectionImage(definition=collection.definition),
    )
    return [entry]


def collections_deleted(actor: Actor | None, collections: Iterable[Collection]) -> list[AuditEntry]:
    """Tell of collections that were deleted; their jobs have entries of their own."""
    if actor is None:
        return []
    return [
        AuditEntry(
            actor=actor,
            act=Act.COLLECTION_DELETED,
            subject=of_collection(collection),
            before=CollectionImage(definition=collection.definition),
        )
        for collection in collections
    ]


def group_written(actor: Actor | None, group: ResourceGroup, before: ResourceGroup | None) -> list[AuditEntry]:
    """Tell of a resource group that was created or changed."""
    was, is_now = None if before is None else _group(before), _group(group)
    if actor is None or was == is_now:
        return []
    act = Act.GROUP_CREATED if before is None else Act.GROUP_REPLACED
    return [AuditEntry(actor=actor, act=act, subject=Subject(namespace=group.namespace), before=was, after=is_now)]


def group_deleted(actor: Actor | None, group: ResourceGroup) -> list[AuditEntry]:
    """Tell of a resource group that was deleted; its collections have entries of their own."""
    if actor is None:
        return []
    subject = Subject(namespace=group.namespace)
    return [AuditEntry(actor=actor, act=Act.GROUP_DELETED, subject=subject, before=_group(group))]


def host_cordoned(actor: Actor | None, cordon: Cordon, before: Cordon | None) -> list[AuditEntry]:
    """Tell of a host that was cordoned by hand."""
    if actor is None:
        return []
    was, subject = None if before is None else _cordon(before), Subject(host=cordon.host)
    return [AuditEntry(actor=actor, act=Act.HOST_CORDONED, subject=subject, before=was, after=_cordon(cordon))]


def host_released(actor: Actor | None, cordon: Cordon) -> list[AuditEntry]:
    """Tell of a cordon that was lifted by hand."""
    if actor is None:
        return []
    return [AuditEntry(actor=actor, act=Act.HOST_RELEASED, subject=Subject(host=cordon.host), before=_cordon(cordon))]


def rehearsal_announced(actor: Actor | None, rehearsal: Rehearsal) -> list[AuditEntry]:
    """Tell of a rehearsal: an entry for each of its hosts, as each is cordoned by it."""
    return _rehearsed(actor, Act.REHEARSAL_ANNOUNCED, None, rehearsal)


def rehearsal_cancelled(actor: Actor | None, before: Rehearsal, after: Rehearsal) -> list[AuditEntry]:
    """Tell of a rehearsal that was called off, for each of its hosts."""
    return _rehearsed(actor, Act.REHEARSAL_CANCELLED, before, after)


def _rehearsed(actor: Actor | None, act: Act, before: Rehearsal | None, after: Rehearsal) -> list[AuditEntry]:
    if actor is None:
        return []
    was, now = None if before is None else _rehearsal(before), _rehearsal(after)
    return [
        AuditEntry(actor=actor, act=act, subject=Subject(host=host), before=was, after=now)
        for host in after.event.hosts
    ]


def _rehearsal(rehearsal: Rehearsal) -> RehearsalImage:
    event = rehearsal.event
    return RehearsalImage(
        event_id=event.event_id,
        event_type=event.type,
        hosts=event.resources,
        not_before=event.not_before,
        duration_seconds=event.duration_seconds,
        description=event.description,
        by=rehearsal.by,
        cancelled_at=rehearsal.cancelled_at,
    )


def _image(job: Job) -> JobImage:
    return JobImage(state=job.state, definition=job.definition)


def _kept(job: Job, secrets: dict[str, Secret]) -> JobImage:
    """Return a job without the boxes of its secrets: here those would outlive their keys."""
    definition = job.definition
    if secrets:
        definition = replace(definition, action=with_secrets(definition.action, _emptied))
    return JobImage(state=job.state, definition=definition)


def _emptied(held: HeldSecret) -> Secret:
    return _EMPTY if isinstance(held.secret, SealedSecret) else held.secret


def _secrets(job: Job | None) -> dict[str, Secret]:
    return {} if job is None else {held.field: held.secret for held in secrets_of(job.definition.action)}


def _group(group: ResourceGroup) -> GroupImage:
    return GroupImage(location=group.location, tags=group.tags)


def _cordon(cordon: Cordon) -> CordonImage:
    return CordonImage(reason=cordon.reason, by=cordon.by, since=cordon.since, until=cordon.until)
