"""Maintenance documents: what an event does, on each level that may decide it, and what comes of them for one job."""

import msgspec

from services.scheduler.api.schemas.actions import CancelDocument
from services.scheduler.api.schemas.values import Document, Duration, Lead
from services.scheduler.domain.policies import AtDeadline, InFlight, LastStanding, Level, OnRelease, Strategy


class MaintenanceRuleDocument(Document, frozen=True, kw_only=True):
    """What an event does; what is absent is decided by the next wider level."""

    strategy: Strategy | None = None
    lead_time: Lead | None = None
    in_flight: InFlight | None = None
    at_deadline: AtDeadline | None = None
    last_standing: LastStanding | None = None
    on_release: OnRelease | None = None


class DurationRuleDocument(MaintenanceRuleDocument, frozen=True, kw_only=True):
    """One of `byDuration`: a rule for events that are known to last no longer than `upTo`."""

    up_to: Duration


class MaintenanceDocument(MaintenanceRuleDocument, frozen=True, kw_only=True):
    """`maintenance`: a rule, and rules by event type, source and duration that override it field by field."""

    by_type: dict[str, MaintenanceRuleDocument] = msgspec.field(default_factory=dict)
    by_source: dict[str, MaintenanceRuleDocument] = msgspec.field(default_factory=dict)
    by_duration: list[DurationRuleDocument] = msgspec.field(default_factory=list)


class JobMaintenanceDocument(MaintenanceDocument, frozen=True, kw_only=True):
    """`maintenance` of a job, with what its target is sent when an execution of it is broken off."""

    cancel: CancelDocument | None = None


class ResolvedRuleDocument(Document, frozen=True, kw_only=True):
    """What applies, every question answered; `from` says who has answered each. Without leadTime: at first sight."""

    strategy: Strategy
    lead_time: Lead | None = None
    in_flight: InFlight
    at_deadline: AtDeadline
    last_standing: LastStanding
    on_release: OnRelease
    answered_by: dict[str, Level] = msgspec.field(name="from")


class ResolvedDurationDocument(ResolvedRuleDocument, frozen=True, kw_only=True):
    """What applies under events that are known to last no longer than `upTo`."""

    up_to: Duration


class ResolvedMaintenanceDocument(ResolvedRuleDocument, frozen=True, kw_only=True):
    """What applies under any event, and under those that some level tells apart."""

    by_type: dict[str, ResolvedRuleDocument] = msgspec.field(default_factory=dict)
    by_source: dict[str, ResolvedRuleDocument] = msgspec.field(default_factory=dict)
    by_duration: list[ResolvedDurationDocument] = msgspec.field(default_factory=list)


class ResolvedDocument(Document, frozen=True, kw_only=True):
    """`resolved` of a job: its policies as they apply now, and how long it takes, 99 times in 100."""

    maintenance: ResolvedMaintenanceDocument
    expected_duration: Duration | None = None
