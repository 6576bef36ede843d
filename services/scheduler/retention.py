"""What is kept no longer: history and audit log beyond their age, what ended long ago, what deletions left behind."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from services.scheduler.domain.executions import RETENTION_AGE, RETENTION_ROWS
from services.scheduler.domain.jobs import JobId
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.progress import RUN_MEMORY
from shared.clock import Clock
from shared.logs import get_logger

log = get_logger(__name__)

TRIM_CHANCE = 0.01
"""A job is trimmed about once per hundred rows written for it, so it has about a hundred above the promised number at
most: nothing is scanned, nothing need survive a crash, and replicas need not agree."""
CANDIDATES = 10_000
"""Jobs that may wait to be trimmed; one that finds no place has its next chance with its next rows."""
TRIMMED_JOBS = 20
"""Jobs trimmed in one transaction, of about a hundred rows each."""
BATCH = 2000
"""Rows deleted in one transaction, so that claims never wait long behind it."""
BATCH_JOBS = 500


class Retention:
    """Duties for `Chores`; a store that is away is reported and tried again at the next turn."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        *,
        dice: Callable[[], float],
        audit_age: timedelta | None = None,
    ) -> None:
        """`dice` gives a number from 0 to below 1, each equally likely; entries older than `audit_age` go, if set."""
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._dice = dice
        self._audit_age = audit_age
        self._candidates: set[JobId] = set()

    def wrote(self, job_ids: Iterable[JobId]) -> None:
        """Take note of history rows that were written, by the job of each."""
        drawn = [job_id for job_id in job_ids if self._dice() < TRIM_CHANCE]
        if len(self._candidates) < CANDIDATES:
            self._candidates.update(drawn)

    async def trim(self) -> None:
        """Cut the history of the jobs that were drawn back to its number."""
        waiting, self._candidates = list(self._candidates), set()
        for start in range(0, len(waiting), TRIMMED_JOBS):
            some = waiting[start : start + TRIMMED_JOBS]
            try:
                self._metrics.pruned.inc(await _politely(self._store.trim_history(some, keep=RETENTION_ROWS)))
            except StoreUnavailableError as fault:
                log.warning("trim waits for the store", error=str(fault))
                return

    async def prune(self) -> None:
        """Delete, a part at a time, what is too old, and what deletions have left behind."""
        now = self._clock.now()
        try:
            await self._prune(now, now - RETENTION_AGE)
        except StoreUnavailableError as fault:
            log.warning("prune waits for the store", error=str(fault))

    async def _prune(self, now: datetime, oldest: datetime) -> None:
        store = self._store
        self._metrics.pruned.inc(await _all(lambda: store.sweep(limit=BATCH)))
        if count := await _all(lambda: store.prune_jobs(ended_before=oldest, limit=BATCH_JOBS)):
            log.info("ended jobs deleted", count=count, ended_before=oldest.isoformat())
        self._metrics.pruned.inc(await _all(lambda: store.prune(older_than=oldest, limit=BATCH)))
        await _all(lambda: store.prune_events(ended_before=oldest, limit=BATCH))
        await _all(lambda: store.prune_runs(asked_before=now - RUN_MEMORY, limit=BATCH))
        if self._audit_age is not None:
            first_kept = now - self._audit_age
            if count := await _all(lambda: store.prune_audit(older_than=first_kept, limit=BATCH)):
                log.info("old audit entries deleted", count=count, older_than=first_kept.isoformat())


async def _all(part: Callable[[], Awaitable[int]]) -> int:
    """Repeat a part until there is nothing left; return how many it were in all."""
    total = 0
    while count := await _politely(part()):
        total += count
    return total


async def _politely(part: Awaitable[int]) -> int:
    """Await a part, then wait as long again: at least half of the time the store is everybody else's."""
    began = time.monotonic()
    count = await part
    if count:
        await asyncio.sleep(time.monotonic() - began)
    return count
