"""Full hosts: what has no room waits in order, and goes to another replica where this one may start nothing."""

from collections import Counter
from datetime import timedelta

from msgspec.structs import replace

from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.executions import HistoryStatus, Occurrence
from services.scheduler.domain.jobs import JobDefinition
from shared.topics import HostKey
from tests.parts.builders import action, definition, host, threat
from tests.parts.dispatching import GOOD, Dispatching, dispatching
from tests.parts.waiting import until

DB_0 = HostKey("db-0")


def on_target(number: int, **more: object) -> JobDefinition:
    """A job with a target of its own, so that only its host is in its way."""
    return definition(action=action(f"http://target-{number}/"), **{"host": "db-0", **more})  # type: ignore[arg-type]


def place(work: Dispatching, *names: str, capacity: int | None) -> None:
    for name in names:
        work.fleet[HostKey(name)] = host(name, pools=("db",), capacity=capacity)


async def test_no_more_run_on_a_host_than_it_may_have_and_all_have_their_turn_in_due_order() -> None:
    async with dispatching() as work:
        place(work, "db-0", capacity=2)
        peaks: list[int] = []

        def answer(_: Occurrence) -> Answer:
            peaks.append(len(work.running.on(DB_0)))
            return GOOD

        work.target.answers = answer
        begin = work.clock.now()
        for number in range(8):
            await work.add(on_target(number), name=f"job-{number}", due=begin + timedelta(milliseconds=number))
        await work.target.until_called(8)
    assert max(peaks) <= 2
    assert [call.uri for call, _, _ in work.target.calls] == [f"http://target-{number}/" for number in range(8)]


async def test_what_waits_for_a_full_host_starts_as_soon_as_one_there_ends() -> None:
    async with dispatching() as work:
        place(work, "db-0", capacity=1)
        work.target.gate.clear()
        for number in range(2):
            await work.add(on_target(number), name=f"job-{number}")
        await work.target.until_called(1)
        await until(lambda: _as_told(work.runner.waiting == 1))
        full = work.metrics.registry.get_sample_value("leeward_hosts_full")
        work.target.gate.set()
        await work.target.until_called(2)
        rows = await work.until_rows(1, "job-1")
    assert (full, rows[0].status, rows[0].attempt) == (1, HistoryStatus.COMPLETED, 1)


async def test_a_pool_is_used_up_to_the_capacity_of_each_host() -> None:
    async with dispatching() as work:
        place(work, "db-0", "db-1", capacity=2)
        work.target.gate.clear()
        for number in range(5):
            await work.add(on_target(number, host=None, pool="db"), name=f"job-{number}")
        await work.target.until_called(4)
        await until(lambda: _as_told(work.runner.waiting == 1))
        used = Counter(view.name for _, _, view in work.target.calls if view is not None)
        work.target.gate.set()
        await work.target.until_called(5)
    assert used == {"db-0": 2, "db-1": 2}


async def test_what_waits_for_a_full_host_is_held_once_the_host_is_threatened() -> None:
    async with dispatching() as work:
        place(work, "db-0", capacity=1)
        work.target.gate.clear()
        for number in range(2):
            await work.add(on_target(number), name=f"job-{number}")
        await work.target.until_called(1)
        await until(lambda: _as_told(work.runner.waiting == 1))
        work.fleet[DB_0] = replace(work.fleet[DB_0], threats=(threat("db-0"),))
        rows = await work.until_rows(1, "job-1")
        work.target.gate.set()
    assert rows[0].status is HistoryStatus.POSTPONED


async def test_a_job_is_skipped_not_queued_while_its_earlier_occurrence_waits_for_a_full_host() -> None:
    async with dispatching() as work:
        place(work, "db-0", capacity=1)
        work.target.gate.clear()
        await work.add(on_target(0), name="job-0")
        await work.target.until_called(1)
        job = await work.add(on_target(1), name="job-1")
        await until(lambda: _as_told(work.runner.waiting == 1))
        await until(lambda: _as_told(work.runner._is_occupied(job.id)))
        work.target.gate.set()
        await work.target.until_called(2)
    assert not work.runner._is_occupied(job.id)


async def test_a_replica_without_a_share_leaves_the_occurrence_to_others_under_the_same_attempt() -> None:
    async with dispatching() as work:
        place(work, "db-0", capacity=0)
        await work.add(on_target(0), name="job-0")
        deferred = "leeward_deferred_occurrences_total"
        await until(lambda: _as_told(bool(work.metrics.registry.get_sample_value(deferred))))
        waiting = work.runner.waiting
        place(work, "db-0", capacity=1)
        rows = await work.until_rows(1, "job-0")
    assert (waiting, [row.attempt for row in rows]) == (0, [1])


async def _as_told(held: bool) -> bool:
    return held
