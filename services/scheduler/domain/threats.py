"""What a threat means for a job: whether it keeps it off a host now, and ends what runs there. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.hosts import MANUAL, STARTED, HostView, Threat
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.policies import AtDeadline, AutoLead, InFlight, Policies, ResolvedMaintenance, Strategy
from services.scheduler.domain.rehearsals import kind_words
from shared.topics import HostKey

LEAD_MARGIN = timedelta(seconds=5)
"""What `leadTime: "auto"` leaves between the end that is reckoned with and NotBefore."""
DEADLINE_MARGIN = timedelta(seconds=2)
"""How long before NotBefore a policy for the deadline breaks executions off: hanging up and telling take time."""
CANCEL_LIMIT = timedelta(seconds=5)
"""How long a target may take to answer a cancel request; the deadline of a job that sends one comes earlier by it."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What one decision is about: a job with its policies, one occurrence of it, and the moment.

    `expected`: how long an execution of it takes, 99 times in 100; None when too little is known. `endured`: events in
    spite of which the occurrence runs on its host, being the last one that stands; only their deadline ends it.
    """

    definition: JobDefinition
    policies: Policies
    uid: str = ""
    occurrence: str = ""
    expected: timedelta | None = None
    endured: frozenset[str] = frozenset()
    now: datetime


def stops(threat: Threat, rule: ResolvedMaintenance, case: Case) -> bool:
    """Whether a threat keeps a job with this rule off the host now; before the lead time has come it does not.

    Nor does it start later than it would take to be done before NotBefore, whatever the lead time, or when it would be
    broken off at once.
    """
    if rule.strategy is Strategy.IGNORE:
        return False
    if rule.lead_time is None or threat.not_before is None or threat.closed or threat.status == STARTED:
        return True
    return threat.not_before - case.now <= lead_of(rule.lead_time, case) or is_due(threat, rule, case)


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
    kind = kind_words(threat.event_id, threat.type)
    if threat.status == STARTED:
        return f"{kind} of {where} has started"
    if threat.not_before is None:
        return f"{kind} of {where} is announced"
    return f"{kind} of {where} is due at {threat.not_before:%Y-%m-%d %H:%M:%S} UTC"


class BreakOff(msgspec.Struct, frozen=True, kw_only=True):
    """End a running execution now; `repeat`: it is no failure, and runs again where it may.

    `threat` is what it makes way for; None when the scheduler stops.
    """

    threat: Threat | None = None
    cause: Cause
    repeat: bool

    def reason(self, where: str) -> str:
        """Return why, for people."""
        return f"broken off: {'the scheduler stops' if self.threat is None else describe(self.threat, where)}"


STOPPING = BreakOff(cause=Cause.STOPPING, repeat=True)


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """When a running execution is to be broken off, should nothing change until then, and why."""

    at: datetime
    why: BreakOff


def begun(case: Case, host: HostView) -> Case:
    """Return what an execution that starts on `host` is judged by from now on: it endures what stands against it."""
    return (
        replace(case, endured=frozenset(threat.event_id for threat in barriers(case, host))) if host.threats else case
    )


def next_ending(policies: Policies, host: HostView, case: Case) -> Ending | None:
    """Return when a running execution on `host` is to end, `case.now` at the earliest; None: nothing ends it."""
    return min(_endings(policies, host, case), key=lambda ending: ending.at, default=None)


def _endings(policies: Policies, host: HostView, case: Case) -> Iterator[Ending]:
    for threat in host.threats:
        rule = policies.under(threat.traits)
        if rule.strategy is Strategy.IGNORE:
            continue
        if rule.in_flight is InFlight.CANCEL and threat.event_id not in case.endured:
            why = BreakOff(threat=threat, cause=cause_of(threat), repeat=True)
            yield Ending(at=_kept_off_from(threat, rule, case), why=why)
        deadline = deadline_of(threat, case)
        if rule.at_deadline is not AtDeadline.LEAVE and deadline is not None:
            why = BreakOff(threat=threat, cause=Cause.DEADLINE, repeat=rule.at_deadline is AtDeadline.MOVE)
            yield Ending(at=max(deadline, case.now), why=why)


def _kept_off_from(threat: Threat, rule: ResolvedMaintenance, case: Case) -> datetime:
    """Return from when on a threat that is to be minded keeps the job off the host."""
    if rule.lead_time is None or threat.not_before is None or stops(threat, rule, case):
        return case.now
    return threat.not_before - lead_of(rule.lead_time, case)


def deadline_of(threat: Threat, case: Case) -> datetime | None:
    """Return when an execution must end to be gone before the event begins; None: nobody knows when that is."""
    if threat.status == STARTED:
        return case.now
    if threat.not_before is None:
        return None
    return threat.not_before - DEADLINE_MARGIN - time_to_tell(case)


def time_to_tell(case: Case) -> timedelta:
    """Return how long it may take to tell a job's target that an execution was broken off."""
    return timedelta() if case.definition.action.cancel is None else CANCEL_LIMIT


def is_due(threat: Threat, rule: ResolvedMaintenance, case: Case) -> bool:
    """Whether an execution may not be there any more: the time has come that the policy for the deadline speaks of."""
    deadline = deadline_of(threat, case)
    return rule.at_deadline is not AtDeadline.LEAVE and deadline is not None and deadline <= case.now


def cancelled(why: BreakOff, host: HostKey | None, case: Case) -> DecisionRecord:
    """Return what history keeps of a break-off on a host."""
    record = DecisionRecord(verdict=Verdict.CANCELLED, cause=why.cause, away_from=host, expected=case.expected)
    if why.threat is None:
        return record
    return replace(
        record,
        event_id=why.threat.event_id,
        event_type=why.threat.type,
        not_before=why.threat.not_before,
        strategy=case.policies.under(why.threat.traits).strategy,
        decided_by=case.policies.origins(why.threat.traits)["strategy"],
    )


def crosses(case: Case, threat: Threat) -> bool:
    """Whether what began at `case.now` will still run when an event begins, if it takes as long as it usually does.

    Where that is not known its time limit counts.
    """
    if threat.not_before is None or threat.status == STARTED:
        return False
    takes = case.expected if case.expected is not None else case.definition.timeout
    return case.now + takes > threat.not_before and counts_against_drain(case.policies, threat)


def counts_against_drain(policies: Policies, threat: Threat) -> bool:
    """Whether a running execution keeps its host from being drained; jobs that ignore the event do not."""
    return policies.under(threat.traits).strategy is not Strategy.IGNORE
