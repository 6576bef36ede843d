"""A fleet in bad weather, as people look at it: events of every kind; jobs that run, fail, wait and move."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import cycle

from msgspec.structs import replace

from services.scheduler.api.preview import preview_job
from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, unrun_row
from services.scheduler.domain.hosts import HostCondition, HostReport, Threat
from services.scheduler.domain.jobs import Job
from services.scheduler.store.records import (
    Approval,
    ApprovalState,
    Claim,
    EventOutcome,
    EventRecord,
    HostDrain,
    Outcome,
    Plan,
)
from shared.messages import DrainState
from tests.parts.fakes_api import NOON, Api, FakeHosts, HandClock, a_job, every, running_api
from tests.parts.stored import planned

HOUR = timedelta(hours=1)
HOSTS = (
    HostReport(
        host="db-0",
        condition=HostCondition.DRAINED,
        watcher="online",
        pools=("db",),
        addresses=("10.0.0.4",),
        events=("E-REBOOT",),
        held=1,
        reason="Reboot of db-0 is due",
    ),
    HostReport(host="db-1", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",), running=2),
    HostReport(host="db-2", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",)),
    HostReport(
        host="web-0",
        condition=HostCondition.INTERRUPTED,
        watcher="offline",
        pools=("web",),
        events=("E-FREEZE",),
        reason="Freeze of web-0 has started",
    ),
    HostReport(host="web-1", condition=HostCondition.CORDONED, watcher="online", pools=("web",), reason="new disks"),
    HostReport(host="lonely", condition=HostCondition.SILENT, watcher="offline"),
)


def before(minutes: float) -> timedelta:
    """Return so many minutes."""
    return timedelta(minutes=minutes)


EVENTS = (
    EventRecord(
        event_id="E-REBOOT",
        type="Reboot",
        status="Scheduled",
        resources=("db-0",),
        not_before=NOON + before(12),
        duration_seconds=240,
        source="Platform",
        description="Host server is undergoing maintenance.",
        first_seen_at=NOON - before(9),
        hosts={"db-0": HostDrain(drain=DrainState.DRAINED, held=1, rerouted=4, drained_at=NOON - before(4))},
        approval=Approval(state=ApprovalState.ASKED, at=NOON - before(2)),
    ),
    EventRecord(
        event_id="E-FREEZE",
        type="Freeze",
        status="Started",
        resources=("web-0",),
        not_before=None,
        duration_seconds=None,
        source="Platform",
        description="",
        first_seen_at=NOON - before(16),
        started_at=NOON - before(1),
        announced_for=NOON - before(1),
        hosts={"web-0": HostDrain(drain=DrainState.OVERDUE, running=1)},
        approval=Approval(state=ApprovalState.FOREIGN, at=NOON - before(1)),
    ),
    EventRecord(
        event_id="E-DONE",
        type="Redeploy",
        status="Started",
        resources=("db-1",),
        not_before=None,
        duration_seconds=None,
        source="User",
        description="",
        first_seen_at=NOON - before(50),
        started_at=NOON - before(38),
        announced_for=NOON - before(35),
        ended_at=NOON - before(33),
        outcome=EventOutcome.COMPLETED,
        hosts={"db-1": HostDrain(drain=DrainState.DRAINED, drained_at=NOON - before(44))},
        approval=Approval(state=ApprovalState.APPROVED, at=NOON - before(41), by="leeward"),
    ),
    EventRecord(
        event_id="E-NEVER",
        type="Preempt",
        status="Scheduled",
        resources=("db-2",),
        not_before=NOON - before(5),
        duration_seconds=None,
        source="Platform",
        description="",
        first_seen_at=NOON - before(20),
        ended_at=NOON - before(12),
        outcome=EventOutcome.CANCELLED,
        hosts={"db-2": HostDrain(drain=DrainState.DRAINED)},
    ),
)
MOVED = DecisionRecord(
    verdict=Verdict.REROUTED, cause=Cause.EVENT, away_from="db-0", event_id="E-REBOOT", event_type="Reboot"
)
HELD = DecisionRecord(verdict=Verdict.HELD, cause=Cause.EVENT, event_id="E-REBOOT", event_type="Reboot")
JOBS = {
    "backup": a_job(recurrence=every(5), placement={"host": "db-0", "pool": "db"}),
    "report": a_job(recurrence=every(7), placement={"host": "db-0"}),
    "vacuum": a_job(recurrence=every(3), placement={"pool": "db"}),
    "crawl": a_job(recurrence=every(20), placement={"host": "web-0"}),
    "mail": {"action": {"request": {"uri": "https://mail.test/digest", "method": "POST"}}, "recurrence": every(30)},
}


ENDS: Sequence[tuple[str | None, HistoryStatus, DecisionRecord | None]] = (
    ("db-1", HistoryStatus.COMPLETED, None),
    ("db-2", HistoryStatus.COMPLETED, None),
    ("db-1", HistoryStatus.COMPLETED, MOVED),
    ("db-0", HistoryStatus.POSTPONED, HELD),
    ("web-0", HistoryStatus.FAILED, None),
    ("web-1", HistoryStatus.COMPLETED, None),
    (None, HistoryStatus.COMPLETED, None),
    ("db-2", HistoryStatus.SKIPPED, None),
    ("db-2", HistoryStatus.COMPLETED, MOVED),
    ("db-1", HistoryStatus.COMPLETED, None),
    ("web-1", HistoryStatus.COMPLETED, None),
    ("lonely", HistoryStatus.MISSED, None),
    ("db-2", HistoryStatus.COMPLETED, None),
)
"""How what happened ended, again and again."""


@asynccontextmanager
async def stormy_api(*reports: HostReport) -> AsyncIterator[Api]:
    """Serve an API with all of the above; its jobs are an hour old."""
    async with running_api(*(reports or HOSTS)) as api:
        services = api.services
        assert isinstance(services.clock, HandClock)
        assert isinstance(services.hosts, FakeHosts)
        services.clock.turn(-HOUR)
        await api.call("PUT", "/collections/demo", {})
        for name, document in JOBS.items():
            await api.call("PUT", f"/collections/demo/jobs/{name}", document)
        services.clock.turn(HOUR)
        for event in EVENTS:
            await services.store.put_event(event)
            await services.store.record_approval(event.event_id, event.approval)
            services.hosts.threats[event.event_id] = _threat(event)
        await _let_happen(api)
        yield api


def _threat(event: EventRecord) -> Threat:
    return Threat(
        event_id=event.event_id,
        type=event.type,
        status=event.status,
        not_before=event.not_before,
        duration_seconds=event.duration_seconds,
    )


async def _let_happen(api: Api) -> None:
    """Let something have ended each minute of the past hour, mostly well."""
    store, now = api.services.store, api.services.clock.now()
    owner = await store.register("replica", now, HOUR)
    claims = await store.claim(owner, now=now, horizon=now, limit=500, plan=_planned)
    ends = cycle(ENDS)
    for number, claim in enumerate(claims):
        minutes = range(number + 1, 60, len(claims))
        rows = [_row(claim, NOON - before(minute), *next(ends)) for minute in reversed(minutes)]
        outcome = Outcome(occurrence_id=claim.occurrence.id, job_id=claim.job.id, rows=tuple(rows), main_attempts=1)
        await store.settle(owner, [outcome])


def _planned(job: Job) -> Plan:
    """Plan what is due now, and nothing that was due before."""
    [later] = preview_job(job, NOON, 1)
    return Plan(occurrences=(planned(job, NOON),), next_due=later, planned=job.planned + 1)


def _row(
    claim: Claim, at: datetime, host: str | None, status: HistoryStatus, decision: DecisionRecord | None
) -> HistoryRow:
    return replace(unrun_row(claim.occurrence, status, "as it came", at, decision), host=host)
