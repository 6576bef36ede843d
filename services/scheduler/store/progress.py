"""How a job moves on when it is written, planned and settled: pure, the same for every store."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.collections import Collection, CollectionState
from services.scheduler.domain.decisions import Cause, skipped_for
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, Occurrence, OccurrenceState, unrun_row
from services.scheduler.domain.jobs import TERMINAL_STATES, Job, JobCounters, JobId, JobState, LastRun
from services.scheduler.errors import ConflictError, NotFoundError
from services.scheduler.store.records import (
    Approval,
    ApprovalState,
    JobDraft,
    Outcome,
    Plan,
    Progress,
    Rehearsal,
    Release,
)

RUN_MEMORY = timedelta(minutes=10)
"""How long a repeated request for a run finds the first one (DESIGN §5)."""

SENT_AHEAD = timedelta(milliseconds=500)
"""How much earlier than its rescuer's clock says a replica may have sent a claim: after a gap the two may differ.

A repeat that is counted though nothing was sent harms nobody; one that is not counted carries an attempt twice.
"""

REPLANNED = "the job's schedule was changed"
"""Why an occurrence that waited in its flexible window did not run."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a job that outcomes change."""

    state: JobState
    next_due: datetime | None
    planned: int
    counters: JobCounters


class Bid(msgspec.Struct, frozen=True, kw_only=True):
    """Which replica won the right to approve an event, when, and what came of it."""

    replica: str | None = None
    taken_at: datetime | None = None
    approval: Approval = Approval()


def name_key(name: str) -> str:
    """Return what names are compared by: without regard to case, as ARM does."""
    return name.casefold()


def event_key(event_id: str) -> str:
    """Return what event ids are compared by; in topics they are upper case too (DESIGN §5)."""
    return event_id.upper()


def gate_is_open(collection: Collection) -> bool:
    """Whether the collection lets its jobs run."""
    return collection.definition.state is CollectionState.ENABLED


def new_job(draft: JobDraft, job_id: JobId, collection: Collection, now: datetime) -> Job:
    """Return the job that a draft creates. Raises ConflictError when the caller expected an existing one."""
    if draft.expected_revision is not None:
        raise ConflictError(f"job {draft.name}: revision {draft.expected_revision} was expected, it does not exist")
    return Job(
        id=job_id,
        uid=draft.uid,
        collection_id=collection.id,
        collection=collection.name,
        name=draft.name,
        definition=draft.definition,
        state=draft.state,
        anchor=draft.anchor,
        next_due=draft.next_due,
        created_at=now,
        updated_at=now,
        gate_open=gate_is_open(collection),
    )


def check_revision(job: Job, draft: JobDraft) -> None:
    """Raise ConflictError unless the draft was made from the job as it stands.

    A job that has ended since has no new revision, but what was meant to go on would stay enabled with nothing to come.
    """
    if job.state in TERMINAL_STATES and draft.state not in TERMINAL_STATES and not draft.restart:
        raise ConflictError(f"job {job.name} has ended meanwhile: it is {job.state}")
    if draft.expected_revision not in (None, job.revision):
        raise ConflictError(f"job {job.name}: revision {draft.expected_revision} was expected, it is {job.revision}")
    if draft.expected not in (None, progress_of(job)):
        raise ConflictError(f"job {job.name} came due while the change was made")


def progress_of(job: Job) -> Progress:
    """Return how far a job is planned."""
    return job.planned, job.next_due


def replaced_job(
    job: Job, draft: JobDraft, dropped: Sequence[Occurrence], last_kept: datetime | None, now: datetime
) -> Job:
    """Return the job after a draft; the `dropped` occurrences no longer count, `last_kept` is due last of the others.

    Where those left use up the recurrence's count, nothing more is due, whatever the draft says: only here is it known
    how many were dropped.
    """
    planned = 0 if draft.restart else max(job.planned - len(dropped), 0)
    limit = draft.definition.recurrence.count if draft.definition.recurrence else None
    next_due = _next_due(job, draft, dropped, last_kept, now)
    job = replace(
        job,
        definition=draft.definition,
        state=draft.state,
        next_due=None if limit is not None and planned >= limit else next_due,
        planned=planned,
        revision=job.revision + 1,
        updated_at=now,
    )
    return replace(job, anchor=draft.anchor, counters=JobCounters()) if draft.restart else job


def _next_due(
    job: Job, draft: JobDraft, dropped: Sequence[Occurrence], last_kept: datetime | None, now: datetime
) -> datetime | None:
    """Return when a written job is due next: never at an instant whose occurrence may have been sent already."""
    if draft.due_after is not None:
        return draft.due_after(max(now, last_kept or now))
    if draft.restart or draft.replan:
        return draft.next_due
    return min((one.due for one in dropped), default=job.next_due)


def is_over(job: Job, *, unfinished: bool) -> bool:
    """Whether a written job has nothing to do any more: nothing is due, and nothing `unfinished`."""
    return job.state is JobState.ENABLED and job.next_due is None and not unfinished


