"""The choices a job makes about maintenance, overlap and downtime (DESIGN: what an event does).

A question that a job leaves open is answered by its collection, then by the fleet, then by the default. Each level may
answer by event type, by source and by duration, in that order, before it answers for every event (`Policies`).
"""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Any

import msgspec

from services.scheduler.domain.choices import CaseInsensitive


class Strategy(CaseInsensitive):
    """What happens to an occurrence whose host is threatened."""

    REROUTE = "Reroute"
    HOLD = "Hold"
    IGNORE = "Ignore"


class InFlight(CaseInsensitive):
    """What happens to an execution that runs on the host when an event threatens it.

    WAIT: it goes on, until the deadline at least. CANCEL: it is broken off at once, and repeated where it may run.
    """

    WAIT = "Wait"
    CANCEL = "Cancel"


class AtDeadline(CaseInsensitive):
    """What happens to an execution that still runs on the host when the event is about to begin.

    LEAVE: nothing. CANCEL: it is broken off and has failed. MOVE: it is broken off and repeated elsewhere under the
    same occurrence id, or held.
    """

    LEAVE = "Leave"
    CANCEL = "Cancel"
    MOVE = "Move"


class LastStanding(CaseInsensitive):
    """What happens to a pool's occurrences when every host of it is threatened.

    RUN_ON_LEAST_URGENT: they run where NotBefore is the latest, as long as they would be done before it.
    """

    HOLD_ALL = "HoldAll"
    RUN_ON_LEAST_URGENT = "RunOnLeastUrgent"


class OnRelease(CaseInsensitive):
    """Which held occurrences of a job run once they may: the latest, all in due order, or none."""

    RUN_ONCE = "RunOnce"
    RUN_ALL = "RunAll"
    SKIP = "Skip"


class Overlap(CaseInsensitive):
    """What happens to an occurrence that falls due while an earlier one of its job still runs or retries."""

    SKIP = "Skip"
    ALLOW = "Allow"
    QUEUE_ONE = "QueueOne"


class CatchUp(CaseInsensitive):
    """Which occurrences missed while no scheduler ran are made up for, within the job's window."""

    RUN_ONCE = "RunOnce"
    RUN_ALL = "RunAll"
    SKIP = "Skip"


class HostChoice(CaseInsensitive):
    """Which of a pool's free hosts an occurrence runs on.

    SPREAD: where the fewest run, then the one not used for longest. STICKY: always the same one of those that are
    free. RANDOM: any.
    """

    SPREAD = "Spread"
    STICKY = "Sticky"
    RANDOM = "Random"


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job runs: on `host`, anywhere in `pool`, or on `host` with `pool` to move within."""

    pool: str | None = None
    host: str | None = None
    choice: HostChoice = HostChoice.SPREAD


class AutoLead(msgspec.Struct, frozen=True):
    """`leadTime: "auto"`: stop as late as the job's own duration allows."""


AUTO = AutoLead()
LeadTime = timedelta | AutoLead


class MaintenanceRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Maintenance choices of one level; None means that it leaves the question open.

    `lead_time`: stop this long before NotBefore; open at every level: at first sight.
    """

    strategy: Strategy | None = None
    lead_time: LeadTime | None = None
    in_flight: InFlight | None = None
    at_deadline: AtDeadline | None = None
    last_standing: LastStanding | None = None
    on_release: OnRelease | None = None


class DurationRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule for events that are known to last no longer than `up_to`."""

    up_to: timedelta
    rule: MaintenanceRule = MaintenanceRule()


class Maintenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One level's rule, and rules by lower-cased event type and source and by duration that override it."""

    rule: MaintenanceRule = MaintenanceRule()
    by_type: dict[str, MaintenanceRule] = {}
    by_source: dict[str, MaintenanceRule] = {}
    by_duration: tuple[DurationRule, ...] = ()


NO_MAINTENANCE = Maintenance()


class Traits(msgspec.Struct, frozen=True):
    """What rules may tell events apart by; an unknown duration is never short."""

    type: str
    source: str = ""
    duration_seconds: int | None = None

    def __str__(self) -> str:
        """Return them as one text, such as `Freeze/Platform/9`."""
        duration = "" if self.duration_seconds is None else str(self.duration_seconds)
        return f"{_quoted(self.type)}/{_quoted(self.source)}/{duration}".rstrip("/")

    @classmethod
    def read(cls, text: str) -> "Traits":
        """Return what `str` made a text of."""
        kind, source, duration = (*text.split("/"), "", "")[:3]
        return cls(_unquoted(kind), _unquoted(source), int(duration) if duration.isdecimal() else None)


