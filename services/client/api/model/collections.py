"""Job collections."""

from datetime import datetime

import msgspec

from services.client.api.model.base import UNKNOWN, Frequency, Plan, Reply, Word
from services.client.api.model.policies import Maintenance


class CollectionState(Word):
    """The gate before a collection's jobs: only ENABLED lets them run."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    SUSPENDED = "Suspended"
    UNKNOWN = UNKNOWN


class Sku(Reply, frozen=True, kw_only=True):
    """The plan by name."""

    name: Plan | None = None


class MaxRecurrence(Reply, frozen=True, kw_only=True):
    """Jobs may run so often at most."""

    frequency: Frequency
    interval: int | None = None


class Quota(Reply, frozen=True, kw_only=True):
    """Limits below the plan's."""

    max_job_count: int | None = None
    max_job_occurrence: int | None = None
    max_recurrence: MaxRecurrence | None = None


class Collection(Reply, frozen=True, kw_only=True):
    """A job collection."""

    name: str = ""
    location: str | None = None
    state: CollectionState | None = None
    sku: Sku | None = None
    quota: Quota | None = None
    maintenance: Maintenance | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None