def gives_way(occurrence: Occurrence, draft: JobDraft, now: datetime) -> bool:
    """Whether a write drops an occurrence: one planned ahead, or, when the job comes due at other times now, one that
    waits in its flexible window. What is or was held, was asked for, or may have been started stays: a claim is dropped
    only if it is withheld. A job that starts anew drops all.
    """
    if draft.restart:
        return True
    if occurrence.manual or occurrence.state is OccurrenceState.HELD:
        return False
    if occurrence.state is OccurrenceState.CLAIMED and occurrence.id not in draft.withheld:
        return False
    waits_in_window = occurrence.attempt == 1 and occurrence.host is None and occurrence.fire_at > now
    return occurrence.due > now or (draft.replan and waits_in_window)


def last_planned(kept: Iterable[Occurrence]) -> datetime | None:
    """Return when the last of the planned occurrences is due; None when there is none."""
    return max((one.due for one in kept if not one.manual), default=None)


def replan_rows(dropped: Iterable[Occurrence], draft: JobDraft, now: datetime) -> list[HistoryRow]:
    """Return history, in due order, for what had come due and was dropped; a job that starts anew leaves none."""
    had_come = [] if draft.restart else sorted((one for one in dropped if one.due <= now), key=lambda one: one.due)
    return [unrun_row(one, HistoryStatus.SKIPPED, REPLANNED, now, skipped_for(Cause.OTHER)) for one in had_come]


def planned_job(job: Job, plan: Plan) -> Job:
    """Return the job after its plan."""
    return replace(job, next_due=plan.next_due, planned=plan.planned, state=plan.final_state or job.state)


def settled(standing: Standing, outcome: Outcome) -> Standing:
    """Return the standing with an outcome counted; its state is decided by `concluded`, when all of a batch are."""
    standing = replace(standing, counters=_counted(standing.counters, outcome))
    if not outcome.unplan:
        return standing
    next_due = outcome.replan if standing.next_due is None else standing.next_due
    return replace(standing, planned=max(standing.planned - 1, 0), next_due=next_due)


def concluded(standing: Standing, wish: JobState, *, unfinished: bool) -> Standing:
    """Return the standing in the state that the job's last occurrence leads to, if that was the last."""
    over = standing.state is JobState.ENABLED and standing.next_due is None and not unfinished
    return replace(standing, state=wish) if over else standing


def wishes(outcomes: Iterable[Outcome]) -> dict[JobId, JobState]:
    """Return the state that the latest finishing outcome of each job leads to."""
    return {
        outcome.job_id: outcome.job_state for outcome in outcomes if finishes(outcome) and outcome.job_state is not None
    }


def finishes(outcome: Outcome) -> bool:
    """Whether the occurrence is over."""
    return outcome.following is None and outcome.held_for is None and outcome.deferred_until is None


def last_run(outcome: Outcome) -> LastRun | None:
    """Return how the main action ended, None for an outcome of something else."""
    if outcome.failures:
        return LastRun.FAILED
    return LastRun.SUCCEEDED if outcome.main_attempts else None


def ending(release: Release) -> Outcome:
    """Return a release that lets nothing run as the outcome it is."""
    return Outcome(
        occurrence_id=release.occurrence_id,
        job_id=release.job_id,
        rows=() if release.row is None else (release.row,),
        job_state=release.job_state,
        unplan=release.unplan,
        replan=release.replan,
    )


def may_approve(bid: Bid, replica: str, now: datetime, patience: timedelta) -> bool:
    """Whether `replica` may ask for the approval: it holds the right, nobody does, or the holder got nowhere."""
    if bid.replica == replica:
        return True
    if bid.approval.state in (ApprovalState.APPROVED, ApprovalState.FOREIGN):
        return False
    return bid.taken_at is None or bid.taken_at + patience <= now


def latest_approval(stored: Approval, new: Approval) -> Approval:
    """Return what is kept of two: the new one, but an approval of ours is never said to be somebody else's."""
    is_ours = stored.state is ApprovalState.APPROVED
    return stored if is_ours and new.state is ApprovalState.FOREIGN else new


def check_room(standing: Iterable[Rehearsal], rehearsal: Rehearsal, most: int) -> None:
    """Raise ConflictError when `most` of those that stand are on as another one is announced."""
    on = [each.event.event_id for each in standing if each.is_on(rehearsal.event.first_seen_at)]
    if len(on) >= most:
        told = ", ".join(sorted(on))
        raise ConflictError(f"{most} rehearsals are on, more may not be at a time: cancel one, or wait ({told})")


def called_off(rehearsal: Rehearsal | None, event_id: str, at: datetime) -> Rehearsal:
    """Return a rehearsal called off. Raises NotFoundError for none, ConflictError for one that is over."""
    if rehearsal is None:
        raise NotFoundError(f"rehearsal {event_id} does not exist; what Azure announces, only Azure calls off")
    if not rehearsal.is_on(at):
        raise ConflictError(f"rehearsal {rehearsal.event.event_id} is over already")
    return replace(rehearsal, cancelled_at=at)


def _counted(counters: JobCounters, outcome: Outcome) -> JobCounters:
    times = [time for time in (counters.last_execution_time, outcome.last_execution_time) if time is not None]
    return JobCounters(
        execution_count=counters.execution_count + outcome.main_attempts,
        failure_count=counters.failure_count + outcome.failures,
        faulted_count=counters.faulted_count + outcome.faulted,
        last_execution_time=max(times, default=None),
        last_run=last_run(outcome) or counters.last_run,
    )