def _quoted(name: str) -> str:
    """Return a name without the slash between names; watchers pass on any type and source as it came."""
    return name.replace("%", "%25").replace("/", "%2F")


def _unquoted(name: str) -> str:
    return name.replace("%2F", "/").replace("%25", "%")


class Level(StrEnum):
    """Who has answered a question, the narrowest first."""

    JOB = "job"
    COLLECTION = "collection"
    FLEET = "fleet"
    DEFAULT = "default"


class ResolvedMaintenance(msgspec.Struct, frozen=True, kw_only=True):
    """What applies to one job under one event, every question answered; `lead_time` None: at first sight."""

    strategy: Strategy
    lead_time: LeadTime | None = None
    in_flight: InFlight = InFlight.WAIT
    at_deadline: AtDeadline = AtDeadline.LEAVE
    last_standing: LastStanding = LastStanding.HOLD_ALL
    on_release: OnRelease = OnRelease.RUN_ONCE


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """The maintenance choices of a job and of the levels around it.

    `has_pool`: the job has somewhere to move to; without a strategy it is rerouted then, and held else (DESIGN §4).
    """

    job: Maintenance = NO_MAINTENANCE
    collection: Maintenance = NO_MAINTENANCE
    fleet: Maintenance = NO_MAINTENANCE
    has_pool: bool = False

    def under(self, traits: Traits) -> ResolvedMaintenance:
        """Answer every question for an event."""
        if self.job == self.collection == self.fleet == NO_MAINTENANCE:
            return _REROUTED if self.has_pool else _DEFAULTS  # asked for at every start on a threatened host
        return ResolvedMaintenance(**{field: value for field, value, _ in self._answers(traits)})

    def origins(self, traits: Traits) -> dict[str, Level]:
        """Return by field which level has answered for an event."""
        return {field: level for field, _, level in self._answers(traits)}

    @property
    def reckons(self) -> bool:
        """Whether how long the job takes may matter: for some event there is a lead time, or a last host to stand."""
        # Asked at each claim and start, mostly of jobs about which nobody has said anything.
        said = [level for level in (self.job, self.collection, self.fleet) if level != NO_MAINTENANCE]
        return any(_reckons(rule) for level in said for rule in _all_rules(level)) if said else False

    def levels(self) -> Iterator[tuple[Level, Maintenance]]:
        """Yield the levels, the narrowest first."""
        yield Level.JOB, self.job
        yield Level.COLLECTION, self.collection
        yield Level.FLEET, self.fleet

    def _answers(self, traits: Traits) -> Iterator[tuple[str, Any, Level]]:
        rules = [(rule, level) for level, maintenance in self.levels() for rule in _rules(maintenance, traits)]
        for field in MaintenanceRule.__struct_fields__:
            answers = ((getattr(rule, field), level) for rule, level in rules)
            answer, level = next((each for each in answers if each[0] is not None), (None, Level.DEFAULT))
            if answer is not None:
                yield field, answer, level
            elif field == "strategy":
                yield field, Strategy.REROUTE if self.has_pool else Strategy.HOLD, Level.DEFAULT
            else:
                yield field, getattr(_DEFAULTS, field), Level.DEFAULT


_DEFAULTS = ResolvedMaintenance(strategy=Strategy.HOLD)
_REROUTED = ResolvedMaintenance(strategy=Strategy.REROUTE)


def _all_rules(maintenance: Maintenance) -> Iterator[MaintenanceRule]:
    """Yield every rule of one level."""
    yield maintenance.rule
    yield from maintenance.by_type.values()
    yield from maintenance.by_source.values()
    yield from (each.rule for each in maintenance.by_duration)


def _reckons(rule: MaintenanceRule) -> bool:
    return rule.lead_time is not None or rule.last_standing is LastStanding.RUN_ON_LEAST_URGENT


def _rules(maintenance: Maintenance, traits: Traits) -> Iterator[MaintenanceRule]:
    """Yield the rules of one level that speak of an event, the most special first."""
    if maintenance is NO_MAINTENANCE:
        return
    if (by_type := maintenance.by_type.get(traits.type.lower())) is not None:
        yield by_type
    if (by_source := maintenance.by_source.get(traits.source.lower())) is not None:
        yield by_source
    if (seconds := traits.duration_seconds) is not None and seconds >= 0:
        fitting = (each for each in maintenance.by_duration if seconds <= each.up_to.total_seconds())
        if (shortest := min(fitting, key=lambda each: each.up_to, default=None)) is not None:
            yield shortest.rule
    yield maintenance.rule
