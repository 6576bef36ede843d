"""What the API needs from the rest of the scheduler; `app` hands it over."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from services.scheduler.access.access import Access
from services.scheduler.api.turns import Turns
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.hosts import FleetView, HostReport
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.domain.limits import Limits
from services.scheduler.domain.policies import Maintenance, Policies
from services.scheduler.domain.rehearsals import RehearsalPlan
from services.scheduler.domain.secrets import SecretKeeper
from services.scheduler.feed import Feed
from services.scheduler.store.audit import Actor
from services.scheduler.store.base import Store
from services.scheduler.store.records import EventRecord, Withheld
from services.scheduler.vault.pfx_files import PfxFiles
from shared.clock import Clock
from shared.topics import Topics


class Hosts(Protocol):
    """The fleet as callers may see and steer it."""

    @property
    def views(self) -> FleetView:
        """Every known host as decisions see it, with what threatens it now."""
        ...

    def reports(self) -> list[HostReport]:
        """Return every known host by name."""
        ...

    def report(self, host: str) -> HostReport:
        """Return one host (case-insensitive resource name). Raises NotFoundError."""
        ...

    async def cordon(self, host: str, *, reason: str, until: datetime | None, by: Actor) -> HostReport:
        """Keep jobs off a host by hand. Raises NotFoundError."""
        ...

    async def release(self, host: str, *, by: Actor) -> HostReport:
        """Lift the cordon by hand; an event's cordon stays. Raises NotFoundError."""
        ...

    async def rehearse(self, plan: RehearsalPlan, event_id: str, *, by: Actor) -> EventRecord:
        """Announce a rehearsal. Raises NotFoundError for a host that is not known, ConflictError for one too many."""
        ...

    async def cancel_rehearsal(self, event_id: str, *, by: Actor) -> EventRecord:
        """Call a rehearsal off. Raises NotFoundError, and ConflictError when it is over."""
        ...


class Engine(Protocol):
    """The dispatch engine's side doors."""

    def wake(self) -> None:
        """Look for due work now: something was written that may be due at once."""
        ...

    def forget(self, job_ids: list[JobId]) -> None:
        """Drop claims of these jobs that have not fired: they were deleted."""
        ...

    def withheld(self, job_ids: Iterable[JobId]) -> AbstractContextManager[Withheld]:
        """Give the occurrences of jobs that were claimed here and have not fired, and will not while this lasts."""
        ...

    def forget_collection(self, collection_id: CollectionId) -> None:
        """Drop claims of a collection that have not fired: it was deleted, or its gate was moved."""
        ...


class Rules(Protocol):
    """What applies to a job now."""

    def policies(self, job: Job) -> Policies:
        """Return the policies about maintenance that apply to a job."""
        ...

    async def expected(self, job: Job) -> timedelta | None:
        """Return how long an execution takes, 99 times in 100; None when too little is known.

        Raises StoreUnavailableError.
        """
        ...


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a handler may use; `policy_written` is told what a collection decides now about maintenance."""

    store: Store
    clock: Clock
    hosts: Hosts
    engine: Engine
    rules: Rules
    policy_written: Callable[[CollectionId, Maintenance], None]
    feed: Feed
    subscription: str
    resource_group: str
    limits: Limits
    access: Access
    caller_rate: int
    burst_reads: int
    burst_writes: int
    new_id: Callable[[], str]
    secrets: SecretKeeper
    topics: Topics
    turns: Turns = msgspec.field(default_factory=Turns)
    certificates: PfxFiles = msgspec.field(default_factory=PfxFiles)
    speaks_amqp: bool = True
