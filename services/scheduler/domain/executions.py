"""Occurrences and executions: identity, states, and what an attempt's end leads to."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID, uuid5

import msgspec

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.decisions import DecisionRecord
from services.scheduler.domain.delays import retry_delay
from services.scheduler.domain.jobs import Job, JobId, JobState
from shared.clock import to_epoch_ms, to_milliseconds_precision

OccurrenceId = NewType("OccurrenceId", str)

_NAMESPACE = UUID("8a5e6a0e-6f0b-5c1e-9d2f-1e6f5d0c7b1a")


def occurrence_id(job_uid: str, due: datetime) -> OccurrenceId:
    """Return the one id of the occurrence of a job at an instant; the same inputs give the same id for ever."""
    return OccurrenceId(str(uuid5(_NAMESPACE, f"{job_uid}@{to_epoch_ms(due)}")))


def manual_occurrence_id(job_uid: str, request_id: str) -> OccurrenceId:
    """Return the id of a run asked for by a caller; a repeated request id gives the same occurrence."""
    return OccurrenceId(str(uuid5(_NAMESPACE, f"{job_uid}#run#{request_id}")))


class OccurrenceState(StrEnum):
    """Where an unfinished occurrence stands (docs/lifecycle.md); finished ones live in history only.

    READY: nobody's, to be claimed when `fire_at` comes (a retry, a release, a run asked for, a start later in its
    job's flexible window).
    CLAIMED: a replica's, waiting for its instant or running.
    HELD: waits for its host; has a live reason.
    """

    READY = "ready"
    CLAIMED = "claimed"
    HELD = "held"


OCCURRENCE_TRANSITIONS: dict[OccurrenceState, frozenset[OccurrenceState]] = {
    OccurrenceState.READY: frozenset({OccurrenceState.CLAIMED}),
    OccurrenceState.CLAIMED: frozenset({OccurrenceState.READY, OccurrenceState.HELD}),
    OccurrenceState.HELD: frozenset({OccurrenceState.READY}),
}
"""Any of them may also end (leave the table for history); the store's UPDATE … WHERE state = … enforces the same."""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One due instant of one job, not finished yet.

    `attempt` counts starts from 1, crash repeats included; `retries` counts policy retries of the present action.
    `ordinal` is the occurrence's number within the job, from 1 (Azure's repeatCount). `manual` marks a `run`.
    `host` is the host or pool it was held for since its last attempt, `reason` why, `held_under` the event's traits.
    """

    id: OccurrenceId
    job_id: JobId
    due: datetime
    fire_at: datetime
    state: OccurrenceState
    action: ActionName = ActionName.MAIN
    attempt: int = 1
    retries: int = 0
    ordinal: int = 1
    manual: bool = False
    host: str | None = None
    reason: str = ""
    held_under: str = ""


class HistoryStatus(StrEnum):
    """How an attempt, or an occurrence that did not run, ended."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    POSTPONED = "Postponed"
    SKIPPED = "Skipped"
    MISSED = "Missed"


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a job's history. `id` is None until stored; `decision` is None where nothing was to be decided."""

    id: int | None = None
    job_id: JobId
    occurrence_id: OccurrenceId
    scheduled_time: datetime
    start_time: datetime
    end_time: datetime
    action_name: ActionName
    status: HistoryStatus
    attempt: int
    host: str | None = None
    reason: str = ""
    message: str = ""
    retry_count: int = 0
    repeat_count: int = 1
    decision: DecisionRecord | None = None


class AttemptResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt came to; `message` is in the grammar of history (reference azure-scheduler §1.9).

    `retry_after` is how long the target asked to be left alone (RFC 9110 §10.2.3), `decision` why it ran where it did.
    """

    succeeded: bool
    retryable: bool
    message: str
    started_at: datetime
    ended_at: datetime
    host: str | None = None
    reason: str = ""
    retry_after: timedelta | None = None
    decision: DecisionRecord | None = None


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """The occurrence goes on: the same action again, or the error action, at `fire_at`."""

    action: ActionName
    fire_at: datetime
    retries: int


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """The occurrence is over; `faulted` when the main action failed for good."""

    faulted: bool


def barred(job: Job, occurrence: Occurrence) -> str:
    """Return why an occurrence may not start now: its job or the collection was disabled since; empty when it may.

    A `run` is meant now, whatever the state (DESIGN §5).
    """
    if occurrence.manual:
        return ""
    if job.state is JobState.DISABLED:
        return "the job is disabled"
    return "" if job.gate_open else "the collection is disabled"


def after_attempt(job: Job, occurrence: Occurrence, result: AttemptResult) -> Next | Finished:
    """Decide what follows an attempt: success ends it, failure retries, then runs the error action, then ends it."""
    action = job.definition.action
    is_main = occurrence.action is ActionName.MAIN
    if result.succeeded:
        return Finished(faulted=not is_main)
    policy = action.retry_policy if is_main or action.error_action is None else action.error_action.retry_policy
    if result.retryable and occurrence.retries < policy.retries:
        number = occurrence.retries + 1
        delay = retry_delay(policy, number, occurrence.id, occurrence.action, result.retry_after)
        fire_at = to_milliseconds_precision(result.ended_at + delay)
        return Next(action=occurrence.action, fire_at=fire_at, retries=number)
    if is_main and action.error_action is not None:
        return Next(action=ActionName.ERROR, fire_at=result.ended_at, retries=0)
    return Finished(faulted=True)


def history_row(occurrence: Occurrence, result: AttemptResult) -> HistoryRow:
    """Return the history line of one attempt."""
    return HistoryRow(
        job_id=occurrence.job_id,
        occurrence_id=occurrence.id,
        scheduled_time=occurrence.due,
        start_time=result.started_at,
        end_time=result.ended_at,
        action_name=occurrence.action,
        status=HistoryStatus.COMPLETED if result.succeeded else HistoryStatus.FAILED,
        attempt=occurrence.attempt,
        host=result.host,
        reason=result.reason,
        message=result.message,
        retry_count=occurrence.retries,
        repeat_count=occurrence.ordinal,
        decision=result.decision,
    )


def unrun_row(
    occurrence: Occurrence, status: HistoryStatus, reason: str, at: datetime, decision: DecisionRecord | None = None
) -> HistoryRow:
    """Return the history line of an occurrence that was held, skipped or missed at `at`, and why.

    `reason` says it to people, `decision` to programs.
    """
    return HistoryRow(
        job_id=occurrence.job_id,
        occurrence_id=occurrence.id,
        scheduled_time=occurrence.due,
        start_time=at,
        end_time=at,
        action_name=occurrence.action,
        status=status,
        attempt=occurrence.attempt,
        host=occurrence.host,
        reason=reason,
        message=reason,
        retry_count=occurrence.retries,
        repeat_count=occurrence.ordinal,
        decision=decision,
    )


RETENTION_ROWS = 1000
RETENTION_AGE = timedelta(days=60)
"""History kept per job, and how long a completed or faulted job is kept (reference azure-scheduler §2.7)."""
