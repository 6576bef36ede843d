"""The part of the store's port with which people look around: jobs found by what they are, and what happened when."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from services.scheduler.domain.collections import Collection, CollectionId
from services.scheduler.domain.decisions import DecisionRecord
from services.scheduler.domain.executions import HistoryStatus, Occurrence
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.store.records import Recent


class Ran(StrEnum):
    """How a job stands by what ran last. HELD: an occurrence of it waits now; NEVER: it has not run yet."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HELD = "held"
    NEVER = "never"


class JobSort(StrEnum):
    """What jobs are sorted by; those without a value come last, equal ones by collection and name."""

    NAME = "name"
    NEXT_DUE = "next"
    LAST_RUN = "last"
    FAULTED = "failures"


class JobQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs, of which collections (`within`; None: of all, in all of a `subscription`), and in which order.

    `words` are parts of `collection/name`, in any case; all of them must be found. `state` is compared as readers see
    it: behind a closed gate an enabled job counts as disabled. `pool` and `tags` are compared exactly.
    """

    within: Sequence[CollectionId] | None = None
    subscription: str | None = None
    words: tuple[str, ...] = ()
    state: JobState | None = None
    pool: str | None = None
    tags: Mapping[str, str] = {}
    ran: Ran | None = None
    sort: JobSort = JobSort.NAME
    descending: bool = False


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What a time line shows of one history row: when it ended, where, how, and what was decided about it."""

    job_id: JobId
    at: datetime
    host: str | None
    status: HistoryStatus
    decision: DecisionRecord | None


class Search(Protocol):
    """Reads only. Answers stay within 100 ms with a hundred thousand jobs (`make bench`), whatever is asked."""

    async def search_jobs(self, query: JobQuery, *, top: int, skip: int) -> list[Job]:
        """Return the jobs found, a page of them, in the order asked for."""
        ...

    async def count_found(self, query: JobQuery, *, at_most: int) -> int:
        """Return how many jobs a query finds, counting no further than `at_most`."""
        ...

    async def count_states(self, collection_id: CollectionId) -> dict[JobState, int]:
        """Return how many jobs of a collection are in each state, as readers see it; states without a job are left out.

        All are counted, for a page about this one collection.
        """
        ...

    async def find_collections(self, ids: Sequence[CollectionId]) -> list[Collection]:
        """Return those of the collections that exist, in no particular order."""
        ...

    async def held_now(self, ids: Sequence[JobId], *, limit: int) -> list[Occurrence]:
        """Return the occurrences of jobs that are held now, those due first first."""
        ...

    async def upcoming(
        self, after: datetime, until: datetime, *, limit: int, within: Sequence[CollectionId] | None = None
    ) -> list[Job]:
        """Return jobs that are due after one instant and up to another, those due first first; disabled ones never."""
        ...

    async def marks(self, since: datetime, *, limit: int, within: Sequence[CollectionId] | None = None) -> list[Mark]:
        """Return what happened since an instant, the newest first; no more than the newest `limit`."""
        ...

    async def touched(self, event_id: str, *, limit: int, within: Sequence[CollectionId] | None = None) -> list[Recent]:
        """Return the rows that were decided as they were because of an event (id as recorded), the newest first."""
        ...
