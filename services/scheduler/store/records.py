"""What the store's verbs take and give: frozen values, no I/O (see `base`)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

import msgspec

from services.scheduler.domain.executions import HistoryRow, Next, Occurrence, OccurrenceId
from services.scheduler.domain.hosts import Spared
from services.scheduler.domain.jobs import Job, JobDefinition, JobId, JobState
from services.scheduler.store.audit import Change

SessionId = NewType("SessionId", str)


class Ownership(msgspec.Struct, frozen=True):
    """One life of one replica: its session and its fencing number, which rises with every registration."""

    session: SessionId
    fence: int


class Guard(StrEnum):
    """The session lock that a life on PostgreSQL holds on a connection of its own: nobody but it can.

    ABSENT: it has none, so that only its lease tells; HELD: its process lives; LOST: nobody holds it any more.
    """

    ABSENT = "absent"
    HELD = "held"
    LOST = "lost"


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """A registered life as it stands; each renewal changes `lease_until`. `lease` is how long it may be silent."""

    owner: Ownership
    replica: str
    lease_until: datetime
    lease: timedelta
    guard: Guard = Guard.ABSENT


NextDue = Callable[[datetime], datetime | None]
"""The first due instant after one, if any."""
Progress = tuple[int, datetime | None]
"""How many occurrences of a job are planned, and when it is due next: both move without a caller's doing."""
Withheld = Mapping[JobId, frozenset[OccurrenceId]]
"""By job, occurrences that a replica has claimed and will not start."""


class JobDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A job about to be written; `restart` resets counters, `planned` and `anchor` and drops unfinished occurrences.

    `uid` names a new job; an existing one keeps its own, its name as first written, and without `restart` its anchor.
    `next_due` counts for a new job, one that starts anew, and under `replan`: the job comes due at other times now, so
    what waits in its flexible window gives way to what is planned anew, after `due_after` (if set) of the last
    occurrence that stays. Any other job is due as before, or when the first occurrence was that the write drops.
    `withheld` are occurrences that this replica has claimed and will not start: those may be dropped, too.
    `expected` is the `progress_of` the job that the draft was made from, where that matters.
    `change` is how the audit log tells of it; None: no caller asked for it.
    """

    uid: str
    name: str
    definition: JobDefinition
    state: JobState
    anchor: datetime
    next_due: datetime | None
    restart: bool
    replan: bool = False
    due_after: NextDue | None = None
    withheld: frozenset[OccurrenceId] = frozenset()
    expected_revision: int | None = None
    expected: Progress | None = None
    change: Change | None = None


class Written(msgspec.Struct, frozen=True):
    """A job after a write, and whether it is new."""

    job: Job
    created: bool


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a due job: occurrences to claim, rows for those that were missed, where it stands then."""

    occurrences: tuple[Occurrence, ...] = ()
    missed: tuple[HistoryRow, ...] = ()
    next_due: datetime | None
    planned: int
    final_state: JobState | None = None


