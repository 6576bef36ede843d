"""What a threat means for a job: whether it keeps it off a host now, and ends what runs there. Pure."""

from datetime import datetime, timedelta

import msgspec

from services.scheduler.domain.decisions import Cause
from services.scheduler.domain.hosts import MANUAL, STARTED, HostView, Threat
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.policies import AtDeadline, AutoLead, InFlight, Policies, ResolvedMaintenance, Strategy

LEAD_MARGIN = timedelta(seconds=5)
"""What `leadTime: "auto"` leaves between the end that is reckoned with and NotBefore."""
DEADLINE_MARGIN = timedelta(seconds=2)
"""How long before NotBefore a policy for the deadline breaks executions off: hanging up and telling take time."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What one decision is about: a job with its policies, one occurrence of it, and the moment.

    `expected`: how long an execution of it takes, 99 times in 100; None when too little is known.
    """

    definition: JobDefinition
    policies: Policies
    uid: str = ""
    occurrence: str = ""
    expected: timedelta | None = None
    now: datetime


def stops(threat: Threat, rule: ResolvedMaintenance, case: Case) -> bool:
    """Whether a threat keeps a job with this rule off the host now; before the lead time has come it does not.

    Nor does it start later than it would take to be done before NotBefore, whatever the lead time.
    """
    if rule.strategy is Strategy.IGNORE:
        return False
    if rule.lead_time is None or threat.not_before is None or threat.closed or threat.status == STARTED:
        return True
    return threat.not_before - case.now <= lead_of(rule.lead_time, case)


def lead_of(lead_time: timedelta | AutoLead, case: Case) -> timedelta:
    """Return how long before NotBefore a job stops; with `auto`, the time limit stands for an unknown duration."""
    if isinstance(lead_time, AutoLead):
        return (case.expected if case.expected is not None else case.definition.timeout) + LEAD_MARGIN
    return max(lead_time, case.expected or lead_time)


def barriers(case: Case, host: HostView) -> tuple[Threat, ...]:
    """Return the host's threats that keep this job off it now."""
    return tuple(threat for threat in host.threats if stops(threat, case.policies.under(threat.traits), case))


def tolerance(case: Case, host: HostView) -> Cause | None:
    """Return why a threatened host is used all the same."""
    if not host.threats or barriers(case, host):
        return None
    rules = [case.policies.under(threat.traits) for threat in host.threats]
    return Cause.IGNORED if all(rule.strategy is Strategy.IGNORE for rule in rules) else Cause.TIME_LEFT


def cause_of(threat: Threat) -> Cause:
    """Return what a threat is to people: an event, or somebody's cordon."""
    return Cause.CORDON if threat.type == MANUAL else Cause.EVENT


def describe(threat: Threat, where: str) -> str:
    """Return a threat as a reason for people: what, where, and when."""
    if threat.reason:
        return f"{where}: {threat.reason}"
    if threat.status == STARTED:
        return f"{threat.type} of {where} has started"
    if threat.not_before is None:
        return f"{threat.type} of {where} is announced"
    return f"{threat.type} of {where} is due at {threat.not_before:%Y-%m-%d %H:%M:%S} UTC"


class BreakOff(msgspec.Struct, frozen=True, kw_only=True):
    """End a running execution now; `repeat`: it is no failure, and runs again where it may."""

    threat: Threat
    cause: Cause
    repeat: bool


def to_break_off(policies: Policies, host: HostView, case: Case) -> BreakOff | None:
    """Return why a running execution on `host` is to end now: its rule says so, and its time has come."""
    for threat in host.threats:
        rule = policies.under(threat.traits)
        if rule.strategy is Strategy.IGNORE:
            continue
        if rule.in_flight is InFlight.CANCEL and stops(threat, rule, case):
            return BreakOff(threat=threat, cause=cause_of(threat), repeat=True)
        if rule.at_deadline is not AtDeadline.LEAVE and _is_due(threat, case.now):
            return BreakOff(threat=threat, cause=Cause.DEADLINE, repeat=rule.at_deadline is AtDeadline.MOVE)
    return None


def _is_due(threat: Threat, now: datetime) -> bool:
    """Whether an event is about to begin, or has."""
    if threat.status == STARTED:
        return True
    return threat.not_before is not None and threat.not_before - now <= DEADLINE_MARGIN


def counts_against_drain(policies: Policies, threat: Threat) -> bool:
    """Whether a running execution keeps its host from being drained; jobs that ignore the event do not."""
    return policies.under(threat.traits).strategy is not Strategy.IGNORE
