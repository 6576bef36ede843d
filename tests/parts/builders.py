"""Short ways to say what a test is about: jobs, hosts, threats, claims with everything else left at its default."""

from datetime import UTC, datetime, timedelta

from services.scheduler.domain.actions import Action, HttpCall, RetryKind, RetryPolicy
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.executions import Occurrence, OccurrenceState, occurrence_id
from services.scheduler.domain.hosts import MANUAL, MANUAL_EVENT_ID, SCHEDULED, FleetView, HostView, Threat
from services.scheduler.domain.jobs import Job, JobDefinition, JobId, JobState
from services.scheduler.domain.policies import Placement, Policies
from services.scheduler.domain.threats import Case
from services.scheduler.store.records import Claim, EventRecord
from shared.messages import Event, EventSnapshot, HostStatus, Inventory, Presence
from shared.topics import host_key

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EVENT_ID = "C7061BAC-AFDC-4513-B24B-AA5F13A16123"
ANNOUNCED = EventRecord(
    event_id="E1",
    type="Reboot",
    status="Scheduled",
    resources=("db-0",),
    not_before=NOON,
    duration_seconds=9,
    source="User",
    description="",
    first_seen_at=NOON,
)
"""An event of one host as the store has it."""


def action(uri: str = "http://target.test/", *, retries: int = 0) -> Action:
    policy = RetryPolicy(kind=RetryKind.FIXED if retries else RetryKind.NONE, count=retries)
    return Action(call=HttpCall(method="POST", uri=uri), retry_policy=policy)


def uri_of(what: Job) -> str:
    """Return the address that a job calls; fails for a job that makes no HTTP call."""
    call = what.definition.action.call
    assert isinstance(call, HttpCall)
    return call.uri


def definition(
    uri: str = "http://target.test/", *, host: str | None = None, pool: str | None = None, **more: object
) -> JobDefinition:
    placement = Placement(host=host, pool=pool) if host or pool else None
    return JobDefinition(**{"action": action(uri), "placement": placement, **more})  # type: ignore[arg-type]


def job(job_id: int = 1, what: JobDefinition | None = None, **more: object) -> Job:
    fields: dict[str, object] = {
        "id": JobId(job_id),
        "uid": f"uid-{job_id}",
        "collection_id": CollectionId(1),
        "collection": "demo",
        "name": f"job-{job_id}",
        "definition": what or definition(),
        "state": JobState.ENABLED,
        "anchor": NOON,
        "next_due": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Job(**{**fields, **more})  # type: ignore[arg-type]


def occurrence(of: Job | None = None, due: datetime = NOON, **more: object) -> Occurrence:
    of = of or job()
    fields: dict[str, object] = {
        "id": occurrence_id(of.uid, due),
        "job_id": of.id,
        "due": due,
        "fire_at": due,
        "state": OccurrenceState.CLAIMED,
    }
    return Occurrence(**{**fields, **more})  # type: ignore[arg-type]


def claim(of: Job | None = None, **more: object) -> Claim:
    of = of or job()
    return Claim(occurrence=occurrence(of, **more), job=of)  # type: ignore[arg-type]


def threat(*resources: str, status: str = SCHEDULED, kind: str = "Reboot", notice: timedelta | None = None) -> Threat:
    return Threat(
        event_id=EVENT_ID,
        type=kind,
        status=status,
        not_before=NOON + notice if notice is not None else None,
        resources=frozenset(host_key(name) for name in resources),
    )


def by_hand() -> Threat:
    return Threat(event_id=MANUAL_EVENT_ID, type=MANUAL, status=SCHEDULED, not_before=None, reason="cordoned by hand")


def host(name: str, *threats: Threat, pools: tuple[str, ...] = (), **more: object) -> HostView:
    fields: dict[str, object] = {"key": host_key(name), "name": name, "pools": pools, "threats": threats}
    return HostView(**{**fields, **more})  # type: ignore[arg-type]


def fleet(*hosts: HostView) -> FleetView:
    return FleetView(hosts)


def case(what: JobDefinition | None = None, now: datetime = NOON, **more: object) -> Case:
    """What a decision about a job is made from; `collection` and `fleet` are the policies around the job's own."""
    what = what or definition()
    levels = {level: more.pop(level) for level in ("collection", "fleet") if level in more}
    has_pool = what.placement is not None and what.placement.pool is not None
    policies = Policies(job=what.maintenance, has_pool=has_pool, **levels)  # type: ignore[arg-type]
    fields: dict[str, object] = {"definition": what, "policies": policies, "uid": "uid", "occurrence": "o", "now": now}
    return Case(**{**fields, **more})  # type: ignore[arg-type]


def event(
    *resources: str, status: str = SCHEDULED, notice: timedelta | None = timedelta(minutes=15), **more: object
) -> Event:
    fields: dict[str, object] = {
        "event_id": EVENT_ID,
        "type": "Reboot",
        "status": status,
        "resources": resources,
        "not_before": NOON + notice if notice is not None and status == SCHEDULED else None,
        "source": "User",
    }
    return Event(**{**fields, **more})  # type: ignore[arg-type]


def snapshot(
    reporter: str, *events: Event, session: str = "s1", sequence: int = 1, at: datetime = NOON
) -> EventSnapshot:
    return EventSnapshot(
        host=reporter, session=session, sequence=sequence, incarnation=sequence, observed_at=at, events=events
    )


def online(reporter: str, *, session: str = "s1", at: datetime = NOON) -> HostStatus:
    return HostStatus(host=reporter, session=session, state=Presence.ONLINE, at=at, poll_ok=True, last_poll_at=at)


def inventory(name: str, *pools: str, group: str = "fleet", **more: object) -> Inventory:
    fields: dict[str, object] = {"host": name, "pools": pools, "group": group, "addresses": (f"10.0.0.{len(name)}",)}
    return Inventory(**{**fields, **more})  # type: ignore[arg-type]
