"""One attempt: the call with its time limit, broken off when its host is about to be hit."""

import asyncio
import time
from datetime import timedelta
from typing import Protocol

import msgspec
from msgspec.structs import replace

from services.scheduler.dispatch.outcomes import of_attempt
from services.scheduler.dispatch.running import Execution, Running
from services.scheduler.domain.actions import ActionName, Call
from services.scheduler.domain.executions import AttemptResult, Next, Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Run
from services.scheduler.domain.threats import Case, describe, to_break_off
from services.scheduler.metrics import Metrics
from services.scheduler.store.records import (
    Claim,
    Outcome,
)
from shared.clock import Clock


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a call came to; `message` is in the grammar of history.

    `unheard`: most likely the target never read the request, though it was sent. `retry_after`: how long the target
    asks to be left alone.
    """

    succeeded: bool
    retryable: bool
    message: str
    unheard: bool = False
    retry_after: timedelta | None = None


class Caller(Protocol):
    """Opens sockets for actions."""

    async def call(self, call: Call, job: Job, occurrence: Occurrence, host: HostView | None) -> Answer:
        """Make the call and return what came of it; never raises for anything a target does."""
        ...

    def target(self, call: Call, host: HostView | None) -> str:
        """Name what a call is aimed at, such as `http://db-0:8080`: calls with the same name load the same thing."""
        ...


class Recorded(msgspec.Struct, frozen=True):
    """An attempt's result and what it means for the occurrence."""

    result: AttemptResult
    outcome: Outcome


class Attempts:
    """Makes attempts, each within the job's time limit."""

    def __init__(self, caller: Caller, running: Running, clock: Clock, metrics: Metrics) -> None:
        self._caller = caller
        self._running = running
        self._clock = clock
        self._metrics = metrics

    async def make(self, claim: Claim, run: Run, case: Case) -> Recorded:
        """Call the target and return what came of it; the register knows of the attempt from the first step on."""
        job, occurrence, host = claim.job, claim.occurrence, run.host
        execution = _execution(claim, host, case)
        with self._running.enter(execution):
            answer = await self._within(execution.scope, claim, host)
        # An answer that came before the end was made counts: nothing is repeated without need.
        broken_off = execution.broken_off if execution.scope.expired() else ""
        result = AttemptResult(
            succeeded=answer.succeeded,
            retryable=answer.retryable,
            message=broken_off or answer.message,
            started_at=case.now,
            ended_at=self._clock.now(),
            host=host.name if host is not None else None,
            reason=broken_off or run.reason,
            decision=run.record if run.host is not None else None,
            retry_after=answer.retry_after,
        )
        outcome = of_attempt(job, occurrence, result)
        again = broken_off or (answer.unheard and is_first(occurrence))
        return Recorded(result, _again(outcome, occurrence, result) if again else outcome)

    def target(self, claim: Claim, run: Run) -> str:
        """Name what an attempt would be aimed at."""
        return self._caller.target(claim.job.definition.action.call_of(claim.occurrence.action), run.host)

    async def _within(self, scope: asyncio.Timeout, claim: Claim, host: HostView | None) -> Answer:
        job, occurrence = claim.job, claim.occurrence
        try:
            async with scope:
                call = job.definition.action.call_of(occurrence.action)
                return await self._caller.call(call, job, occurrence, host)
        except TimeoutError:
            seconds = job.definition.timeout.total_seconds()
            return Answer(succeeded=False, retryable=True, message=f"no answer within {seconds:g} s")

    def broken(self, fault: Exception) -> AttemptResult:
        """Return the result of an attempt that failed inside Leeward."""
        now = self._clock.now()
        return AttemptResult(
            succeeded=False, retryable=True, message=f"internal error: {fault!r}", started_at=now, ended_at=now
        )

    def break_off(self, reason: str) -> None:
        """End running attempts now; each is repeated at once under the same id, where it may run then."""
        for execution in self._running.all():
            execution.break_off(reason)

    def leave(self, host: HostView) -> None:
        """Break off what runs on a host and is not to wait for its event (`inFlight: Cancel`)."""
        now = self._clock.now()
        for execution in self._running.on(host.key):
            why = to_break_off(execution.case.policies, host, replace(execution.case, now=now))
            if why is not None:
                execution.break_off(f"broken off: {describe(why.threat, host.key)}")


def is_first(occurrence: Occurrence) -> bool:
    """Whether no attempt of the present action was cut off before: each start so far was the first one or a retry."""
    return occurrence.action is ActionName.MAIN and occurrence.attempt == occurrence.retries + 1


def _execution(claim: Claim, host: HostView | None, case: Case) -> Execution:
    definition, now = claim.job.definition, time.monotonic()
    return Execution(
        occurrence=claim.occurrence,
        case=case,
        host=host.key if host is not None else None,
        scope=asyncio.timeout(None),
        began=now,
        deadline=now + definition.timeout.total_seconds(),
    )


def _again(outcome: Outcome, occurrence: Occurrence, result: AttemptResult) -> Outcome:
    """Repeat a broken-off attempt at once: it is no failure of the target and takes no retry."""
    following = Next(action=occurrence.action, fire_at=result.ended_at, retries=occurrence.retries)
    return replace(outcome, following=following, faulted=False, job_state=None)
