"""One attempt: the call with its time limit, broken off when its host is about to be hit."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from services.scheduler.dispatch.answers import Answer, Caller
from services.scheduler.dispatch.cancels import Cancels
from services.scheduler.dispatch.outcomes import of_attempt
from services.scheduler.dispatch.running import Execution, Running
from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.decisions import DecisionRecord
from services.scheduler.domain.executions import AttemptResult, Next, Occurrence
from services.scheduler.domain.hosts import FleetView, HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Run
from services.scheduler.domain.policies import Traits
from services.scheduler.domain.threats import (
    STOPPING,
    BreakOff,
    Case,
    Ending,
    begun,
    cancelled,
    next_ending,
    time_to_tell,
)
from services.scheduler.metrics import Metrics
from services.scheduler.store.records import (
    Claim,
    Outcome,
)
from shared.clock import Clock
from shared.logs import Details

_details = Details(__name__)


class Recorded(msgspec.Struct, frozen=True):
    """An attempt's result and what it means for the occurrence."""

    result: AttemptResult
    outcome: Outcome


class Attempts:
    """Makes attempts, each within the job's time limit."""

    def __init__(
        self,
        caller: Caller,
        running: Running,
        clock: Clock,
        metrics: Metrics,
        ended: Callable[[Job, AttemptResult], None] = lambda _, __: None,
    ) -> None:
        """`ended` is told of each attempt of a main action."""
        self._ended = ended
        self._caller = caller
        self._cancels = Cancels(caller)
        self._running = running
        self._clock = clock
        self._metrics = metrics

    async def make(self, claim: Claim, run: Run, case: Case) -> Recorded:
        """Call the target and return what came of it; the register knows of the attempt from the first step on."""
        job, occurrence, host = claim.job, claim.occurrence, run.host
        execution = _execution(claim, host, case)
        place = host.name if host is not None else None
        _details("attempt begins", job=job.name, occurrence=occurrence.id, attempt=occurrence.attempt, host=place)
        with self._running.enter(execution):
            answer = await self._within(execution, claim, host)
            # An answer that came before the end was made counts: nothing is repeated without need.
            why = execution.broken_off if execution.scope.expired() else None
            if why is not None:
                answer = await self._broken_off(why, execution, claim, host)
        result = AttemptResult(
            succeeded=answer.succeeded,
            retryable=answer.retryable,
            message=answer.message,
            started_at=case.now,
            ended_at=self._clock.now(),
            host=place,
            reason=run.reason if why is None else why.reason(execution.host or ""),
            decision=_decision(run, occurrence) if why is None else cancelled(why, execution.host, case),
            retry_after=answer.retry_after,
        )
        _details(
            "attempt ended",
            job=job.name,
            occurrence=occurrence.id,
            attempt=occurrence.attempt,
            host=place,
            succeeded=result.succeeded,
            reason=result.reason,
        )
        if occurrence.action is ActionName.MAIN:
            self._ended(job, result)
        outcome = of_attempt(job, occurrence, result)
        again = answer.unheard and is_first(occurrence) if why is None else why.repeat
        return Recorded(result, _again(outcome, occurrence, result) if again else outcome)

    def target(self, claim: Claim, run: Run) -> str:
        """Name what an attempt would be aimed at."""
        return self._caller.target(claim.job.definition.action.call_of(claim.occurrence.action), run.host)

    async def _within(self, execution: Execution, claim: Claim, host: HostView | None) -> Answer:
        job, occurrence = claim.job, claim.occurrence
        try:
            async with execution.scope:
                call = job.definition.action.call_of(occurrence.action)
                return await self._caller.call(call, job, occurrence, host, on_sent=execution.note_sent)
        except TimeoutError:
            seconds = job.definition.timeout.total_seconds()
            return Answer(succeeded=False, retryable=True, message=f"no answer within {seconds:g} s")

    async def _broken_off(self, why: BreakOff, execution: Execution, claim: Claim, host: HostView | None) -> Answer:
        """Tell the target, and return what history says of it all; no policy for failures applies."""
        message, told = why.reason(execution.host or ""), await self._cancels.tell(execution, claim, host)
        if told is not None:
            message = f"{message}; cancel request: {told}"
        return Answer(succeeded=False, retryable=False, message=message)

    def broken(self, fault: Exception) -> AttemptResult:
        """Return the result of an attempt that failed inside Leeward."""
        now = self._clock.now()
        return AttemptResult(
            succeeded=False, retryable=True, message=f"internal error: {fault!r}", started_at=now, ended_at=now
        )

    def break_off(self, why: BreakOff = STOPPING) -> None:
        """End running attempts now."""
        for execution in self._running.all():
            execution.break_off(why)

    @property
    def telling(self) -> timedelta:
        """How long it may take to tell the targets of what runs that it was broken off."""
        return max((time_to_tell(execution.case) for execution in self._running.all()), default=timedelta())

    def follow(self, fleet: FleetView) -> None:
        """Obey what the hosts say now: break off what has to end, and note when the rest has to."""
        for key in self._running.hosts():
            if (host := fleet.get(key)) is not None:
                self.leave(host)

    def leave(self, host: HostView) -> None:
        """Break off what runs on a host and is not to wait for its event, or not beyond its deadline."""
        now = self._clock.now()
        for execution in self._running.on(host.key):
            execution.ending = _ending(execution.case, host, now)
            execution.give_way(now)

    def sweep(self, awake: float, now: datetime) -> None:
        """End the attempts whose time is up by `awake` (process time), and those whose host's event is near."""
        for execution in self._running.all():
            execution.expire(awake)
            execution.give_way(now)


def _ending(case: Case, host: HostView, now: datetime) -> Ending | None:
    return next_ending(case.policies, host, replace(case, now=now)) if host.threats else None


def _decision(run: Run, occurrence: Occurrence) -> DecisionRecord | None:
    """Return why an attempt ran where it did, after what; nothing was to be decided where any place will do."""
    if occurrence.host is not None:
        under = Traits.read(occurrence.held_under).type
        return replace(run.record, held_for=occurrence.host, held_under=under)
    return run.record if run.host is not None else None


def is_first(occurrence: Occurrence) -> bool:
    """Whether no attempt of the present action was cut off before: each start so far was the first one or a retry."""
    return occurrence.action is ActionName.MAIN and occurrence.attempt == occurrence.retries + 1


def _execution(claim: Claim, host: HostView | None, case: Case) -> Execution:
    definition, now = claim.job.definition, time.monotonic()
    case = case if host is None else begun(case, host)
    return Execution(
        occurrence=claim.occurrence,
        case=case,
        host=host.key if host is not None else None,
        scope=asyncio.timeout(None),
        began=now,
        deadline=now + definition.timeout.total_seconds(),
        ending=_ending(case, host, case.now) if host is not None else None,
    )


def _again(outcome: Outcome, occurrence: Occurrence, result: AttemptResult) -> Outcome:
    """Repeat a broken-off attempt at once: it is no failure of the target and takes no retry."""
    following = Next(action=occurrence.action, fire_at=result.ended_at, retries=occurrence.retries)
    return replace(outcome, following=following, faulted=False, job_state=None)
