"""What store tests write: drafts, plans, outcomes, rows, around one fixed instant."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from services.scheduler.domain.actions import Action, HttpCall
from services.scheduler.domain.collections import Collection, CollectionDefinition, CollectionState, Namespace
from services.scheduler.domain.executions import (
    HistoryRow,
    HistoryStatus,
    Occurrence,
    OccurrenceState,
    manual_occurrence_id,
    occurrence_id,
    unrun_row,
)
from services.scheduler.domain.jobs import Job, JobDefinition, JobState
from services.scheduler.store.audit import Actor
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Claim,
    JobDraft,
    Outcome,
    Ownership,
    Plan,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=15)
SOMEWHERE = Namespace("00000000-0000-0000-0000-000000000000", "default")
TESTER = Actor(caller="tester", request_id="request-1", address="192.0.2.1", at=NOW)


def definition(uri: str = "http://10.0.0.4/work") -> JobDefinition:
    """Return a job that gets a page."""
    return JobDefinition(action=Action(call=HttpCall(method="GET", uri=uri)))


def draft(
    name: str,
    *,
    uri: str = "http://10.0.0.4/work",
    state: JobState = JobState.ENABLED,
    next_due: datetime | None = NOW,
    restart: bool = False,
    revision: int | None = None,
    uid: str | None = None,
) -> JobDraft:
    """Return a draft, due now."""
    return JobDraft(
        uid=uid or f"uid-{name}",
        name=name,
        definition=definition(uri),
        state=state,
        anchor=NOW,
        next_due=next_due,
        restart=restart,
        replan=True,
        expected_revision=revision,
    )


async def put_collection(
    store: Store, name: str = "nightly", state: CollectionState = CollectionState.ENABLED
) -> Collection:
    """Write a collection."""
    return (await store.put_collection(SOMEWHERE, name, CollectionDefinition(state=state), NOW))[0]


async def put_job(store: Store, name: str = "backup", **changes: object) -> Job:
    """Write a job into the collection `nightly`."""
    collection = await put_collection(store)
    made = replace(draft(name), **changes)
    return (await store.put_jobs(collection.id, [made], NOW))[0].job


async def stored(store: Store, job: Job) -> Job:
    """Return the job as it is stored now."""
    return await store.get_job(job.collection_id, job.name)


def planned(job: Job, due: datetime) -> Occurrence:
    """Return the job's occurrence at an instant."""
    return Occurrence(
        id=occurrence_id(job.uid, due),
        job_id=job.id,
        due=due,
        fire_at=due,
        state=OccurrenceState.CLAIMED,
        ordinal=job.planned + 1,
    )


def asked_for(job: Job, request: str = "request-1", at: datetime = NOW) -> Occurrence:
    """Return a run that a caller asked for."""
    return Occurrence(
        id=manual_occurrence_id(job.uid, request),
        job_id=job.id,
        due=at,
        fire_at=at,
        state=OccurrenceState.READY,
        manual=True,
    )


def every_minute(job: Job) -> Plan:
    """Plan the due occurrence; the next one is a minute later."""
    assert job.next_due is not None
    return Plan(occurrences=(planned(job, job.next_due),), next_due=job.next_due + MINUTE, planned=job.planned + 1)


def only_once(job: Job) -> Plan:
    """Plan the due occurrence; it is the last one."""
    return replace(every_minute(job), next_due=None)


async def register(store: Store, replica: str = "scheduler-0", at: datetime = NOW) -> Ownership:
    """Begin a life."""
    return await store.register(replica, at, LEASE)


async def rescue(store: Store, at: datetime) -> int:
    """Take over the lives whose lease ended by an instant; return how many occurrences they had."""
    over = [life for life in await store.lives() if life.lease_until <= at]
    return sum((await store.take_over(over, at)).values())


async def claim(
    store: Store,
    owner: Ownership,
    *,
    at: datetime = NOW,
    limit: int = 500,
    once: bool = False,
    wait: timedelta = timedelta(0),
) -> list[Claim]:
    """Claim what is due within a second; what is planned starts `wait` after it is due."""

    def plan(job: Job) -> Plan:
        made = only_once(job) if once else every_minute(job)
        return replace(made, occurrences=tuple(replace(one, fire_at=one.due + wait) for one in made.occurrences))

    return await store.claim(owner, now=at, horizon=at + SECOND, limit=limit, plan=plan)


def row(occurrence: Occurrence, status: HistoryStatus = HistoryStatus.COMPLETED, at: datetime = NOW) -> HistoryRow:
    """Return a history row of an occurrence."""
    return unrun_row(occurrence, status, "because", at)


def finished(claimed: Claim, **changes: object) -> Outcome:
    """Return the outcome of a claim that ran well."""
    return replace(
        Outcome(
            occurrence_id=claimed.occurrence.id,
            job_id=claimed.job.id,
            rows=(row(claimed.occurrence),),
            main_attempts=1,
            last_execution_time=NOW,
        ),
        **changes,
    )


async def lasted(
    store: Store, job: Job, *durations: timedelta, at: datetime = NOW, status: HistoryStatus = HistoryStatus.COMPLETED
) -> None:
    """Give a job the history of a run, asked for at an instant, whose attempts began then and lasted so long."""
    owner = await register(store, "past", at)
    await store.add_run(asked_for(job, f"{at}", at))
    [claimed] = await claim(store, owner, at=at)
    rows = tuple(replace(row(claimed.occurrence, status, at), end_time=at + duration) for duration in durations)
    await store.settle(owner, [finished(claimed, rows=rows)])
    await store.resign(owner)


async def run_once(store: Store, rows: int = 1, *, step: timedelta = timedelta(), **changes: object) -> None:
    """Leave `rows` history rows for each job that is due, the n-th one n times `step` before now."""
    owner = await register(store)
    for claimed in await claim(store, owner, once=True):
        written = tuple(row(claimed.occurrence, at=NOW - step * number) for number in range(rows))
        await store.settle(owner, [finished(claimed, rows=written, **changes)])
