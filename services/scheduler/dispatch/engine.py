"""The claims loop: writes outcomes, claims what is due within the look-ahead, feeds the timer."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.outcomes import Outcomes
from services.scheduler.dispatch.planner import LOOK_AHEAD, plan
from services.scheduler.dispatch.runner import Runner
from services.scheduler.dispatch.timer import Timer
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.errors import LeaseLostError, StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Plan, Store
from shared.clock import Clock
from shared.logs import get_logger
from shared.retry import Backoff

log = get_logger(__name__)

TICK_SECONDS = 0.25
BATCH = 500
"""Occurrences per claim and outcomes per write (DESIGN §4: 500-1,000 per statement)."""


class Engine:
    """One replica's dispatch: `run` it; `wake` it when something may be due at once."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lease: Lease,
        runner: Runner,
        outcomes: Outcomes,
        metrics: Metrics,
        *,
        capacity: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lease = lease
        self._runner = runner
        self._outcomes = outcomes
        self._metrics = metrics
        self._capacity = capacity
        self._timer = Timer(clock, runner.submit)
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for due work now."""
        self._woken.set()

    def forget(self, job_ids: list[JobId]) -> None:
        """Drop claims of these jobs that have not fired: they were deleted or replaced."""
        self._timer.drop_jobs(frozenset(job_ids))

    async def run(self) -> None:
        """Claim and record until cancelled. A store that is away, or a lost lease, is got over by itself."""
        backoff = Backoff(first=0.1, limit=5.0)
        while True:
            try:
                busy = await self._cycle()
                backoff.reset()
                self._metrics.store_up.set(1)
            except StoreUnavailableError as fault:
                self._metrics.store_up.set(0)
                log.warning("store unavailable, waiting", error=str(fault))
                await asyncio.sleep(backoff.next())
                continue
            except LeaseLostError as fault:
                await self._start_over(fault)
                continue
            if not busy:
                await self._pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):
                await self._woken.wait()
        self._woken.clear()

    async def _cycle(self) -> bool:
        """Write outcomes, claim, feed the timer; True when there is more to do at once."""
        await self.record()
        if not self._lease.is_proven:
            await self._lease.prove()
        room = min(BATCH, self._capacity - len(self._timer) - self._runner.waiting)
        if room <= 0:
            return False
        now = self._clock.now()
        claims = await self._store.claim(
            self._lease.owner, now=now, horizon=now + LOOK_AHEAD, limit=room, plan=self._plan
        )
        if claims:
            self._metrics.claim_batch.observe(len(claims))
            self._timer.add(claims)
        return len(claims) >= room

    def _plan(self, job: Job) -> Plan:
        now = self._clock.now()
        planned = plan(job, now=now, horizon=now + LOOK_AHEAD)
        missed = sum(row.status is HistoryStatus.MISSED for row in planned.missed)
        if missed:
            self._metrics.executions.labels("missed").inc(missed)
            self._runner.announcer.missed(job, planned.missed[-1], missed)
        return planned

    async def record(self) -> None:
        """Write every outcome that waits. Raises StoreUnavailableError with all of them kept."""
        while batch := self._outcomes.take(BATCH):
            try:
                refused = await self._store.settle(self._lease.owner, batch)
            except (StoreUnavailableError, LeaseLostError):
                self._outcomes.give_back(batch)
                raise
            if refused:
                self._metrics.refused_outcomes.inc(len(refused))
                log.info("outcomes refused: the claims are no longer ours", count=len(refused))

    async def _start_over(self, fault: LeaseLostError) -> None:
        """Drop every claim that has not fired and begin a new life; the old one's outcomes would be refused."""
        dropped = self._timer.drop(lambda _: True)
        dropped += self._runner.drop_waiting()
        lost = len(self._outcomes.take(len(self._outcomes)))
        log.warning("lease lost, starting over", error=str(fault), unfired=len(dropped), unrecorded=lost)
        self._metrics.refused_outcomes.inc(lost)
        try:
            await self._lease.begin()
        except StoreUnavailableError as unavailable:
            log.warning("store unavailable, waiting", error=str(unavailable))
            await asyncio.sleep(1.0)

    async def close(self, grace: timedelta) -> None:
        """Stop firing, let what runs finish within `grace`, record it, and give back what never fired."""
        self._timer.close()
        await self._runner.drain(grace)
        try:
            await self.record()
            await self._lease.end()
        except (StoreUnavailableError, LeaseLostError) as fault:
            log.warning("claims are left to their lease", error=str(fault), outcomes=len(self._outcomes))
