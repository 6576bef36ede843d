"""What an event does to jobs: as it is written on jobs and collections, and as it applies to one job."""

from datetime import timedelta

import msgspec

from services.client.api.model.actions import Cancel
from services.client.api.model.base import UNKNOWN, Reply, Word


class Strategy(Word):
    """What happens to an occurrence whose host is threatened."""

    REROUTE = "Reroute"
    HOLD = "Hold"
    IGNORE = "Ignore"
    UNKNOWN = UNKNOWN


class InFlight(Word):
    """What happens to an execution that runs when an event comes."""

    WAIT = "Wait"
    CANCEL = "Cancel"
    UNKNOWN = UNKNOWN


class AtDeadline(Word):
    """What happens to one that still runs when the event is about to begin."""

    LEAVE = "Leave"
    CANCEL = "Cancel"
    MOVE = "Move"
    UNKNOWN = UNKNOWN


class LastStanding(Word):
    """What happens when every host of a pool is threatened."""

    HOLD_ALL = "HoldAll"
    RUN_ON_LEAST_URGENT = "RunOnLeastUrgent"
    UNKNOWN = UNKNOWN


class OnRelease(Word):
    """Which held occurrences run once they may."""

    RUN_ONCE = "RunOnce"
    RUN_ALL = "RunAll"
    SKIP = "Skip"
    UNKNOWN = UNKNOWN


class Level(Word):
    """Who has answered a question."""

    JOB = "job"
    COLLECTION = "collection"
    FLEET = "fleet"
    DEFAULT = "default"
    UNKNOWN = UNKNOWN


class MaintenanceRule(Reply, frozen=True, kw_only=True):
    """Answers; what is None is left to the next level. `lead_time` is an ISO 8601 duration or `auto`."""

    strategy: Strategy | None = None
    lead_time: str | None = None
    in_flight: InFlight | None = None
    at_deadline: AtDeadline | None = None
    last_standing: LastStanding | None = None
    on_release: OnRelease | None = None


class DurationRule(MaintenanceRule, frozen=True, kw_only=True):
    """Answers for events that are known to last no longer than `up_to`."""

    up_to: timedelta


class Maintenance(MaintenanceRule, frozen=True, kw_only=True):
    """The answers of a collection, and other ones for some events."""

    by_type: dict[str, MaintenanceRule] = msgspec.field(default_factory=dict)
    by_source: dict[str, MaintenanceRule] = msgspec.field(default_factory=dict)
    by_duration: list[DurationRule] = msgspec.field(default_factory=list)


class JobMaintenance(Maintenance, frozen=True, kw_only=True):
    """The answers of a job, and what its target is sent when an execution is broken off."""

    cancel: Cancel | None = None


class ResolvedRule(Reply, frozen=True, kw_only=True):
    """Every question answered; `answered_by` says by whom, by the field's name on the wire."""

    strategy: Strategy
    lead_time: str | None = None
    in_flight: InFlight
    at_deadline: AtDeadline
    last_standing: LastStanding
    on_release: OnRelease
    answered_by: dict[str, Level] = msgspec.field(name="from")


class ResolvedDuration(ResolvedRule, frozen=True, kw_only=True):
    """The same for events that are known to last no longer than `up_to`."""

    up_to: timedelta


class ResolvedMaintenance(ResolvedRule, frozen=True, kw_only=True):
    """What applies to a job, and to it in some events."""

    by_type: dict[str, ResolvedRule] = msgspec.field(default_factory=dict)
    by_source: dict[str, ResolvedRule] = msgspec.field(default_factory=dict)
    by_duration: list[ResolvedDuration] = msgspec.field(default_factory=list)


class Resolved(Reply, frozen=True, kw_only=True):
    """What applies to a job now; `expected_duration`: 99 in 100 of its executions take no longer, if known."""

    maintenance: ResolvedMaintenance
    expected_duration: timedelta | None = None
