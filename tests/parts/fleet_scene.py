"""A fleet on which much is going on, for tests of the pages about it."""

from datetime import timedelta

from msgspec.structs import replace

from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.hosts import HostCondition, HostReport, Loss
from services.scheduler.portal.ports import Watched
from services.scheduler.store.records import Approval, ApprovalState, EventOutcome, EventRecord, HostDrain, Outcome
from shared.messages import Block, DrainState, HostStatus, Inventory, Presence, ReplicaStatus
from shared.topics import HostKey
from tests.parts.api_work import claim_due, turn
from tests.parts.fakes_api import NOON, Api, a_job, every
from tests.parts.past_events import EVENT
from tests.parts.stored import row

MINUTE = timedelta(minutes=1)
HOSTS = (
    HostReport(
        host="db-0",
        condition=HostCondition.CORDONED,
        watcher="online",
        pools=("db",),
        addresses=("10.0.0.4",),
        events=("E-LIVE",),
        running=2,
        held=3,
        last_seen_at=NOON,
    ),
    HostReport(
        host="db-1", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",), addresses=("10.0.0.5",)
    ),
    HostReport(host="db-2", condition=HostCondition.INTERRUPTED, watcher="offline", pools=("db",), events=("E-ON",)),
    HostReport(host="web-0", condition=HostCondition.AVAILABLE, watcher="offline", pools=("web",), last_seen_at=NOON),
    HostReport(
        host="spot-7",
        condition=HostCondition.SILENT,
        watcher="offline",
        pools=("batch",),
        reason="lost to a Preempt at 2026-03-02 11:00:00 UTC",
        lost=Loss(event_id="E-GONE", type="Preempt", at=NOON - 60 * MINUTE),
    ),
)
LIVE = EventRecord(
    event_id="E-LIVE",
    type="Reboot",
    status="Scheduled",
    resources=("db-0",),
    not_before=NOON + 14 * MINUTE,
    announced_for=NOON + 12 * MINUTE,
    duration_seconds=90,
    source="Platform",
    description="Virtual machine is being restarted.",
    first_seen_at=NOON - MINUTE,
    hosts={"db-0": HostDrain(drain=DrainState.DRAINING, running=2, held=3, rerouted=11)},
)
EARLY = replace(
    EVENT,
    approval=Approval(
        state=ApprovalState.APPROVED, at=NOON + MINUTE, by="scheduler-0", reason="every job that ran there is finished"
    ),
)
_WORDS = "Reboot of db-0 is announced"


def past(number: int, **changes: object) -> EventRecord:
    """Return one of many past events."""
    at = NOON - number * 60 * MINUTE
    hosts = {host: HostDrain(drain=DrainState.DRAINED, drained_at=at + MINUTE) for host in ("db-0", "db-1")}
    changed = {
        "hosts": hosts,
        "event_id": f"P-{number:04}",
        "first_seen_at": at,
        "announced_for": at + 15 * MINUTE,
        **changes,
    }
    return replace(EVENT, started_at=at + 15 * MINUTE, ended_at=at + 16 * MINUTE, **changed)


async def set_scene(api: Api) -> None:
    """Have two events, jobs of which some were moved and held, watchers that tell much, and a block."""
    store = api.services.store
    for event in (LIVE, EARLY, past(2, type="Freeze"), past(3, outcome=EventOutcome.CANCELLED, resources=("db-1",))):
        await store.put_event(event)
    await store.record_approval(EARLY.event_id, EARLY.approval)
    await api.call("PUT", "/collections/nightly", {})
    for name, placement in (("backup", {"host": "db-0"}), ("report", {"pool": "db"})):
        body = a_job(recurrence=every(5), startTime="2026-03-02T12:01:00Z", placement=placement)
        await api.call("PUT", f"/collections/nightly/jobs/{name}", body)
    turn(api, minutes=1)
    await _decide(api)
    _watch(api)


async def _decide(api: Api) -> None:
    """Hold the one job and move the other, because of the live event."""
    owner, claims = await claim_due(api)
    record = DecisionRecord(
        verdict=Verdict.HELD, cause=Cause.EVENT, away_from="db-0", event_id="E-LIVE", event_type="Reboot"
    )
    for claim in claims:
        is_held = claim.job.name == "backup"
        status = HistoryStatus.POSTPONED if is_held else HistoryStatus.COMPLETED
        decided = record if is_held else replace(record, verdict=Verdict.REROUTED)
        line = row(claim.occurrence, status, NOON + MINUTE)
        outcome = Outcome(
            occurrence_id=claim.occurrence.id,
            job_id=claim.job.id,
            held_for="db-0" if is_held else None,
            reason=_WORDS,
            rows=(replace(line, host="db-0" if is_held else "db-1", reason=_WORDS, decision=decided),),
        )
        await api.services.store.settle(owner, [outcome])


def _watch(api: Api) -> None:
    status = HostStatus(
        host="db-0",
        session="8e7c-42",
        state=Presence.ONLINE,
        at=NOON,
        poll_ok=True,
        last_poll_at=NOON,
        started_at=NOON - 600 * MINUTE,
        metadata="active",
        metadata_since=NOON - 590 * MINUTE,
    )
    inventory = Inventory(
        host="db-0",
        computer_name="dbserver0",
        addresses=("10.0.0.4",),
        pools=("db",),
        zone="2",
        scale_set="db",
        fault_domain="1",
        update_domain="3",
        location="westeurope",
        size="Standard_D4s_v5",
        vm_id="7c9a1e0e-5b6f-4c53-9a51-0d2d9f1f1d11",
        tags={"leeward-capacity": "8", "team": "data"},
    )
    block = Block(reason="a backup of the disks runs", until=NOON + 20 * MINUTE)
    watched = Watched(inventory=inventory, status=status, heard_at=NOON, blocks={"backup": block})
    api.replica.hosts = {HostKey("db-0"): watched}
    api.replica.statuses = [
        ReplicaStatus(replica=name, session="s", state=Presence.ONLINE, at=NOON, version="1.0.0")
        for name in ("scheduler-0", "scheduler-1")
    ]
