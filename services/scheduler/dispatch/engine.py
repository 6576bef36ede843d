"""The claims loop: writes outcomes, claims what is due within the look-ahead, feeds the timer."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from services.scheduler.dispatch.assurance import Assurance
from services.scheduler.dispatch.claims import Claims
from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.outcomes import Outcomes, of_deferral
from services.scheduler.dispatch.planning import Planning
from services.scheduler.dispatch.recording import Recording
from services.scheduler.dispatch.runner import Runner
from services.scheduler.dispatch.timer import Timer
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.errors import LeaseLostError, StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Claim,
    Withheld,
)
from shared.clock import Clock
from shared.logs import get_logger
from shared.retry import Backoff

log = get_logger(__name__)

TICK_SECONDS = 0.25
CLOSING_SECONDS = 0.1
IDLE_SECONDS = 0.5
"""The tick of a replica that has nothing in hand: half the look-ahead is early enough for what comes."""
QUEUE_LOOK_SECONDS = 1.0
BATCH = 500
"""Occurrences per claim and outcomes per write (DESIGN §4: 500-1,000 per statement)."""
WORTHWHILE = 100
"""Room for fewer than this is filled once a tick only: a claim costs as much as the calls of dozens of occurrences."""


class Engine:
    """One replica's dispatch: `run` it; `wake` it when something may be due at once."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lease: Lease,
        assurance: Assurance,
        claims: Claims,
        runner: Runner,
        outcomes: Outcomes,
        metrics: Metrics,
        *,
        capacity: int,
        wrote: Callable[[Iterable[JobId]], None] = lambda _: None,
        taken: Callable[[list[Claim]], None] = lambda _: None,
    ) -> None:
        """`wrote` is told the job of each history row that was written, `taken` what will be decided on soon."""
        self._store = store
        self._clock = clock
        self._lease = lease
        self._assurance = assurance
        assurance.wanted = self.wake
        self._claims = claims
        self._runner = runner
        self._outcomes = outcomes
        metrics.outcomes_waiting.set_function(outcomes.__len__)
        self._metrics = metrics
        self._capacity = capacity
        self._taken = taken
        self._recording = Recording(store, lease, claims, outcomes, metrics, batch=BATCH, wrote=wrote)
        self._timer = Timer(clock, runner.submit)
        self._woken = asyncio.Event()
        self._in_doubt = False
        self._looked_at = 0.0
        self._gone: list[Callable[[Claim], bool]] = []
        self._withheld: Counter[JobId] = Counter()

    def wake(self) -> None:
        """Look for due work now."""
        self._woken.set()

    def forget(self, job_ids: list[JobId]) -> None:
        """Drop claims of these jobs that have not started: they were deleted, or changed by somebody else."""
        if job_ids:
            gone = frozenset(job_ids)
            self._let_go(lambda claim: claim.job.id in gone)

    @contextmanager
    def withheld(self, job_ids: Iterable[JobId]) -> Iterator[Withheld]:
        """Give the occurrences of jobs that were claimed here and have not started, and will not while this lasts.

        So a write of the jobs may drop them; what it leaves is taken up again afterwards, with its job as it is then.
        """
        jobs = frozenset(job_ids)
        self._withheld.update(jobs)
        dropped = self._claims.let_go(lambda claim: claim.job.id in jobs)
        if dropped:
            self._clean()
        try:
            yield _by_job(jobs, dropped)
        finally:
            self._withheld -= Counter(jobs)
            self._gone.append(lambda claim: claim.job.id in jobs)
            self._in_doubt = self._in_doubt or bool(dropped)
            self.wake()

    def forget_collection(self, collection_id: CollectionId) -> None:
        """Drop claims of a collection that have not started: it was deleted, or its gate was moved."""
        self._let_go(lambda claim: claim.job.collection_id == collection_id)

    def look_again(self) -> None:
        """Ask the store what we have before anything more is claimed: what others changed may not have been heard."""
        self._gone.append(lambda _: False)  # for a claim that is under way: its answer does not settle this
        self._in_doubt = True
        self.wake()

    def _let_go(self, condition: Callable[[Claim], bool]) -> None:
        """Drop claims; what the store has not dropped (a retry, one that is due) is taken up again with its new job."""
        self._gone.append(condition)
        if self._claims.let_go(condition):
            self._clean()
            self._in_doubt = True
            self.wake()

    def _clean(self) -> None:
        self._timer.keep(self._claims.stands)
        self._runner.forget()

    async def run(self) -> None:
        """Claim and record until cancelled. Whatever fails is tried again: jobs of others may still be fine."""
        backoff = Backoff(first=0.1, limit=1.0)
        while True:
            try:
                busy = await self._cycle()
            except StoreUnavailableError as fault:
                self._metrics.store_up.set(0)
                log.warning("store unavailable, waiting", error=str(fault))
                await asyncio.sleep(backoff.next())
            except LeaseLostError as fault:
                await self._start_over(fault)
            except Exception:  # the rim: a defect met by one claim or outcome must not end everybody's jobs
                log.exception("dispatch broke, trying again")
                self._metrics.duty_failures.labels("engine").inc()
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()
                self._metrics.store_up.set(1)
                if not busy:
                    await self._pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS if len(self._claims) else IDLE_SECONDS):
                await self._woken.wait()
        self._woken.clear()

    async def _cycle(self) -> bool:
        """Write outcomes, claim, feed the timer; True when there is more to do at once."""
        if not self._lease.is_proven:
            await self._lease.prove()
        if self._in_doubt or self._waits_long() or self._assurance.is_due:
            await self._look_in_hand()
        await self._clear_ways()
        self._runner.turn()
        room = min(BATCH, self._capacity - len(self._timer) - self._runner.waiting)
        # Side by side: neither needs the other's result, and each waits for the database most of its time.
        wrote, claimed = await asyncio.gather(self._recording.write_some(), self._claim(room), return_exceptions=True)
        if isinstance(wrote, BaseException):
            raise wrote
        if isinstance(claimed, BaseException):
            raise claimed
        return claimed >= room >= WORTHWHILE or len(self._outcomes) >= BATCH

    async def _claim(self, room: int) -> int:
        """Claim what is due, as much as there is room for; return how much that was."""
        if room <= 0:
            return 0
        now = self._clock.now()
        planning = Planning(now)
        doubted = self._in_doubt  # since it was looked through: this answer does not settle that
        self._in_doubt = True  # until the answer is here: a claim whose commit is not acknowledged may be ours
        self._gone.clear()
        claims = await self._store.claim(
            self._lease.owner, now=now, horizon=planning.horizon, limit=room, plan=planning.plan
        )
        self._take(claims)
        self._in_doubt = self._in_doubt or doubted
        for job, rows in planning.missed:
            self._runner.announcer.missed(job, rows)
        return len(claims)

    async def _clear_ways(self) -> None:
        """Ask for all at once, shortly before they start, which of the contended claims still are."""
        soon = self._clock.now() + 2 * timedelta(seconds=TICK_SECONDS)
        contended = self._claims.contended(soon)
        if contended:
            preceded = await self._store.preceded(self._lease.owner, contended, now=self._clock.now())
            self._claims.clear_way(frozenset(contended) - preceded)

    def _waits_long(self) -> bool:
        """Whether claims wait for their job's turn, long enough for another replica to have changed the job."""
        return self._runner.has_queue and time.monotonic() - self._looked_at > QUEUE_LOOK_SECONDS

    async def _look_in_hand(self) -> None:
        """Take up claims that are ours and not in hand, drop those that are not ours or as they were any more.

        The answer to a claim was lost, or jobs were changed: here, or by another replica.
        """
        self._gone.clear()
        gaps = self._lease.gaps
        found = await self._store.list_claims(self._lease.owner)
        self._looked_at = time.monotonic()
        current = {claim.occurrence.id: _facts(claim.job) for claim in found}
        if self._claims.let_go(lambda claim: current.get(claim.occurrence.id) != _facts(claim.job)):
            self._clean()
        self._take(self._claims.unknown(found))
        self._assurance.give(gaps)

    def _take(self, claims: list[Claim]) -> None:
        """Take the store's answer; what was dropped while it was under way may be in it, as it was before."""
        current = [claim for claim in claims if not self._is_outdated(claim)]
        self._in_doubt = bool(self._gone) or len(current) < len(claims)
        if current:
            self._metrics.claim_batch.observe(len(current))
            self._claims.take(current)
            self._timer.add(current)
            self._taken(current)

    def _is_outdated(self, claim: Claim) -> bool:
        return claim.job.id in self._withheld or any(is_gone(claim) for is_gone in self._gone)

    async def record(self) -> None:
        """Write every outcome that waits. Raises StoreUnavailableError with all of them kept."""
        await self._recording.write()

    async def _start_over(self, fault: LeaseLostError) -> None:
        """Drop every claim that has not fired and begin a new life; the old one's outcomes would be refused."""
        log.warning("lease lost, starting over", error=str(fault), claims=len(self._claims))
        self._lease.lose()
        self._claims.clear()
        self._timer.keep(self._claims.stands)
        self._runner.start_over()
        self._metrics.refused_outcomes.inc(len(self._outcomes.take(len(self._outcomes))))
        self._in_doubt = False
        try:
            await self._lease.begin()
            self._assurance.give(self._lease.gaps)
        except StoreUnavailableError as unavailable:
            log.warning("store unavailable, waiting", error=str(unavailable))
            await asyncio.sleep(1.0)

    async def close(self, grace: timedelta) -> None:
        """Stop firing, give back what never fired, let what runs finish within `grace`, and record all of it.

        A store that is away is waited for as long as that.
        """
        self._timer.close()
        self._give_back()
        ended = asyncio.get_running_loop().time() + grace.total_seconds()
        draining = asyncio.create_task(self._runner.drain(grace), name="drain")
        try:
            while not draining.done() or len(self._outcomes):
                await self._record_until(ended)
                await asyncio.wait([draining], timeout=CLOSING_SECONDS)
            if await draining:
                await self._lease.end()
        except (StoreUnavailableError, LeaseLostError) as fault:
            log.warning("claims are left to their lease", error=str(fault), outcomes=len(self._outcomes))
            await draining

    async def _record_until(self, ended: float) -> None:
        try:
            await self.record()
        except StoreUnavailableError:
            if asyncio.get_running_loop().time() >= ended:
                raise
            await asyncio.sleep(CLOSING_SECONDS)

    def _give_back(self) -> None:
        """Let other replicas have what was claimed here and has not started, at its own instant, at once."""
        for claim in self._claims.waiting():
            if self._claims.end(claim):
                self._outcomes.add(of_deferral(claim.job, claim.occurrence, claim.occurrence.fire_at))


def _by_job(jobs: Iterable[JobId], claims: Iterable[Claim]) -> Withheld:
    occurrences: dict[JobId, set[OccurrenceId]] = {job_id: set() for job_id in jobs}
    for claim in claims:
        occurrences[claim.job.id].add(claim.occurrence.id)
    return {job_id: frozenset(ids) for job_id, ids in occurrences.items()}


def _facts(job: Job) -> tuple[int, JobState, bool]:
    """Return what a claim's job must still be for the claim to stand."""
    return job.revision, job.state, job.gate_open
