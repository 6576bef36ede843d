"""Outcomes on their way to the store: gathered here, written in batches by the claims loop, never dropped."""

from datetime import datetime, timedelta

import msgspec

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.decisions import Cause, skipped_for
from services.scheduler.domain.executions import (
    AttemptResult,
    Finished,
    HistoryStatus,
    Next,
    Occurrence,
    after_attempt,
    history_row,
    unrun_row,
)
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.domain.placement import Hold, Lost
from services.scheduler.store.records import (
    Outcome,
)
from shared.clock import Clock

DEFER_LEAST = timedelta(seconds=5)
DEFER_MOST = timedelta(minutes=1)
LEAVE_LEAST = timedelta(seconds=0.25)
LEAVE_MOST = timedelta(seconds=1)


class Outcomes:
    """A buffer between runners and the store."""

    def __init__(self) -> None:
        self._waiting: list[Outcome] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome until it is written."""
        self._waiting.append(outcome)

    def take(self, limit: int) -> list[Outcome]:
        """Hand out the oldest outcomes for writing."""
        taken, self._waiting = self._waiting[:limit], self._waiting[limit:]
        return taken

    def give_back(self, outcomes: list[Outcome]) -> None:
        """Take outcomes back that could not be written, before the later ones."""
        self._waiting = outcomes + self._waiting


def final_state(job: Job, *, faulted: bool) -> JobState:
    """Return where a job goes after its last occurrence: a recurring one is completed even then (DESIGN §5)."""
    return JobState.FAULTED if faulted and job.definition.recurrence is None else JobState.COMPLETED


def state_unrun(job: Job, occurrence: Occurrence) -> JobState:
    """Return where a job goes whose last occurrence ends unrun: one that has failed before has failed for good."""
    return final_state(job, faulted=occurrence.action is ActionName.ERROR or occurrence.retries > 0)


def goes_on(occurrence: Occurrence) -> bool:
    """Whether a caller asked for an occurrence, or it has run before: it is none of the planned that never ran."""
    return occurrence.manual or occurrence.attempt > 1


def of_attempt(job: Job, occurrence: Occurrence, result: AttemptResult) -> Outcome:
    """Return what an attempt's end means for the occurrence, the counters and the job."""
    following = after_attempt(job, occurrence, result)
    main = occurrence.action is ActionName.MAIN
    failed_for_good = main and not result.succeeded and not _same_action_again(following)
    return Outcome(
        occurrence_id=occurrence.id,
        job_id=job.id,
        attempt=occurrence.attempt,
        rows=(history_row(occurrence, result),),
        following=following if isinstance(following, Next) else None,
        reason=result.reason,
        main_attempts=int(main),
        failures=int(main and not result.succeeded),
        faulted=failed_for_good,
        last_execution_time=result.started_at if main else None,
        job_state=final_state(job, faulted=following.faulted) if isinstance(following, Finished) else None,
    )


def _same_action_again(following: Next | Finished) -> bool:
    return isinstance(following, Next) and following.action is ActionName.MAIN


def of_hold(job: Job, occurrence: Occurrence, hold: Hold, clock: Clock) -> Outcome:
    """Return the outcome of an occurrence that waits for a host; history shows it as postponed."""
    waiting = msgspec.structs.replace(occurrence, host=hold.waiting_for)
    return Outcome(
        occurrence_id=occurrence.id,
        job_id=job.id,
        attempt=occurrence.attempt,
        rows=(unrun_row(waiting, HistoryStatus.POSTPONED, hold.reason, clock.now(), hold.record),),
        held_for=hold.waiting_for,
        held_under=hold.traits,
        reason=hold.reason,
    )


def of_deferral(job: Job, occurrence: Occurrence, until: datetime) -> Outcome:
    """Return the outcome of a claim that goes back to the store: nothing has happened to its occurrence."""
    return Outcome(occurrence_id=occurrence.id, job_id=job.id, attempt=occurrence.attempt, deferred_until=until)


def defer_until(occurrence: Occurrence, now: datetime) -> datetime:
    """Return when to try again what finds too long a queue at its target or host: the later it is, the later."""
    return now + min(max(now - occurrence.due, DEFER_LEAST), DEFER_MOST)


def leave_until(occurrence: Occurrence, now: datetime) -> datetime:
    """Return until when to leave to other replicas what this one may not start: the later it is, the longer."""
    return now + min(max(now - occurrence.due, LEAVE_LEAST), LEAVE_MOST)


def of_loss(job: Job, occurrence: Occurrence, lost: Lost, clock: Clock) -> Outcome:
    """Return the outcome of an occurrence whose host is not coming back: it is missed."""
    there = msgspec.structs.replace(occurrence, host=lost.host)
    return Outcome(
        occurrence_id=occurrence.id,
        job_id=job.id,
        attempt=occurrence.attempt,
        rows=(unrun_row(there, HistoryStatus.MISSED, lost.reason, clock.now(), lost.record),),
        reason=lost.reason,
        job_state=state_unrun(job, occurrence),
    )


def of_skip(job: Job, occurrence: Occurrence, cause: Cause, reason: str, clock: Clock) -> Outcome:
    """Return the outcome of an occurrence that gives way: an earlier one of its job still runs, or it is disabled."""
    return Outcome(
        occurrence_id=occurrence.id,
        job_id=job.id,
        attempt=occurrence.attempt,
        rows=(unrun_row(occurrence, HistoryStatus.SKIPPED, reason, clock.now(), skipped_for(cause)),),
        reason=reason,
        job_state=state_unrun(job, occurrence),
    )


def uncounted(unrun: Outcome, replan: datetime | None) -> Outcome:
    """Return an end without a run that does not count towards the job's `count`.

    `replan` is the next due instant, if none is set.
    """
    return msgspec.structs.replace(unrun, unplan=True, replan=replan)
