"""Jobs: what the caller defines, the state it is in, and what has been counted."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

import msgspec

from services.scheduler.domain.actions import Action
from services.scheduler.domain.choices import CaseInsensitive
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.policies import CatchUp, Maintenance, Overlap, Placement
from services.scheduler.domain.recurrence import Recurrence

JobId = NewType("JobId", int)


class JobState(CaseInsensitive):
    """Where a job stands; `TRANSITIONS` says who may follow whom (docs/lifecycle.md)."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    COMPLETED = "completed"
    FAULTED = "faulted"


TERMINAL_STATES = frozenset({JobState.COMPLETED, JobState.FAULTED})

TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.ENABLED: frozenset({JobState.ENABLED, JobState.DISABLED, JobState.COMPLETED, JobState.FAULTED}),
    JobState.DISABLED: frozenset({JobState.DISABLED, JobState.ENABLED}),
    JobState.COMPLETED: frozenset({JobState.COMPLETED, JobState.ENABLED, JobState.DISABLED}),
    JobState.FAULTED: frozenset({JobState.FAULTED, JobState.ENABLED, JobState.DISABLED}),
}
"""Callers move ENABLED and DISABLED; only the last occurrence's outcome leads to COMPLETED or FAULTED, and only a
PUT (or a PATCH that enables) starts a terminal job anew."""


class JobDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller decides about a job; durations are real time, `start_time` is an instant.

    `flexible_window`: each occurrence starts at an instant of its own within this time of its due time.
    """

    action: Action
    start_time: datetime | None = None
    recurrence: Recurrence | None = None
    placement: Placement | None = None
    maintenance: Maintenance = Maintenance()
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.RUN_ONCE
    catch_up_window: timedelta = timedelta(hours=1)
    timeout: timedelta = timedelta(seconds=60)
    flexible_window: timedelta = timedelta(0)
    tags: dict[str, str] = {}


class LastRun(StrEnum):
    """How the last attempt of a job's main action ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class JobCounters(msgspec.Struct, frozen=True, kw_only=True):
    """What happened so far: attempts of the main action, failed ones, occurrences that failed for good."""

    execution_count: int = 0
    failure_count: int = 0
    faulted_count: int = 0
    last_execution_time: datetime | None = None
    last_run: LastRun | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A stored job.

    `anchor` is the instant that an absent start time stands for (creation, or the last start anew).
    `planned` counts occurrences planned since then (what `recurrence.count` limits).
    `next_due` is None when nothing more is to be planned; `revision` rises with each write of a caller.
    `uid` names the job across deletion and re-creation; occurrence ids derive from it.
    """

    id: JobId
    uid: str
    collection_id: CollectionId
    collection: str
    name: str
    definition: JobDefinition
    state: JobState
    anchor: datetime
    next_due: datetime | None
    planned: int = 0
    revision: int = 1
    counters: JobCounters = JobCounters()
    created_at: datetime
    updated_at: datetime
    gate_open: bool = True
