"""The part of the store's port that tells what has run, and how long it took (see `base`)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.decisions import Verdict
from services.scheduler.domain.durations import Durations
from services.scheduler.domain.executions import HistoryRow, HistoryStatus
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.records import Recent


class History(Protocol):
    """Reads history; rows are written by `settle`, `release` and `claim`."""

    async def list_history(
        self,
        job_id: JobId,
        *,
        status: HistoryStatus | None = None,
        verdict: Verdict | None = None,
        top: int,
        skip: int,
    ) -> list[HistoryRow]:
        """Return rows, newest first: of one status or one verdict (`explanations.decision_of`) if asked."""
        ...

    async def count_history(self, job_id: JobId, *, status: HistoryStatus | None = None, at_most: int) -> int:
        """Return how many rows `list_history` has, counting no further than `at_most`."""
        ...

    async def recent_history(self, limit: int, *, within: Sequence[CollectionId] | None = None) -> list[Recent]:
        """Return the latest rows over all jobs, or over those of the collections `within`, newest first."""
        ...

    async def durations(self, limits: Mapping[JobId, timedelta]) -> dict[JobId, Durations]:
        """Return how long the newest attempts of jobs took that say so (`domain.durations.counts`), NEWEST at most.

        `limits` has each job's time limit. A job of which nothing has run, or that is gone, is not in the answer.
        """
        ...
