"""What callers do, as the audit log, its metric and its filter name it."""

from enum import StrEnum


class Act(StrEnum):
    """What a caller did; what is new is always `created`, whatever the request was."""

    JOB_CREATED = "job.created"
    JOB_REPLACED = "job.replaced"
    JOB_PATCHED = "job.patched"
    JOB_ENABLED = "job.enabled"
    JOB_DISABLED = "job.disabled"
    JOB_RUN = "job.run"
    JOB_DELETED = "job.deleted"
    COLLECTION_CREATED = "collection.created"
    COLLECTION_REPLACED = "collection.replaced"
    COLLECTION_PATCHED = "collection.patched"
    COLLECTION_ENABLED = "collection.enabled"
    COLLECTION_DISABLED = "collection.disabled"
    COLLECTION_DELETED = "collection.deleted"
    GROUP_CREATED = "group.created"
    GROUP_REPLACED = "group.replaced"
    GROUP_DELETED = "group.deleted"
    HOST_CORDONED = "host.cordoned"
    HOST_RELEASED = "host.released"
    REHEARSAL_ANNOUNCED = "rehearsal.announced"
    REHEARSAL_CANCELLED = "rehearsal.cancelled"
