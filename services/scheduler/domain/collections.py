"""Job collections: the unit of quota, naming and on/off."""

from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

CollectionId = NewType("CollectionId", int)


class CaseInsensitive(StrEnum):
    """A choice that callers may write in any case, as Azure's API allowed (reference, azure-scheduler §0.3)."""

    @classmethod
    def _missing_(cls, value: object) -> "CaseInsensitive | None":
        if isinstance(value, str):
            return next((member for member in cls if member.value.lower() == value.lower()), None)
        return None


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


class CollectionDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller decides about a collection."""

    state: CollectionState = CollectionState.ENABLED
    sku: Sku = Sku.UNLIMITED
    location: str = ""
    tags: dict[str, str] = {}
    max_job_count: int | None = None


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A stored collection. `name` keeps the caller's casing; names are compared without regard to case."""

    id: CollectionId
    namespace: Namespace
    name: str
    definition: CollectionDefinition
    created_at: datetime
    updated_at: datetime
