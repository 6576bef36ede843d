"""The choices a job makes about maintenance, overlap and downtime (DESIGN: what an event does)."""

from datetime import timedelta

import msgspec

from services.scheduler.domain.choices import CaseInsensitive


class Strategy(CaseInsensitive):
    """What happens to an occurrence whose host is threatened."""

    REROUTE = "Reroute"
    HOLD = "Hold"
    IGNORE = "Ignore"


class InFlight(CaseInsensitive):
    """What happens to an execution that runs on the host when an event threatens it."""

    WAIT = "Wait"
    CANCEL = "Cancel"


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


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job runs: on `host`, anywhere in `pool`, or on `host` with `pool` to move within."""

    pool: str | None = None
    host: str | None = None


class MaintenanceRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job's maintenance choices; None means the next wider level decides.

    `lead_time`: stop this long before NotBefore; None: at first sight.
    """

    strategy: Strategy | None = None
    lead_time: timedelta | None = None
    in_flight: InFlight | None = None
    on_release: OnRelease | None = None


class Maintenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job's rule, and rules by lower-cased event type that override it field by field."""

    rule: MaintenanceRule = MaintenanceRule()
    by_type: dict[str, MaintenanceRule] = {}


class ResolvedMaintenance(msgspec.Struct, frozen=True, kw_only=True):
    """What applies to one job under one event type, every question answered."""

    strategy: Strategy
    lead_time: timedelta | None
    in_flight: InFlight
    on_release: OnRelease


def resolve(maintenance: Maintenance, event_type: str, *, has_pool: bool) -> ResolvedMaintenance:
    """Answer every question for a job under `event_type`: by type, else the job's rule, else the defaults.

    Without a strategy a job with a pool is rerouted and one without is held (DESIGN §4).
    """
    special = maintenance.by_type.get(event_type.lower(), MaintenanceRule())
    rule = maintenance.rule
    default = Strategy.REROUTE if has_pool else Strategy.HOLD
    return ResolvedMaintenance(
        strategy=special.strategy or rule.strategy or default,
        lead_time=special.lead_time if special.lead_time is not None else rule.lead_time,
        in_flight=special.in_flight or rule.in_flight or InFlight.WAIT,
        on_release=special.on_release or rule.on_release or OnRelease.RUN_ONCE,
    )
