"""How long jobs took, as every kind of store tells it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.durations import NEWEST, Durations, Longest
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, Occurrence
from services.scheduler.domain.jobs import Job
from services.scheduler.store.base import Store
from tests.parts.stored import MINUTE, NOW, SECOND, claim, draft, finished, put_collection, put_job, register, row

COMPLETED, FAILED = HistoryStatus.COMPLETED, HistoryStatus.FAILED


def took(occurrence: Occurrence, seconds: float, status: HistoryStatus = COMPLETED, at: datetime = NOW) -> HistoryRow:
    """Return the row of an attempt that began `at` and took so long."""
    return replace(row(occurrence, status, at), end_time=at + timedelta(seconds=seconds))


async def ran(store: Store, *rows: Sequence[tuple[float, HistoryStatus]], at: datetime = NOW) -> None:
    """Give each job that is due, by name, the next of the histories, oldest first."""
    owner = await register(store)
    claims = sorted(await claim(store, owner, at=at, once=True), key=lambda each: each.job.name)
    for claimed, own in zip(claims, rows, strict=True):
        written = tuple(took(claimed.occurrence, seconds, status, at) for seconds, status in own)
        await store.settle(owner, [finished(claimed, rows=written)])


async def asked(store: Store, *jobs: Job, limit: timedelta = MINUTE) -> list[Durations]:
    found = await store.durations({job.id: limit for job in jobs})
    return [found.get(job.id, Durations()) for job in jobs]


async def test_each_jobs_attempts_are_counted_apart_and_the_longest_told(store: Store) -> None:
    collection = await put_collection(store)
    names = [draft(name) for name in ("a", "b", "c")]
    first, second, third = [each.job for each in await store.put_jobs(collection.id, names, NOW)]
    await ran(store, [(1, COMPLETED), (5.125, COMPLETED), (3, COMPLETED)], [(7, COMPLETED)], [])
    assert await asked(store, first, second, third) == [
        Durations(since=Longest(3, (timedelta(seconds=5.125), 3 * SECOND))),
        Durations(since=Longest(1, (7 * SECOND,))),
        Durations(),
    ]


async def test_only_successes_and_what_ran_to_the_time_limit_count(store: Store) -> None:
    job = await put_job(store)
    unrun = [(0.0, HistoryStatus.POSTPONED), (0.0, HistoryStatus.SKIPPED), (0.0, HistoryStatus.MISSED)]
    await ran(store, [*unrun, (2, COMPLETED), (0.01, FAILED), (59.999, FAILED), (60, FAILED)])
    assert await asked(store, job) == [Durations(since=Longest(2, (MINUTE, 2 * SECOND)))]
    assert await asked(store, job, limit=2 * MINUTE) == [Durations(since=Longest(1, (2 * SECOND,)))]


async def test_error_actions_do_not_count(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)
    error = replace(took(claimed.occurrence, 9), action_name=ActionName.ERROR)
    await store.settle(owner, [finished(claimed, rows=(took(claimed.occurrence, 1), error))])
    assert await asked(store, job) == [Durations(since=Longest(1, (SECOND,)))]


async def test_the_newest_hundred_count(store: Store) -> None:
    job = await put_job(store)
    older = [(50.0, COMPLETED), (40.0, COMPLETED), (30.0, COMPLETED)]
    await ran(store, [*older, *[(2.0, COMPLETED), (0.001, FAILED)] * (NEWEST - 1)])
    assert await asked(store, job) == [Durations(since=Longest(NEWEST, (30 * SECOND, 2 * SECOND)))]


async def test_attempts_from_before_the_last_write_are_told_apart(store: Store) -> None:
    job = await put_job(store)
    await ran(store, [(9, COMPLETED), (8, COMPLETED), (7, COMPLETED)])
    later = NOW + MINUTE
    again = replace(draft("backup", next_due=later), restart=True)
    await store.put_jobs(job.collection_id, [again], later)
    await ran(store, [(1, COMPLETED)], at=later)
    expected = Durations(since=Longest(1, (SECOND,)), before=Longest(3, (9 * SECOND, 8 * SECOND)))
    assert await asked(store, job) == [expected]


async def test_of_nobody_and_of_what_is_gone_nothing_is_told(store: Store) -> None:
    job = await put_job(store)
    await ran(store, [(9, COMPLETED)])
    await store.delete_job(job.collection_id, job.name)
    assert await store.durations({job.id: MINUTE}) == {}
    assert await store.durations({}) == {}
