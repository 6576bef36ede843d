"""Job collections: the unit of quota, naming and on/off."""

from datetime import datetime
from typing import NewType

import msgspec

from services.scheduler.domain.choices import CaseInsensitive
from services.scheduler.domain.policies import NO_MAINTENANCE, Maintenance
from services.scheduler.domain.recurrence import Frequency

CollectionId = NewType("CollectionId", int)


class CollectionState(CaseInsensitive):
    """The gate before a collection's jobs: only ENABLED lets them run. PUT, PATCH, enable and disable move it."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    SUSPENDED = "Suspended"


class Sku(CaseInsensitive):
    """The plan: its limits are in `quotas`. UNLIMITED is Leeward's own."""

    FREE = "Free"
    STANDARD = "Standard"
    P10_PREMIUM = "P10Premium"
    P20_PREMIUM = "P20Premium"
    UNLIMITED = "Unlimited"


class Namespace(msgspec.Struct, frozen=True, order=True):
    """Where a collection lives; the same name in another group is another collection."""

    subscription: str
    resource_group: str


class MaxRecurrence(msgspec.Struct, frozen=True, kw_only=True):
    """The fastest recurrence that a collection grants its jobs."""

    frequency: Frequency
    interval: int = 1


class CollectionDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller decides about a collection; the quota (`max_…`) goes below the plan's limits.

    `maintenance` answers what its jobs leave open.
    """

    state: CollectionState = CollectionState.ENABLED
    sku: Sku = Sku.UNLIMITED
    location: str = ""
    tags: dict[str, str] = {}
    max_job_count: int | None = None
    max_job_occurrence: int | None = None
    max_recurrence: MaxRecurrence | None = None
    maintenance: Maintenance = NO_MAINTENANCE


class ResourceGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group as ARM tools make it before they put collections there; a collection needs none."""

    namespace: Namespace
    location: str = ""
    tags: dict[str, str] = {}


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A stored collection. `name` keeps the caller's casing; names are compared without regard to case."""

    id: CollectionId
    namespace: Namespace
    name: str
    definition: CollectionDefinition
    created_at: datetime
    updated_at: datetime
