"""Why an occurrence ran where and when it did, was held, moved or skipped: kept with its history, told to people."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from services.scheduler.domain.policies import Level, Strategy


class Verdict(StrEnum):
    """What was decided about an occurrence.

    RAN: it started. REROUTED: it started elsewhere than it would have. HELD: it waits. CANCELLED: an execution was
    broken off. SKIPPED, MISSED: it does not run.
    """

    RAN = "ran"
    REROUTED = "rerouted"
    HELD = "held"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    MISSED = "missed"


class Cause(StrEnum):
    """Why; `CAUSES` says which go with which verdict, so that metrics have a closed set of labels."""

    UNPLACED = "unplaced"
    HOME = "home"
    SPREAD = "spread"
    STICKY = "sticky"
    RANDOM = "random"
    IGNORED = "ignored"
    TIME_LEFT = "time_left"
    LEAST_URGENT = "least_urgent"
    EVENT = "event"
    CORDON = "cordon"
    FULL = "full"
    WARMING_UP = "warming_up"
    LOST = "lost"
    UNKNOWN_HOST = "unknown_host"
    DEADLINE = "deadline"
    STOPPING = "stopping"
    OVERLAP = "overlap"
    DISABLED = "disabled"
    COALESCED = "coalesced"
    SKIPPED_AT_RELEASE = "skipped_at_release"
    WINDOW_PASSED = "window_passed"
    NOT_CAUGHT_UP = "not_caught_up"
    NOT_PLANNABLE = "not_plannable"
    OTHER = "other"


CAUSES: dict[Verdict, tuple[Cause, ...]] = {
    Verdict.RAN: (
        Cause.UNPLACED,
        Cause.HOME,
        Cause.SPREAD,
        Cause.STICKY,
        Cause.RANDOM,
        Cause.IGNORED,
        Cause.TIME_LEFT,
        Cause.LEAST_URGENT,
    ),
    Verdict.REROUTED: (Cause.EVENT, Cause.CORDON, Cause.FULL, Cause.WARMING_UP, Cause.LOST, Cause.LEAST_URGENT),
    Verdict.HELD: (Cause.EVENT, Cause.CORDON, Cause.UNKNOWN_HOST),
    Verdict.CANCELLED: (Cause.EVENT, Cause.CORDON, Cause.DEADLINE, Cause.STOPPING),
    Verdict.SKIPPED: (Cause.OVERLAP, Cause.DISABLED, Cause.COALESCED, Cause.SKIPPED_AT_RELEASE, Cause.OTHER),
    Verdict.MISSED: (
        Cause.LOST,
        Cause.UNKNOWN_HOST,
        Cause.COALESCED,
        Cause.WINDOW_PASSED,
        Cause.NOT_CAUGHT_UP,
        Cause.NOT_PLANNABLE,
        Cause.OTHER,
    ),
}


class Standing(StrEnum):
    """How a host stood in a decision, and so why it was not chosen, unless it was.

    BUSIER: another one came first. RELATED: it shares an event, a domain, a zone or a scale set with a threatened one.
    THREATENED: an event or a cordon keeps the job off it. FULL: it has as many executions as it may. WARMING_UP: it is
    back for a short while only.
    """

    CHOSEN = "chosen"
    BUSIER = "busier"
    RELATED = "related"
    THREATENED = "threatened"
    FULL = "full"
    WARMING_UP = "warming_up"


class Weighed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One host that was considered, how it stood, and the event that was it."""

    host: str
    standing: Standing
    event_id: str | None = None


LISTED = 16
"""Hosts that a record of a decision lists; the chosen one is always among them."""


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision as history keeps it, with what it was made from.

    `event_id`, `event_type` and `not_before` are of what threatens `away_from`, or the host held for. `strategy` is the
    one that applied, `decided_by` the level that set it. `expected` is how long the job was reckoned to take.
    `considered` counts all hosts that were, of which `hosts` lists the first. `held_for` is the host or pool that what
    runs now had waited for, `held_under` the type of the event that was it (empty: nobody had reported the host).
    """

    verdict: Verdict
    cause: Cause
    away_from: str | None = None
    event_id: str | None = None
    event_type: str = ""
    not_before: datetime | None = None
    strategy: Strategy | None = None
    decided_by: Level | None = None
    expected: timedelta | None = None
    considered: int = 0
    hosts: tuple[Weighed, ...] = ()
    held_for: str | None = None
    held_under: str = ""


def skipped_for(cause: Cause) -> DecisionRecord:
    """Return the record of an occurrence that gives way."""
    return DecisionRecord(verdict=Verdict.SKIPPED, cause=cause)


def missed_for(cause: Cause) -> DecisionRecord:
    """Return the record of an occurrence that was not run in time and will not be."""
    return DecisionRecord(verdict=Verdict.MISSED, cause=cause)
