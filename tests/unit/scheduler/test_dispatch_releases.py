"""Releases at work: spaced starts, a host that is threatened again meanwhile, and what history says of the hold."""

from datetime import timedelta
from functools import partial

from services.scheduler.domain.decisions import Cause, Verdict
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.hosts import STARTED
from shared.topics import HostKey
from tests.parts.builders import definition, host, threat
from tests.parts.clocks import SteppedClock
from tests.parts.dispatching import Dispatching, dispatching
from tests.parts.fakes_api import HandClock
from tests.parts.waiting import until

SLOWLY = 0.1
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NAMES = ("first", "second", "third")


def set_host(work: Dispatching, *, is_hit: bool) -> None:
    view = host("db-0", threat("db-0", status=STARTED)) if is_hit else host("db-0")
    work.fleet = {view.key: view}


async def hold_three(work: Dispatching) -> None:
    set_host(work, is_hit=True)
    for place, name in enumerate(NAMES):
        await work.add(definition(host="db-0"), name=name, due=work.clock.now() + place * timedelta(milliseconds=5))
        await work.until_rows(1, name)


async def test_a_hundred_held_jobs_start_twenty_a_second() -> None:
    clock = HandClock()
    async with dispatching(clock, release_rate=20) as work:
        set_host(work, is_hit=True)
        for number in range(100):
            await work.add(definition(host="db-0"), name=f"job-{number}")
        await until(partial(_are_held, work, 100))
        set_host(work, is_hit=False)
        await work.holds.look()
        for started in (21, 41, 61, 81, 100):
            clock.turn(SECOND)
            await until(partial(_have_started, work, started))
            assert len(work.target.calls) == started


async def test_what_has_not_started_when_its_host_is_hit_again_is_held_again_when_its_time_comes() -> None:
    clock = SteppedClock()
    async with dispatching(clock, release_rate=SLOWLY) as work:
        await hold_three(work)
        set_host(work, is_hit=False)
        await work.holds.look()
        await work.until_rows(2, "first")
        set_host(work, is_hit=True)
        clock.step(MINUTE)
        await work.until_rows(2, "second")
        await work.until_rows(2, "third")
        assert len(work.target.calls) == 1
        statuses = [[row.status for row in await work.rows(name)] for name in NAMES]
        assert statuses[0] == [HistoryStatus.POSTPONED, HistoryStatus.COMPLETED]
        assert statuses[1:] == [[HistoryStatus.POSTPONED] * 2] * 2


async def test_a_second_look_does_not_let_those_go_at_once_that_wait_for_their_turn() -> None:
    clock = SteppedClock()
    async with dispatching(clock, release_rate=SLOWLY) as work:
        await hold_three(work)
        set_host(work, is_hit=False)
        await work.holds.look()
        await work.holds.look()
        await work.until_rows(2, "first")
        assert len(work.target.calls) == 1
        clock.step(MINUTE)
        await work.until_rows(2, "third")
        assert [call.due for _, call, _ in work.target.calls] == sorted(call.due for _, call, _ in work.target.calls)


async def test_what_is_let_go_is_not_counted_as_held_any_more() -> None:
    async with dispatching(release_rate=SLOWLY) as work:
        await hold_three(work)
        await work.holds.look()
        held = work.holds.count(HostKey("db-0"))
        set_host(work, is_hit=False)
        await work.holds.look()
        assert (held, work.holds.count(HostKey("db-0"))) == (3, 0)


async def test_what_is_held_goes_when_its_host_is_free_though_it_is_full() -> None:
    async with dispatching(release_rate=20) as work:
        await hold_three(work)
        work.fleet = {(full := host("db-0", capacity=0)).key: full}
        await work.holds.look()
        assert await work.store.list_held() == []


async def test_a_run_after_a_hold_says_for_what_it_had_been_held() -> None:
    async with dispatching() as work:
        await hold_three(work)
        set_host(work, is_hit=False)
        await work.holds.look()
        held, ran = await work.until_rows(2, "first")
        assert held.decision is not None
        assert (held.decision.verdict, held.decision.cause) == (Verdict.HELD, Cause.EVENT)
        assert ran.decision is not None
        assert (ran.decision.verdict, ran.decision.cause) == (Verdict.RAN, Cause.HOME)
        assert (ran.decision.held_for, ran.decision.held_under) == ("db-0", "Reboot")


async def test_each_decision_is_counted_once_where_it_is_made() -> None:
    async with dispatching() as work:
        await hold_three(work)
        set_host(work, is_hit=False)
        await work.holds.look()
        await until(partial(_have_started, work, len(NAMES)))
        await work.add(definition())
        await work.until_rows(1)
        assert counted(work, "held", "event") == 3
        assert counted(work, "ran", "home") == 3
        assert counted(work, "ran", "unplaced") == 1
        assert counted(work, "missed", "window_passed") == 0


async def _are_held(work: Dispatching, number: int) -> bool:
    work.engine.wake()
    return (await work.store.gauges(work.clock.now())).occurrences.get("held") == number


async def _have_started(work: Dispatching, number: int) -> bool:
    work.engine.wake()
    return len(work.target.calls) >= number


def counted(work: Dispatching, decision: str, cause: str) -> float | None:
    labels = {"decision": decision, "cause": cause}
    return work.metrics.registry.get_sample_value("leeward_decisions_total", labels)
