"""A bounded pool of runners: each takes a due claim, decides where it runs, runs it and records what came of it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

from services.scheduler.dispatch.announcer import Announcer
from services.scheduler.dispatch.attempts import Attempts
from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.outcomes import Outcomes, of_attempt, of_hold, of_skip, uncounted
from services.scheduler.dispatch.overlap import Backlog, Verdict, verdict
from services.scheduler.dispatch.planner import LOOK_AHEAD, after_skip
from services.scheduler.dispatch.running import Running
from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.placement import Decision, Hold, Run, decide
from services.scheduler.errors import LeaseLostError, StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Claim, Outcome, Store
from shared.clock import Clock
from shared.logs import get_logger
from shared.retry import Backoff
from shared.topics import HostKey

log = get_logger(__name__)

ASK_AGAIN_SECONDS = 0.5
"""How often an occurrence that waits for one on another replica asks whether that has ended."""


class Moves(Protocol):
    """Counts what events do to occurrences, for the drains."""

    def held(self, host: HostKey, event_id: str) -> None:
        """An occurrence is held for a host because of an event."""
        ...

    def rerouted(self, host: HostKey, event_id: str) -> None:
        """An occurrence runs elsewhere because of an event on a host."""
        ...


class Runner:
    """Runs claims. `submit` never blocks; `waiting` tells how many are in the pool's queue or wait for their job."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        lease: Lease,
        attempts: Attempts,
        outcomes: Outcomes,
        running: Running,
        announcer: Announcer,
        metrics: Metrics,
        fleet: Callable[[], Mapping[HostKey, HostView]],
        moves: Moves,
        size: int,
    ) -> None:
        self.announcer = announcer
        self._store = store
        self._clock = clock
        self._lease = lease
        self._attempts = attempts
        self._outcomes = outcomes
        self._running = running
        self._metrics = metrics
        self._fleet = fleet
        self._moves = moves
        self._size = size
        self._queue: asyncio.Queue[tuple[int, Claim]] = asyncio.Queue()
        self._life = 0
        self._backlog = Backlog()
        self._proving = asyncio.Lock()
        self._stopping = False

    @property
    def waiting(self) -> int:
        """Claims that are due and not running yet."""
        return self._queue.qsize() + len(self._backlog)

    def submit(self, claim: Claim) -> None:
        """Take a claim whose instant has come."""
        self._submit(self._life, claim)

    def _submit(self, life: int, claim: Claim) -> None:
        if not self._stopping and life == self._life:
            self._queue.put_nowait((life, claim))

    async def run(self) -> None:
        """Keep `size` runners at work until cancelled."""
        async with asyncio.TaskGroup() as runners:
            for number in range(self._size):
                runners.create_task(self._work(), name=f"runner-{number}")

    async def drain(self, grace: timedelta) -> None:
        """Start nothing more, wait up to `grace` for what runs, then break it off to be repeated elsewhere."""
        self._stopping = True
        self.drop_waiting()
        if not await self._running.wait_until_empty(grace):
            log.warning("executions outlast the grace period", count=len(self._running))
            self._attempts.break_off("the scheduler stops")
            await self._running.wait_until_empty(grace)

    def drop_waiting(self) -> list[OccurrenceId]:
        """Forget the claims that have not started, those in a runner's hands too; return the others' ids."""
        self._life += 1
        dropped = self._backlog.clear()
        while not self._queue.empty():
            dropped.append(self._queue.get_nowait()[1].occurrence.id)
        return dropped

    async def _work(self) -> None:
        while True:
            life, claim = await self._queue.get()
            try:
                await self._handle(life, claim)
            except Exception as fault:  # the rim: one broken job must not take a runner away
                log.exception("execution broke", job=claim.job.name, occurrence=claim.occurrence.id)
                self._outcomes.add(of_attempt(claim.job, claim.occurrence, self._attempts.broken(fault)))

    async def _handle(self, life: int, claim: Claim) -> None:
        """Run a claim, hold it, or let it give way; without a proven lease it is not ours to touch."""
        elsewhere = await self._is_busy_elsewhere(claim)
        if not await self._is_ours(life):
            return
        # No await from here to the start: overlap, decision and register must see one and the same moment.
        busy, queued = elsewhere or self._is_busy(claim), self._backlog.queued(claim.job.id)
        match verdict(claim, busy=busy, queued=queued, now=self._clock.now()):
            case Verdict.QUEUE if elsewhere:
                asyncio.get_running_loop().call_later(ASK_AGAIN_SECONDS, self._submit, life, claim)
            case Verdict.QUEUE:
                self._backlog.put(claim)
            case Verdict.SKIP:
                self._skip(claim)
            case _:
                await self._decide(claim)

    async def _is_ours(self, life: int) -> bool:
        """Whether the claim's lease is proven; asks the store after a gap, as often as it takes to get an answer."""
        backoff = Backoff(first=0.1, limit=2.0)
        while life == self._life and not self._lease.is_proven:
            async with self._proving:
                try:
                    if not self._lease.is_proven:
                        await self._lease.prove()
                except LeaseLostError:
                    return False
                except StoreUnavailableError:
                    await asyncio.sleep(backoff.next())
        return life == self._life and not self._stopping

    def _is_busy(self, claim: Claim) -> bool:
        job_id = claim.job.id
        retrying = self._backlog.is_retrying(job_id, claim.occurrence.id, self._clock.now())
        return retrying or self._running.is_active(job_id)

    async def _is_busy_elsewhere(self, claim: Claim) -> bool:
        if not claim.contended:
            return False
        try:
            return await self._store.active_elsewhere(self._lease.owner, claim.job.id, claim.occurrence.id)
        except (StoreUnavailableError, LeaseLostError):
            return True

    def _skip(self, claim: Claim) -> None:
        skipped = of_skip(claim.job, claim.occurrence, "the previous occurrence still runs", self._clock)
        replan = after_skip(claim.job, claim.occurrence.due, self._clock.now() + LOOK_AHEAD)
        self._outcomes.add(uncounted(skipped, replan))
        self.announcer.skipped()

    async def _decide(self, claim: Claim) -> None:
        decision = self._decision(claim)
        if isinstance(decision, Hold):
            self._hold(claim, decision)
        else:
            await self._execute(claim, decision)
            self._next(claim)

    def _decision(self, claim: Claim) -> Decision:
        return decide(claim.job.definition, self._fleet(), self._running.load, self._clock.now())

    def _hold(self, claim: Claim, hold: Hold) -> None:
        self._outcomes.add(of_hold(claim.job, claim.occurrence, hold, self._clock))
        self._backlog.end_retry(claim.job.id, claim.occurrence.id)
        self.announcer.held(claim.job, claim.occurrence, hold)
        if hold.event_id is not None:
            self._moves.held(HostKey(hold.waiting_for), hold.event_id)

    async def _execute(self, claim: Claim, run: Run) -> None:
        occurrence = claim.occurrence
        if run.away_from is not None and run.event_id is not None:
            self._moves.rerouted(run.away_from, run.event_id)
        self._metrics.lateness.observe(max(0.0, (self._clock.now() - occurrence.fire_at).total_seconds()))
        if occurrence.attempt > occurrence.retries + 1 and occurrence.action is ActionName.MAIN:
            self._metrics.executions.labels("repeated").inc()
        self.announcer.started(claim.job, occurrence, run)
        recorded = await self._attempts.make(claim, run)
        self._outcomes.add(recorded.outcome)
        self._follow(claim, recorded.outcome)
        self.announcer.ended(claim.job, occurrence, recorded.result)

    def _follow(self, claim: Claim, recorded: Outcome) -> None:
        """Remember a repeat to come; an error action or retry that is due soon keeps the job busy."""
        if recorded.following is None:
            self._backlog.end_retry(claim.job.id, claim.occurrence.id)
        else:
            self._backlog.note_retry(claim.job.id, claim.occurrence.id, recorded.following.fire_at)

    def _next(self, claim: Claim) -> None:
        """Give the job's next waiting occurrence its turn."""
        turn = self._backlog.next(claim.job.id)
        if turn is not None:
            self.submit(turn)
