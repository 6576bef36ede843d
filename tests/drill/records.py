"""What a drill leaves behind for its judge: jobs, requests, rows, calls, faults. Times are seconds since 1970."""

from enum import StrEnum

import msgspec


class Overlap(StrEnum):
    """A job's overlap policy, as the API spells it."""

    ALLOW = "Allow"
    SKIP = "Skip"
    QUEUE_ONE = "QueueOne"


class Action(StrEnum):
    """Which action of a job a request or row belongs to."""

    MAIN = "main"
    ERROR = "error"


class DrillJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a drill, as the judge knows it: due at `first`, then each `every` seconds up to `last`, both included.

    `every` None: once. `host` and `pool`: where it is placed.
    """

    name: str
    first: float
    every: float | None = None
    last: float = 0.0
    overlap: Overlap = Overlap.ALLOW
    catch_up: str = "RunAll"
    host: str | None = None
    pool: str | None = None


class Ending(StrEnum):
    """How a request ended, as its target saw it."""

    ANSWERED = "answered"
    BROKEN = "broken"
    OPEN = "open"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request that reached a target; `ended` is when the answer was sent or the connection broke."""

    job: str
    occurrence: str
    attempt: int
    action: Action = Action.MAIN
    scheduled: float
    arrived: float
    ended: float
    ending: Ending = Ending.ANSWERED
    status: int = 200
    host: str = ""
    version: int = 0
    """Which edition of the job it came from: each PATCH of the drill raises it."""


class Status(StrEnum):
    """The status of a history row."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    POSTPONED = "Postponed"
    SKIPPED = "Skipped"
    MISSED = "Missed"


RAN = frozenset({Status.COMPLETED, Status.FAILED})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a job's history."""

    job: str
    occurrence: str
    scheduled: float
    started: float
    ended: float
    action: Action = Action.MAIN
    status: Status = Status.COMPLETED
    attempt: int = 1
    reason: str = ""
    message: str = ""


class Verb(StrEnum):
    """What a caller did with a job."""

    RUN = "run"
    DISABLE = "disable"
    ENABLE = "enable"
    PATCH = "patch"
    DELETE = "delete"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """A call that succeeded: asked for at `called`, certain at `done`; it took effect somewhere in between.

    `occurrence` is what a run was promised; `version` the edition that a patch made.
    """

    verb: Verb
    job: str
    called: float
    done: float
    occurrence: str = ""
    version: int = 0


class FaultKind(StrEnum):
    """What the nemesis can do."""

    KILL = "kill"
    TERM = "term"
    FREEZE_SHORT = "short freeze"
    FREEZE_LONG = "long freeze"
    DATABASE_RESTART = "database restart"
    CROWDED = "connections exhausted"
    CUT = "cut from the database"
    HALF_OPEN = "half-open to the database"
    MUTE = "cannot reach the database"
    DEAF = "cannot hear the database"
    BROKER_LOST = "broker killed, memory gone"
    TARGET_GONE = "target gone"
    TARGET_HANGS = "target hangs"
    DISK_FULL = "disk full"
    CLOCK = "clock skewed"
    FELL = "fell by itself"


MAY_REPEAT = frozenset(FaultKind) - {
    FaultKind.TERM,
    FaultKind.BROKER_LOST,
    FaultKind.TARGET_GONE,
    FaultKind.TARGET_HANGS,
    FaultKind.CLOCK,
}
"""Faults after which nobody may know whether a call was made, or its outcome was written."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault, from its beginning until everything it broke stood again."""

    kind: FaultKind
    began: float
    ended: float
    replica: str = ""


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """An event that threatened a host from its publication until its end was published."""

    host: str
    began: float
    ended: float


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What the scheduler says of a job at the end; of a disabled one it tells no counters."""

    job: str
    state: str
    executions: int | None
    failures: int | None
    faulted: int | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one run. `healed`: the last fault was over; `closed`: everything had come to rest."""

    lease: float
    healed: float
    closed: float
    jobs: tuple[DrillJob, ...] = ()
    requests: tuple[Request, ...] = ()
    rows: tuple[Row, ...] = ()
    acts: tuple[Act, ...] = ()
    faults: tuple[Fault, ...] = ()
    maintenances: tuple[Maintenance, ...] = ()
    tallies: tuple[Tally, ...] = ()
    read: dict[str, float] = {}
    """When a deleted job's history was read for the last time: later rows are not known."""


class Wrong(StrEnum):
    """What a judge can find."""

    LOST = "lost"
    LATE = "late"
    EARLY = "early"
    DUPLICATE = "sent twice"
    STALE = "stale claim fired"
    CAUSELESS = "repeated without a cause"
    OTHER_ID = "another id"
    UNPLANNED = "not planned"
    WHILE_HELD = "ran while held"
    WHILE_DISABLED = "ran while disabled"
    WHILE_DELETED = "ran while deleted"
    OUTDATED = "ran an outdated definition"
    OVERLAPPED = "overlapped"
    UNRECORDED = "request without a row"
    UNSENT = "row without a request"
    TWICE_ENDED = "ended twice"
    UNTRUE = "reason not true"
    MISCOUNTED = "counters do not add up"
    UNENDED = "job did not come to its end"
    FELL = "fell without a reason"


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One broken promise."""

    wrong: Wrong
    job: str
    at: float
    said: str
    occurrence: str = ""
