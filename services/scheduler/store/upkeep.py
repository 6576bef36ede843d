"""The part of the store's port that keeps it small, and counts what is in it (see `base`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.scheduler.domain.jobs import JobId
from services.scheduler.store.records import Gauges


class Upkeep(Protocol):
    """What is done from time to time.

    Each verb that deletes does a part and is called again until it returns 0; replicas may all do it at once.
    """

    async def trim_history(self, job_ids: Sequence[JobId], *, keep: int) -> int:
        """Delete what is beyond the newest `keep` rows of each of these jobs; return how many rows."""
        ...

    async def prune(self, *, older_than: datetime, limit: int) -> int:
        """Delete up to `limit` history rows that ended before `older_than`, the oldest first; return how many."""
        ...

    async def prune_jobs(self, *, ended_before: datetime, limit: int) -> int:
        """Delete up to `limit` completed and faulted jobs, with their history, that neither ran nor were written
        since `ended_before` and have no run to come; return how many.
        """
        ...

    async def prune_events(self, *, ended_before: datetime, limit: int) -> int:
        """Delete up to `limit` events that ended before, with their approvals and drain reports; return how many."""
        ...

    async def prune_audit(self, *, older_than: datetime, limit: int) -> int:
        """Delete up to `limit` entries of the audit log from before `older_than`, the oldest first; return how many."""
        ...

    async def prune_runs(self, *, asked_before: datetime, limit: int) -> int:
        """Forget up to `limit` requests for runs, which nobody repeats any more; return how many."""
        ...

    async def sweep(self, *, limit: int) -> int:
        """Delete up to about `limit` rows of what deletions have left behind; return how many.

        The history of deleted jobs, which nobody can read any more, and the jobs of a collection whose deletion was cut
        short.
        """
        ...

    async def gauges(self, now: datetime) -> Gauges:
        """Return the counts that metrics show; the work is bounded however much is stored."""
        ...

    async def job_counts(self) -> dict[str, int]:
        """Return how many jobs are in each state. Every job is looked at: ask seldom."""
        ...
