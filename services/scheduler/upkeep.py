"""The scheduler's periodic duties on the store: rescue, prune, measure."""

from collections.abc import Callable

from services.scheduler.domain.executions import RETENTION_AGE, RETENTION_ROWS, OccurrenceState
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from shared.clock import Clock
from shared.logs import get_logger

log = get_logger(__name__)

PRUNED_JOBS = 20
"""Jobs deleted in one transaction, each with up to a thousand history rows."""
PRUNE_BATCH = 2000
"""Rows deleted in one transaction, so that claims never wait long behind it."""


class Upkeep:
    """Duties for `Chores`; a store that is away is reported and tried again at the next turn."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        *,
        rescued: Callable[[], None],
        may_rescue: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._rescued = rescued
        self._may_rescue = may_rescue

    async def rescue(self) -> None:
        """Take over the claims of replicas whose lease has ended, unless ours has just been in doubt itself."""
        if not self._may_rescue():
            return
        try:
            count = await self._store.rescue(self._clock.now())
        except StoreUnavailableError as fault:
            log.warning("rescue waits for the store", error=str(fault))
            return
        if count:
            self._metrics.rescued.inc(count)
            log.warning("claims of a dead replica taken over", count=count)
            self._rescued()

    async def prune(self) -> None:
        """Delete history beyond its age and number, and jobs that ended long ago, in small transactions."""
        older_than = self._clock.now() - RETENTION_AGE
        try:
            while count := await self._store.prune_jobs(ended_before=older_than, limit=PRUNED_JOBS):
                log.info("ended jobs deleted", count=count, ended_before=older_than.isoformat())
            while count := await self._store.prune(
                rows_per_job=RETENTION_ROWS, older_than=older_than, limit=PRUNE_BATCH
            ):
                self._metrics.pruned.inc(count)
        except StoreUnavailableError as fault:
            log.warning("prune waits for the store", error=str(fault))

    async def measure(self) -> None:
        """Bring the gauges up to date."""
        try:
            gauges = await self._store.gauges(self._clock.now())
        except StoreUnavailableError:
            self._metrics.store_up.set(0)
            return
        self._metrics.store_up.set(1)
        self._metrics.backlog.set(gauges.backlog)
        for occurrence_state in OccurrenceState:
            self._metrics.occurrences.labels(occurrence_state.value).set(gauges.occurrences.get(occurrence_state, 0))
        for job_state in JobState:
            self._metrics.jobs.labels(job_state.value).set(gauges.jobs.get(job_state, 0))
