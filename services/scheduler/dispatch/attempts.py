"""One attempt: the call with its time limit, broken off when its host is about to be hit."""

import asyncio
from typing import Protocol

import msgspec

from services.scheduler.dispatch.outcomes import of_attempt
from services.scheduler.dispatch.running import Execution, Running
from services.scheduler.domain.actions import ActionName, Call
from services.scheduler.domain.executions import AttemptResult, Next, Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Run, describe, to_cancel
from services.scheduler.metrics import Metrics
from services.scheduler.store.records import (
    Claim,
    Outcome,
)
from shared.clock import Clock


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a call came to; `message` is in the grammar of history."""

    succeeded: bool
    retryable: bool
    message: str


class Caller(Protocol):
    """Opens sockets for actions."""

    async def call(self, call: Call, job: Job, occurrence: Occurrence, host: HostView | None) -> Answer:
        """Make the call and return what came of it; never raises for anything a target does."""
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

    async def make(self, claim: Claim, run: Run) -> Recorded:
        """Call the target and return what came of it; the register knows of the attempt from the first step on."""
        job, occurrence, host = claim.job, claim.occurrence, run.host
        started = self._clock.now()
        scope = asyncio.timeout(job.definition.timeout.total_seconds())
        execution = Execution(
            occurrence=occurrence, definition=job.definition, host=host.key if host is not None else None, scope=scope
        )
        with self._running.enter(execution), self._metrics.running.track_inprogress():
            answer = await self._within(scope, claim, host)
        # An answer that came before the end was made counts: nothing is repeated without need.
        broken_off = execution.broken_off if scope.expired() else ""
        result = AttemptResult(
            succeeded=answer.succeeded,
            retryable=answer.retryable,
            message=broken_off or answer.message,
            started_at=started,
            ended_at=self._clock.now(),
            host=host.name if host is not None else None,
            reason=broken_off or run.reason,
        )
        outcome = of_attempt(job, occurrence, result)
        return Recorded(result, _again(outcome, occurrence, result) if broken_off else outcome)

    async def _within(self, scope: asyncio.Timeout, claim: Claim, host: HostView | None) -> Answer:
        job, occurrence = claim.job, claim.occurrence
        try:
            async with scope:
                return await self._caller.call(_call_of(job, occurrence), job, occurrence, host)
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
            threat = to_cancel(execution.definition, host, now)
            if threat is not None:
                execution.break_off(f"broken off: {describe(threat, host.key)}")


def _call_of(job: Job, occurrence: Occurrence) -> Call:
    action = job.definition.action
    if occurrence.action is ActionName.ERROR and action.error_action is not None:
        return action.error_action.call
    return action.call


def _again(outcome: Outcome, occurrence: Occurrence, result: AttemptResult) -> Outcome:
    """Repeat a broken-off attempt at once: it is no failure of the target and takes no retry."""
    following = Next(action=occurrence.action, fire_at=result.ended_at, retries=occurrence.retries)
    return msgspec.structs.replace(outcome, following=following, faulted=False, job_state=None)
