"""What the scheduler measures in the store from time to time."""

import time

from services.scheduler.domain.executions import OccurrenceState
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from shared.clock import Clock
from shared.logs import get_logger

log = get_logger(__name__)

_PATIENCE = 500
"""A million jobs take a second to count: a five-hundredth of the time is enough for a figure on a graph."""


class Upkeep:
    """A duty for `Chores`; a store that is away is reported and tried again at the next turn."""

    def __init__(self, store: Store, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._counts_again = 0.0

    async def measure(self) -> None:
        """Bring the gauges up to date."""
        now = self._clock.now()
        try:
            gauges = await self._store.gauges(now)
            await self._count_jobs()
        except StoreUnavailableError:
            self._metrics.store_up.set(0)
            return
        self._metrics.store_up.set(1)
        self._metrics.backlog.set(gauges.backlog)
        self._metrics.oldest_due.set(0 if gauges.oldest_due is None else (now - gauges.oldest_due).total_seconds())
        for state in OccurrenceState:
            self._metrics.occurrences.labels(state.value).set(gauges.occurrences.get(state, 0))

    async def _count_jobs(self) -> None:
        """Count all jobs if it is time again: the longer that took, the less often."""
        began = time.monotonic()
        if began < self._counts_again:
            return
        counts = await self._store.job_counts()
        ended = time.monotonic()
        self._counts_again = ended + (ended - began) * _PATIENCE
        for state in JobState:
            self._metrics.jobs.labels(state.value).set(counts.get(state, 0))
