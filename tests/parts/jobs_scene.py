"""Collections with jobs that have run, failed, moved and wait, for tests of the pages about them."""

from datetime import timedelta

from msgspec.structs import replace

from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.executions import AttemptResult, HistoryRow, HistoryStatus, history_row, unrun_row
from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.store.records import Claim, Outcome
from tests.parts.api_work import claim_due, turn
from tests.parts.fakes_api import Api, a_job, every

HOSTS = tuple(
    HostReport(host=name, condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))
    for name in ("db-0", "db-1")
)
JOB = "/portal/jobs/default/ops/nightly-backup"
_WEEKLY = {"frequency": "Week", "interval": 1, "schedule": {"weekDays": ["monday"], "hours": [5], "minutes": [30]}}
_HELD = DecisionRecord(verdict=Verdict.HELD, cause=Cause.EVENT, event_id="E1", event_type="Reboot")
_MOVED = replace(_HELD, verdict=Verdict.REROUTED, away_from="db-0")
_RAN = DecisionRecord(verdict=Verdict.RAN, cause=Cause.HOME)
_REASON = "db-0: Reboot due at 2026-03-02 15:00:00 UTC"


async def set_scene(api: Api) -> None:
    """Make `ops/nightly-backup` with a history, which waits now, some reports, and a closed collection."""
    policy = {"strategy": "Reroute", "leadTime": "auto", "byType": {"Freeze": {"strategy": "Ignore"}}}
    quota = {"sku": {"name": "Standard"}, "quota": {"maxJobCount": 40}, "tags": {"owner": "data"}}
    await api.call("PUT", "/collections/ops", {**quota, "maintenance": policy})
    await api.call("PUT", "/collections/reports", {})
    await api.call("PUT", "/collections/closed", {"state": "Disabled"})
    placed = {"placement": {"pool": "db", "host": "db-0"}, "tags": {"team": "db", "env": "prod"}}
    backup = a_job(recurrence=every(5, timeZone="Europe/Berlin"), **placed)
    await api.call("PUT", "/collections/ops/jobs/nightly-backup", backup)
    for number in range(6):
        state = "enabled" if number % 3 else "disabled"
        report = a_job(recurrence=_WEEKLY, tags={"team": "bi"}, state=state, placement={"pool": "db"})
        await api.call("PUT", f"/collections/reports/jobs/report-{number}", report)
    await api.call("PUT", "/collections/closed/jobs/old-import", a_job(recurrence=every(60)))
    for number in range(24):
        await _let_happen(api, number)
    turn(api, minutes=5)
    owner, claims = await claim_due(api)
    await api.services.store.settle(owner, [_held(claim) for claim in claims])


async def _let_happen(api: Api, number: int) -> None:
    turn(api, minutes=5)
    owner, claims = await claim_due(api)
    assert not await api.services.store.settle(owner, [_outcome(api, claim, number) for claim in claims])


def _outcome(api: Api, claim: Claim, number: int) -> Outcome:
    failed = number % 7 == 3
    rows = [_attempt(api, claim, number, failed=failed)]
    if number == 15:
        waited = replace(claim.occurrence, host="db-0")
        rows.insert(0, unrun_row(waited, HistoryStatus.POSTPONED, _REASON, api.services.clock.now(), _HELD))
    return Outcome(
        occurrence_id=claim.occurrence.id,
        job_id=claim.job.id,
        rows=tuple(rows),
        main_attempts=1,
        failures=int(failed),
        faulted=failed,
        last_execution_time=api.services.clock.now(),
    )


def _attempt(api: Api, claim: Claim, number: int, *, failed: bool) -> HistoryRow:
    """Return the row of an attempt: the latest ones have moved to db-1."""
    now = api.services.clock.now()
    result = AttemptResult(
        succeeded=not failed,
        retryable=False,
        message="503 Service Unavailable" if failed else "200 OK\nbacked up 312 tables",
        started_at=now,
        ended_at=now + timedelta(milliseconds=300 + number * 397 % 900),
        host="db-1" if number > 20 else "db-0",
        decision=_MOVED if number > 20 else _RAN,
    )
    return history_row(claim.occurrence, result)


def _held(claim: Claim) -> Outcome:
    return Outcome(
        occurrence_id=claim.occurrence.id, job_id=claim.job.id, held_for="db-0", held_under="Reboot", reason=_REASON
    )
