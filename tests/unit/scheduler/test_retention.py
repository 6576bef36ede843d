"""What is kept no longer goes by itself: a job's history above its number, what is old, what deletions leave."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec.structs import replace

from services.scheduler.domain.collections import ResourceGroup
from services.scheduler.domain.executions import RETENTION_AGE
from services.scheduler.domain.jobs import JobId, JobState
from services.scheduler.metrics import Metrics
from services.scheduler.retention import CANDIDATES, Retention
from services.scheduler.store.audit import AuditFilter
from services.scheduler.store.memory.store import MemoryStore
from tests.parts.fakes_api import HandClock
from tests.parts.stored import NOW, SOMEWHERE, TESTER, asked_for, put_job, run_once


class TrimmedStore(MemoryStore):
    """Remembers which jobs it was to trim."""

    def __init__(self) -> None:
        super().__init__(lambda: "session")
        self.trimmed: list[JobId] = []

    async def trim_history(self, job_ids: Sequence[JobId], *, keep: int) -> int:
        """Take note."""
        self.trimmed += job_ids
        return await super().trim_history(job_ids, keep=keep)


def _retention(
    store: MemoryStore,
    rolls: Sequence[float] = (),
    at: timedelta = timedelta(),
    audit_age: timedelta | None = None,
) -> Retention:
    remaining = iter(rolls)
    return Retention(store, HandClock(NOW + at), Metrics("test"), dice=lambda: next(remaining), audit_age=audit_age)


async def test_a_job_is_trimmed_when_the_dice_draw_one_of_its_rows() -> None:
    store = TrimmedStore()
    retention = _retention(store, [0.5, 0.009, 0.01, 0.0])
    retention.wrote([JobId(1), JobId(2), JobId(3), JobId(2)])
    await retention.trim()
    assert store.trimmed == [2]


async def test_a_drawn_job_is_trimmed_once() -> None:
    store = TrimmedStore()
    retention = _retention(store, [0.0])
    retention.wrote([JobId(1)])
    await retention.trim()
    await retention.trim()
    assert store.trimmed == [1]


async def test_no_more_jobs_wait_to_be_trimmed_than_may() -> None:
    store = TrimmedStore()
    retention = _retention(store, [0.0] * (CANDIDATES + 1))
    retention.wrote(JobId(number) for number in range(CANDIDATES))
    retention.wrote([JobId(CANDIDATES)])
    await retention.trim()
    assert len(store.trimmed) == CANDIDATES


async def test_history_is_cut_back_to_the_number_that_is_promised() -> None:
    store = TrimmedStore()
    job = await put_job(store)
    await run_once(store, rows=1100)
    retention = _retention(store, [0.0])
    retention.wrote([job.id])
    await retention.trim()
    assert len(await store.list_history(job.id, top=2000, skip=0)) == 1000


async def test_what_is_old_goes_however_much_it_is() -> None:
    store = MemoryStore(lambda: "session")
    ended, recurring = await put_job(store, "ended"), await put_job(store, "recurring")
    await run_once(store, rows=5000, job_state=JobState.COMPLETED)
    await store.add_run(asked_for(recurring))
    await _retention(store, at=RETENTION_AGE + timedelta(hours=1)).prune()
    assert await store.find_jobs(ended.collection_id, ["ended"]) == []
    assert await store.recent_history(10) == []
    assert await store.prune_runs(asked_before=NOW + timedelta(days=1), limit=1) == 0


async def test_the_audit_log_is_kept_for_its_time_or_for_ever() -> None:
    store = MemoryStore(lambda: "session")
    days = [timedelta(days=number) for number in range(4)]
    for age in days:
        await store.put_group(ResourceGroup(namespace=SOMEWHERE, location=str(age)), by=replace(TESTER, at=NOW - age))
    await _retention(store, at=RETENTION_AGE * 100).prune()
    assert len(await store.list_audit(AuditFilter(), top=10, skip=0)) == 4
    await _retention(store, audit_age=timedelta(days=2)).prune()
    assert [NOW - one.actor.at for one in await store.list_audit(AuditFilter(), top=10, skip=0)] == days[2::-1]
