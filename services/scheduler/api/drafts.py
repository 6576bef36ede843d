"""What a write makes of a job: its state, and when it is due next (docs/lifecycle.md). Pure."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.grids import MILLISECOND
from services.scheduler.domain.jobs import TERMINAL_STATES, Job, JobDefinition, JobState
from services.scheduler.domain.timetable import first_due, timetable
from services.scheduler.errors import ConflictError, InvalidInputError
from services.scheduler.store.progress import progress_of
from services.scheduler.store.records import (
    JobDraft,
)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for; `state` None means Enabled. `uid` names the job if it is new."""

    name: str
    uid: str
    definition: JobDefinition
    state: JobState | None


def put_draft(wish: Wish, existing: Job | None, now: datetime) -> JobDraft:
    """Return the draft of a PUT: new and terminal jobs start anew, a live one goes on where its timing allows.

    Raises InvalidInputError for a terminal state that is not the present one.
    """
    state = _asked(wish.state or JobState.ENABLED, existing)
    if existing is None:
        return _anew(wish, state, now)
    if state in TERMINAL_STATES:
        return _draft(wish, existing, state, None)
    if existing.state in TERMINAL_STATES:
        return _anew(wish, state, now, existing.revision)
    return _onward(wish, existing, state, now)


def patch_draft(wish: Wish, existing: Job, now: datetime) -> JobDraft:
    """Return the draft of a PATCH, `wish` being the merged document.

    Raises ConflictError when the job is terminal and is not enabled by it, InvalidInputError as `put_draft` does.
    """
    state = _asked(wish.state or JobState.ENABLED, existing)
    if existing.state not in TERMINAL_STATES:
        return _onward(wish, existing, state, now)
    if state is not JobState.ENABLED:
        raise ConflictError(
            f"job {existing.collection}/{existing.name} is {existing.state}; set state to Enabled to start it anew"
        )
    return _anew(wish, state, now, existing.revision)


def _asked(state: JobState, existing: Job | None) -> JobState:
    if state in TERMINAL_STATES and (existing is None or existing.state is not state):
        raise InvalidInputError("state", f"{state} is where a job ends by itself; give Enabled or Disabled")
    return state


def _anew(wish: Wish, state: JobState, now: datetime, revision: int | None = None) -> JobDraft:
    due = first_due(wish.definition.recurrence, wish.definition.start_time, now)
    return JobDraft(
        uid=wish.uid,
        name=wish.name,
        definition=wish.definition,
        state=JobState.COMPLETED if due is None and state is JobState.ENABLED else state,
        anchor=now,
        next_due=due,
        restart=True,
        expected_revision=revision,
    )


def _onward(wish: Wish, existing: Job, state: JobState, now: datetime) -> JobDraft:
    """Return the draft of a live job: it goes on where it is, or by its new timing from here on.

    One enabled before it ever was due begins now. Whether that leaves the job anything to do, its count and what is
    unfinished considered, the store will see.
    """
    recurrence, start = wish.definition.recurrence, wish.definition.start_time
    same = (start, recurrence) == (existing.definition.start_time, existing.definition.recurrence)
    enabling = existing.state is JobState.DISABLED and state is JobState.ENABLED
    if same and (existing.planned or not enabling):
        return _draft(wish, existing, state, existing.next_due)
    if recurrence is None or not existing.planned:
        # What ran at this very instant had the id that another occurrence at it would have.
        soonest = now + MILLISECOND if existing.planned else now
        return _replanned(_draft(wish, existing, state, first_due(recurrence, start, soonest)), existing)
    rule = timetable(recurrence, start, existing.anchor)
    return replace(_replanned(_draft(wish, existing, state, None), existing), due_after=rule.next_after)


def _replanned(draft: JobDraft, existing: Job) -> JobDraft:
    return replace(draft, replan=True, expected=progress_of(existing))


def _draft(wish: Wish, existing: Job, state: JobState, due: datetime | None) -> JobDraft:
    return JobDraft(
        uid=wish.uid,
        name=wish.name,
        definition=wish.definition,
        state=state,
        anchor=existing.anchor,
        next_due=due,
        restart=False,
        expected_revision=existing.revision,
    )