Planner = Callable[[Job], Plan]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """An occurrence that is this replica's now, with its job as it was at the claim (its plan applied).

    `contended`: another unfinished, not held occurrence of the job exists that this session does not own, or may.
    """

    occurrence: Occurrence
    job: Job
    contended: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a claim ended, or how it goes on; exactly one of the kinds below happens, together with `rows`.

    * `following` set: the occurrence becomes READY with that action, instant and retries, attempt + 1.
    * `held_for` set: it becomes HELD for that host or pool, with `reason` and `held_under` (the event's type).
    * `deferred_until` set: it was not started; it becomes READY at that instant, the attempt as it was.
    * none of these: it is finished and leaves the table; `job_state` (if set) is where its job goes when the job
      is enabled, has no next due instant and no other unfinished occurrence.
    `attempt` is the one it is of, where that matters: an outcome sent again, because the answer to the first time was
    lost, must not be taken for that of the next attempt.
    `main_attempts` and `failures` add to the job's counters, `faulted` adds one faulted occurrence.
    `unplan`: the occurrence did not count (overlap skipped it): `planned` - 1, and `next_due` is set to `replan` when
    the job has none.
    """

    occurrence_id: OccurrenceId
    job_id: JobId
    attempt: int | None = None
    rows: tuple[HistoryRow, ...] = ()
    following: Next | None = None
    held_for: str | None = None
    held_under: str = ""
    deferred_until: datetime | None = None
    reason: str = ""
    main_attempts: int = 0
    failures: int = 0
    faulted: bool = False
    last_execution_time: datetime | None = None
    job_state: JobState | None = None
    unplan: bool = False
    replan: datetime | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A held occurrence with its job, for the decision to release it."""

    occurrence: Occurrence
    job: Job


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """Let a held occurrence go: READY at `fire_at`, or finished with `row` (skipped, missed) when `fire_at` is None.

    What it was held for and why stays with it until it has run.
    """

    occurrence_id: OccurrenceId
    job_id: JobId
    fire_at: datetime | None = None
    row: HistoryRow | None = None
    job_state: JobState | None = None
    unplan: bool = False
    replan: datetime | None = None


class EventOutcome(StrEnum):
    """How an event ended; ACTIVE until it has."""

    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class ApprovalState(StrEnum):
    """How far the approval of an event is; FOREIGN: it started early and not by us."""

    NONE = "none"
    ASKED = "asked"
    APPROVED = "approved"
    FOREIGN = "foreign"


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who let an event start early, when and why."""

    state: ApprovalState = ApprovalState.NONE
    at: datetime | None = None
    by: str | None = None
    reason: str | None = None


class HostDrain(msgspec.Struct, frozen=True, kw_only=True):
    """How far one host of an event is emptied, summed over the replicas; `drain` as the bus says it.

    `returned_at`: when the host was there again after an event that takes machines away. `drained_at`: when it was
    found drained first.
    """

    drain: str
    running: int = 0
    held: int = 0
    rerouted: int = 0
    spared: Spared | None = None
    returned_at: datetime | None = None
    drained_at: datetime | None = None


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the fleet knows it, present or past. `hosts` is keyed by host key.

    `announced_for` is the NotBefore of its first sight, which may move later; `started_at` is when it was seen to have
    started. Both are None where nobody saw it. `witnessed`: a metadata service has listed it, so that it is over once
    it is listed no more; not only a watcher outside of the VMs told of it.
    """

    event_id: str
    type: str
    status: str
    resources: tuple[str, ...]
    not_before: datetime | None
    duration_seconds: int | None
    source: str
    description: str
    first_seen_at: datetime
    ended_at: datetime | None = None
    outcome: EventOutcome = EventOutcome.ACTIVE
    hosts: dict[str, HostDrain] = {}
    approval: Approval = Approval()
    announced_for: datetime | None = None
    started_at: datetime | None = None
    witnessed: bool = True


class Cordon(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's cordon of a host (key); ends at `until` or when released."""

    host: str
    reason: str
    by: str
    since: datetime
    until: datetime | None = None


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """An event that an operator has announced: as it was announced, by whom, and when it was called off."""

    event: EventRecord
    by: str
    cancelled_at: datetime | None = None

    def is_on(self, now: datetime) -> bool:
        """Whether it is neither over by its times nor called off."""
        return self.cancelled_at is None and now < rehearsal_ends(self.event)


def rehearsal_ends(event: EventRecord) -> datetime:
    """Return when an event is over that ends by its own times: its duration after NotBefore."""
    return (event.not_before or event.first_seen_at) + timedelta(seconds=event.duration_seconds or 0)


class DrainReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one replica has running on, held for and rerouted from a host because of an event."""

    event_id: str
    host: str
    running: int
    held: int
    rerouted: int
    settled: bool


class Recent(msgspec.Struct, frozen=True, kw_only=True):
    """A history row with its names, for lists across jobs; `group` is the collection's resource group."""

    group: str
    collection: str
    job: str
    row: HistoryRow


COUNTED = 10_000
"""Gauges count no further: what takes long to count must not be counted every few seconds."""


class Gauges(msgspec.Struct, frozen=True, kw_only=True):
    """Counts for metrics, COUNTED meaning at least that: due and unclaimed jobs, unfinished occurrences by state.

    `oldest_due` is the earliest instant, not after now, of what is claimable and not claimed: a job's due instant, or
    that at which an occurrence is ready; None when nothing waits.
    """

    backlog: int
    occurrences: dict[str, int]
    oldest_due: datetime | None = None
