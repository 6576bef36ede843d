"""A bounded pool of runners: each takes a due claim, decides where it runs, runs it and records what came of it.

A runner whose call takes long is replaced, so that slow targets do not use up the pool; what one target may have under
way at a time is limited apart (`lanes`).
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from services.scheduler.dispatch.announcer import Announcer
from services.scheduler.dispatch.assurance import Assurance
from services.scheduler.dispatch.attempts import Attempts, is_first
from services.scheduler.dispatch.cases import Cases
from services.scheduler.dispatch.claims import Claims
from services.scheduler.dispatch.lanes import Lanes
from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.lines import Lines
from services.scheduler.dispatch.moves import Moves
from services.scheduler.dispatch.outcomes import (
    Outcomes,
    defer_until,
    goes_on,
    leave_until,
    of_attempt,
    of_deferral,
    of_hold,
    of_loss,
    of_skip,
    uncounted,
)
from services.scheduler.dispatch.overlap import Backlog, Verdict, verdict
from services.scheduler.dispatch.planner import LOOK_AHEAD, after_skip
from services.scheduler.dispatch.running import Running
from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.decisions import Cause
from services.scheduler.domain.executions import Occurrence, OccurrenceId, barred
from services.scheduler.domain.hosts import FleetView
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.placement import Hold, Lost, Queue, Run, decide
from services.scheduler.domain.policies import Overlap
from services.scheduler.domain.threats import Case
from services.scheduler.errors import LeaseLostError, StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Claim,
    Outcome,
)
from services.scheduler.tracing.base import Traces
from shared.clock import Clock
from shared.logs import get_logger
from shared.retry import Backoff
from shared.topics import HostKey

log = get_logger(__name__)

BREAK_OFF_LIMIT = timedelta(seconds=2)
"""How long an attempt that was broken off may take to let go of its socket."""
SWEEP_SECONDS = 0.1
"""How often attempts are looked at whose time is up: one look costs less than a timer for each of them."""
LONG_SECONDS = 1.0
"""A runner whose call takes longer than this is replaced."""
MOST = 10
"""How many times as many calls may be under way in all, those that take long included."""


class Runner:
    """Runs claims. `submit` never blocks; `waiting` tells how much of what a process takes is in its queues."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        lease: Lease,
        assurance: Assurance,
        claims: Claims,
        attempts: Attempts,
        outcomes: Outcomes,
        running: Running,
        announcer: Announcer,
        metrics: Metrics,
        fleet: Callable[[], FleetView],
        cases: Cases,
        moves: Moves,
        lanes: Lanes,
        traces: Traces,
        size: int,
    ) -> None:
        self.announcer = announcer
        self._store = store
        self._clock = clock
        self._lease = lease
        self._assurance = assurance
        self._claims = claims
        self._attempts = attempts
        self._outcomes = outcomes
        self._running = running
        self._metrics = metrics
        self._fleet = fleet
        self._cases = cases
        self._moves = moves
        self._lanes = lanes
        self._lines = Lines(fleet, running, time=time.monotonic)
        self._traces = traces
        self._size = size
        self._wanted = size
        self._present = 0
        self._swept_at = 0.0
        self._queue: asyncio.Queue[Claim] = asyncio.Queue()
        self._backlog = Backlog()
        self._stopping = False
        metrics.running.set_function(running.__len__)
        metrics.hosts_full.set_function(lambda: self._lines.full)

    @property
    def waiting(self) -> int:
        """Claims that are due and not running yet; of a job's, target's or host's long queue the first few count."""
        return self._queue.qsize() + self._backlog.weight + self._lanes.weight + self._lines.weight

    @property
    def has_queue(self) -> bool:
        """Whether any occurrence waits for its job's turn, or for its target or host."""
        return bool(self._backlog.jobs or self._lanes.waiting or self._lines.waiting)

    def queued(self, job_id: JobId) -> int:
        """Return how many occurrences of a job wait for its turn."""
        return self._backlog.queued(job_id)

    def submit(self, claim: Claim) -> None:
        """Take a claim whose instant has come."""
        if not self._stopping and self._claims.stands(claim):
            self._queue.put_nowait(claim)

    async def run(self) -> None:
        """Keep `size` runners at work until cancelled, those whose call takes long not counted."""
        async with asyncio.TaskGroup() as runners:
            while True:
                self._sweep()
                for _ in range(self._present, self._wanted):
                    self._present += 1
                    runners.create_task(self._work(), name="runner")
                await asyncio.sleep(SWEEP_SECONDS)

    def _sweep(self) -> None:
        """End the attempts whose time is up, and see how many runners are needed beside those that are busy long."""
        now = time.monotonic()
        # After a freeze answers lie in the sockets: they are read before the time that was slept through counts.
        awake = min(now, self._swept_at + 2 * SWEEP_SECONDS)
        self._swept_at = now
        self._attempts.sweep(awake, self._clock.now() - timedelta(seconds=now - awake))
        long = self._running.since(now - LONG_SECONDS)
        self._wanted = min(self._size + long, self._size * MOST)
        self._metrics.targets_full.set(self._lanes.full)
        self._metrics.targets_waiting.set(self._lanes.waiting)

    async def drain(self, grace: timedelta) -> bool:
        """Start nothing more, wait up to `grace` for what runs, then break it off to be repeated elsewhere.

        What cancel requests may take is part of the grace. False when something outlasts even that.
        """
        self._stopping = True
        self.forget()
        telling = self._attempts.telling
        if not await self._running.wait_until_empty(grace - telling):
            log.warning("executions outlast the grace period", count=len(self._running))
            self._attempts.break_off()
        return await self._running.wait_until_empty(BREAK_OFF_LIMIT + telling)

    def forget(self) -> None:
        """Clean the queues of claims that do not stand any more; those in a runner's hands will notice."""
        self._backlog.keep(self._claims.stands)
        self._lanes.keep(self._claims.stands)
        self._lines.keep(self._claims.stands)
        for _ in range(self._queue.qsize()):
            self.submit(self._queue.get_nowait())

    def start_over(self) -> None:
        """Forget everything: the lease is lost, and with it every claim and what was known of retries."""
        self._backlog.clear()
        self.forget()

    def turn(self) -> None:
        """Give a turn to jobs that have something waiting and are not busy any more, whoever kept them busy."""
        now = self._clock.now()
        for job_id in self._backlog.jobs:
            if not self._is_occupied(job_id) and not self._awaits_retry(job_id, None, now):
                self._next(job_id)
        self._backlog.expire_retries(now)
        self._resume(*self._lanes.open(), *self._lines.open())

    async def _work(self) -> None:
        """Take claims until there are more runners than wanted: those whose call took long were replaced."""
        try:
            while self._present <= self._wanted:
                claim = await self._queue.get()
                try:
                    await self._handle(claim)
                except Exception as fault:  # the rim: one broken job must not take a runner away
                    log.exception("execution broke", job=claim.job.name, occurrence=claim.occurrence.id)
                    self._end(claim, of_attempt(claim.job, claim.occurrence, self._attempts.broken(fault)))
        finally:
            self._present -= 1

    async def _handle(self, claim: Claim) -> None:
        """Run a claim, hold it, or let it give way; without a proven lease it is not ours to touch."""
        if not await self._is_ours(claim):
            return
        elsewhere = False
        if self._claims.is_contended(claim) or self._retry_elsewhere(claim):
            elsewhere = await self._is_busy_elsewhere(claim)
            if not await self._is_ours(claim):
                return
            if not elsewhere and (retried := self._retry_elsewhere(claim)):
                self._backlog.end_retry(claim.job.id, retried)
        # No await from here to the start: overlap, decision and register must see one and the same moment.
        now = self._clock.now()
        if reason := barred(claim.job, claim.occurrence):
            self._bar(claim, reason)
            return
        busy, queued = elsewhere or self._is_busy(claim, now), self._backlog.queued(claim.job.id)
        match verdict(claim, busy=busy, queued=queued, now=now):
            case Verdict.QUEUE:
                self._backlog.put(claim)  # `turn` has it ask again, if it waits for one on another replica
                self._resume(*self._lines.passed(claim))
            case Verdict.SKIP:
                self._skip(claim)
            case _:
                await self._decide(claim, now)

    async def _is_ours(self, claim: Claim) -> bool:
        """Whether the claim stands and may start; waits until that is known for sure."""
        while self._claims.stands(claim) and not self._assurance.is_given:
            await self._assurance.wait()
        return self._claims.stands(claim) and not self._stopping

    def _is_busy(self, claim: Claim, now: datetime) -> bool:
        job_id = claim.job.id
        return self._awaits_retry(job_id, claim.occurrence.id, now) or self._is_occupied(job_id)

    def _awaits_retry(self, job_id: JobId, apart_from: OccurrenceId | None, now: datetime) -> bool:
        """Whether another occurrence of a job is surely still to be repeated: nobody could yet, or it is in hand."""
        retry = self._backlog.retry(job_id, apart_from)
        return retry is not None and (now < retry[1] or self._claims.has(retry[0]))

    def _retry_elsewhere(self, claim: Claim) -> OccurrenceId | None:
        """Return the occurrence that another replica may be repeating, which must not run beside this one."""
        job_id, policy = claim.job.id, claim.job.definition.overlap
        retry = None if policy is Overlap.ALLOW else self._backlog.retry(job_id, claim.occurrence.id)
        if retry is None or self._awaits_retry(job_id, claim.occurrence.id, self._clock.now()):
            return None
        return retry[0]

    def _is_occupied(self, job_id: JobId) -> bool:
        return self._running.is_active(job_id) or self._lanes.is_held_up(job_id) or self._lines.is_held_up(job_id)

    async def _is_busy_elsewhere(self, claim: Claim) -> bool:
        """Ask the store, as often as it takes: a guess would skip an occurrence that nothing stands in the way of."""
        backoff = Backoff(first=0.1, limit=2.0)
        while self._claims.stands(claim):
            try:
                ids = [claim.occurrence.id]
                return bool(await self._store.preceded(self._lease.owner, ids, now=self._clock.now()))
            except StoreUnavailableError:
                await asyncio.sleep(backoff.next())
            except LeaseLostError:
                return False
        return False

    def _end(self, claim: Claim, outcome: Outcome) -> None:
        """Have an outcome written, unless the claim was lost, or got one before."""
        if self._claims.end(claim):
            self._outcomes.add(outcome)
        else:
            self._metrics.refused_outcomes.inc()
        self._resume(self._lanes.pass_by(claim), *self._lines.passed(claim))

    def _skip(self, claim: Claim) -> None:
        reason = "the previous occurrence still runs"
        skipped = of_skip(claim.job, claim.occurrence, Cause.OVERLAP, reason, self._clock)
        self._end(claim, self._uncounted(claim, skipped))
        self._tell_skipped(claim, skipped)

    def _uncounted(self, claim: Claim, unrun: Outcome) -> Outcome:
        horizon = self._clock.now() + LOOK_AHEAD
        return uncounted(unrun, after_skip(claim.job, claim.occurrence.due, horizon))

    def _bar(self, claim: Claim, reason: str) -> None:
        """End an occurrence of a disabled job. What never ran is due again if the job is enabled: `catchUp` decides."""
        skipped = of_skip(claim.job, claim.occurrence, Cause.DISABLED, reason, self._clock)
        self._end(claim, uncounted(skipped, claim.occurrence.due) if claim.occurrence.attempt == 1 else skipped)
        self._backlog.end_retry(claim.job.id, claim.occurrence.id)
        self._tell_skipped(claim, skipped)

    def _tell_skipped(self, claim: Claim, outcome: Outcome) -> None:
        self.announcer.skipped(outcome.rows)
        self._traces.ended_unrun(claim.job, claim.occurrence, outcome.reason, self._clock.now())

    async def _decide(self, claim: Claim, now: datetime) -> None:
        case = self._cases.of(claim.job, claim.occurrence, now)
        match decide(case, self._fleet(), self._lines.load(claim)):
            case Hold() as hold:
                self._hold(claim, hold)
            case Lost() as lost:
                self._lose(claim, lost)
            case Queue(host=host):
                self._queue_up(claim, host, case)
            case Run() as run:
                await self._start(claim, run, case)

    async def _start(self, claim: Claim, decision: Run, case: Case) -> None:
        """Run a claim once its target has room for it."""
        target = self._attempts.target(claim, decision)
        entry = self._lanes.enter(target, claim)
        if not entry.admitted:
            self._wait(claim, target, entry.wait)
            return
        host = decision.host.key if decision.host is not None else None
        self._resume(self._lanes.next(target), *self._lines.started(claim, host))
        try:
            if self._claims.begin(claim):
                await self._execute(claim, decision, case)
        finally:
            self._resume(self._lanes.leave(target), *(self._lines.ended(host) if host is not None else ()))
            self._next(claim.job.id)

    def _wait(self, claim: Claim, target: str, seconds: float | None) -> None:
        """Let a claim wait for its target, or go back to the store if too many do."""
        self._resume(*self._lines.passed(claim))
        if not self._lanes.wait(target, claim):
            self._defer(claim)
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, lambda: self._resume(self._lanes.in_time(target)))

    def _queue_up(self, claim: Claim, host: HostKey, case: Case) -> None:
        """Let a claim wait for a host that is full, or go back to the store if too many do, or for others to start."""
        if not self._lines.leads_on(claim, host, case):
            self._defer(claim, leave_until)
        elif self._lines.wait(claim, host):
            self._resume(*self._lines.passed(claim))
        else:
            self._defer(claim)

    def _defer(self, claim: Claim, until: Callable[[Occurrence, datetime], datetime] = defer_until) -> None:
        later = until(claim.occurrence, self._clock.now())
        self._end(claim, of_deferral(claim.job, claim.occurrence, later))
        self._metrics.deferred.inc()

    def _resume(self, *claims: Claim | None) -> None:
        """Give claims that have waited another try."""
        for claim in claims:
            if claim is not None:
                self.submit(claim)

    def _hold(self, claim: Claim, hold: Hold) -> None:
        self._end(claim, of_hold(claim.job, claim.occurrence, hold, self._clock))
        self._backlog.end_retry(claim.job.id, claim.occurrence.id)
        self.announcer.held(claim.job, claim.occurrence, hold)
        self._traces.held(claim.job, claim.occurrence, hold, self._clock.now())
        if hold.event_id is not None:
            self._moves.held(hold.host or HostKey(hold.waiting_for), hold.event_id)

    def _lose(self, claim: Claim, lost: Lost) -> None:
        """End an occurrence that has nowhere to run, ever."""
        outcome = of_loss(claim.job, claim.occurrence, lost, self._clock)
        self._end(claim, outcome if goes_on(claim.occurrence) else self._uncounted(claim, outcome))
        self._backlog.end_retry(claim.job.id, claim.occurrence.id)
        self.announcer.missed(claim.job, outcome.rows)
        self._traces.ended_unrun(claim.job, claim.occurrence, outcome.reason, self._clock.now())

    async def _execute(self, claim: Claim, run: Run, case: Case) -> None:
        occurrence = claim.occurrence
        if run.away_from is not None and run.event_id is not None:
            self._moves.rerouted(run.away_from, run.event_id)
        mark = self._traces.mark(occurrence)
        self._metrics.lateness.observe(max(0.0, (case.now - occurrence.fire_at).total_seconds()), mark)
        if occurrence.action is ActionName.MAIN and not is_first(occurrence):
            self._metrics.executed["repeated"].inc()
        self.announcer.started(claim.job, occurrence, run)
        recorded = await self._attempts.make(claim, run, case)
        self._end(claim, recorded.outcome)
        self._follow(claim, recorded.outcome)
        self.announcer.ended(claim.job, occurrence, recorded.result, mark)
        final = recorded.outcome.following is None
        self._traces.attempted(claim.job, occurrence, run, recorded.result, final=final)

    def _follow(self, claim: Claim, recorded: Outcome) -> None:
        """Remember a repeat to come; an error action or retry that is due soon keeps the job busy."""
        if recorded.following is None:
            self._backlog.end_retry(claim.job.id, claim.occurrence.id)
        else:
            self._backlog.note_retry(claim.job.id, claim.occurrence.id, recorded.following.fire_at)

    def _next(self, job_id: JobId) -> None:
        """Give the job's next waiting occurrence its turn."""
        self._resume(self._backlog.next(job_id))
