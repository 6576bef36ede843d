"""Targets that hang, crowd or forget: whom they delay, and whom they must not."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.scheduler.dispatch.answers import Answer
from services.scheduler.dispatch.waits import QUEUE_LIMIT
from services.scheduler.domain.executions import HistoryStatus, Occurrence
from services.scheduler.domain.hosts import STARTED
from services.scheduler.domain.policies import Overlap
from services.scheduler.domain.recurrence import Frequency, Recurrence
from tests.parts.builders import definition, host, threat
from tests.parts.dispatching import GOOD, Dispatching, dispatching
from tests.parts.waiting import until

UNHEARD = Answer(succeeded=False, retryable=True, unheard=True, message="the kept connection was closed")
EVERY_SECOND = Recurrence(frequency=Frequency.SECOND)


@pytest.fixture
async def work() -> AsyncIterator[Dispatching]:
    async with dispatching() as running:
        yield running


async def hang(work: Dispatching, jobs: int, target: str = "hanging") -> None:
    """Have so many jobs call a target that does not answer."""
    work.target.gate.clear()
    for number in range(jobs):
        await work.add(definition(f"http://{target}.test/"), name=f"{target}-{number}")


async def test_a_target_that_hangs_keeps_no_call_to_another_waiting(work: Dispatching) -> None:
    await hang(work, jobs=20)
    await work.target.until_called(6)
    await work.add(definition("http://healthy.test/"), name="healthy")
    await work.target.until_called(7)
    assert work.target.calls[-1][0].uri == "http://healthy.test/"


async def test_runners_whose_calls_take_long_are_replaced(work: Dispatching) -> None:
    for target in ("one", "two", "three"):
        await hang(work, jobs=6, target=target)
    await work.target.until_called(18)  # more than the eight runners that there are at first
    calls = Counter(call.uri for call, _, _ in work.target.calls)
    assert calls == {"http://one.test/": 6, "http://two.test/": 6, "http://three.test/": 6}


async def test_what_waited_for_a_full_target_goes_on_when_it_answers(work: Dispatching) -> None:
    await hang(work, jobs=20)
    await work.target.until_called(6)
    work.target.gate.set()
    await work.target.until_called(20)
    assert len({occurrence.job_id for _, occurrence, _ in work.target.calls}) == 20


async def test_nobody_waits_behind_those_whose_turn_came_to_nothing(work: Dispatching) -> None:
    async def are_all_held() -> bool:
        return (await work.store.gauges(work.clock.now())).occurrences.get("held") == 14

    async def are_all_others_waiting() -> bool:
        return work.lanes.waiting == 14

    free, threatened = host("db-0"), host("db-0", threat("db-0", status=STARTED))
    work.fleet[free.key] = free
    work.target.gate.clear()
    for number in range(20):
        await work.add(definition("http://db-0.test/", host="db-0"), name=f"job-{number}")
    await work.target.until_called(6)
    await until(are_all_others_waiting)
    work.fleet[free.key] = threatened
    work.target.gate.set()
    await until(are_all_held)
    assert len(work.target.calls) == 6


async def test_an_occurrence_gives_way_to_one_that_waits_for_its_target(work: Dispatching) -> None:
    await hang(work, jobs=6)
    await work.target.until_called(6)
    waiting = definition("http://hanging.test/", recurrence=EVERY_SECOND, overlap=Overlap.SKIP)
    await work.add(waiting, name="waiting")
    rows = await work.until_rows(1, "waiting")
    assert rows[0].status is HistoryStatus.SKIPPED
    assert len(work.target.calls) == 6


async def test_more_than_a_hanging_target_may_have_waiting_goes_back_to_the_store(work: Dispatching) -> None:
    async def are_some_put_off() -> bool:
        work.engine.wake()
        return bool((await work.store.gauges(work.clock.now())).occurrences.get("ready"))

    await hang(work, jobs=QUEUE_LIMIT + 50)
    await until(are_some_put_off)
    assert work.metrics.registry.get_sample_value("leeward_deferred_occurrences_total")
    assert len(work.target.calls) == 6


async def test_a_request_that_most_likely_nobody_read_is_sent_again_at_once_as_the_next_attempt(
    work: Dispatching,
) -> None:
    def answers(occurrence: Occurrence) -> Answer:
        return UNHEARD if occurrence.attempt == 1 else GOOD

    work.target.answers = answers
    began = work.clock.now()
    await work.add(definition())
    rows = await work.until_rows(2)
    assert [(row.status, row.attempt) for row in rows] == [(HistoryStatus.FAILED, 1), (HistoryStatus.COMPLETED, 2)]
    assert len({row.occurrence_id for row in rows}) == 1
    assert rows[1].start_time - began < timedelta(seconds=2)


async def test_a_target_that_never_reads_is_asked_again_only_once(work: Dispatching) -> None:
    work.target.answers = lambda _: UNHEARD
    await work.add(definition())
    rows = await work.until_rows(2)
    assert [row.attempt for row in rows] == [1, 2]
    assert (await work.job()).counters.faulted_count == 1
