"""The clock is stepped, forward and back, and zones change theirs: nothing fires early, and nothing twice."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from services.scheduler.domain.actions import Action, HttpCall, RetryPolicy
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.recurrence import Frequency, Recurrence, Schedule
from tests.parts.builders import definition
from tests.parts.clocks import SteppedClock
from tests.parts.dispatching import BAD, GOOD, Dispatching, dispatching
from tests.parts.instants import shown, utc
from tests.parts.waiting import until

SECOND, HOUR, MOMENT = timedelta(seconds=1), timedelta(hours=1), timedelta(milliseconds=400)
EVERY_SECOND = Recurrence(frequency=Frequency.SECOND)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def work(clock: SteppedClock) -> AsyncIterator[Dispatching]:
    async with dispatching(clock) as running:
        yield running


def dues(work: Dispatching, uri: str = "http://target.test/") -> list[datetime]:
    return [one.due for call, one, _ in work.target.calls if call.uri == uri]


async def test_a_claim_in_the_timer_waits_for_its_instant_though_the_clock_goes_back_an_hour(
    work: Dispatching, clock: SteppedClock
) -> None:
    due = clock.now() + 0.9 * SECOND
    await work.add(definition(), due=due)
    await until(work.has_claimed)
    clock.step(-HOUR)
    await work.add(definition("http://other.test/", recurrence=EVERY_SECOND), name="other")
    await work.until_rows(3, "other")  # longer than the claim had to wait
    assert dues(work) == []
    clock.step(HOUR)
    [row] = await work.until_rows(1)
    assert row.start_time >= due
    assert dues(work) == [due]


async def test_a_claim_in_the_timer_fires_once_when_the_clock_leaps_an_hour_ahead(
    work: Dispatching, clock: SteppedClock
) -> None:
    due = clock.now() + 0.9 * SECOND
    await work.add(definition(), due=due)
    await until(work.has_claimed)
    clock.step(HOUR)
    [row] = await work.until_rows(1)
    assert row.start_time >= due + HOUR - SECOND
    assert dues(work) == [due]


async def test_what_has_run_does_not_run_again_when_its_hour_comes_back(work: Dispatching, clock: SteppedClock) -> None:
    await work.add(definition(recurrence=EVERY_SECOND))
    await work.until_rows(3)
    clock.step(-HOUR)
    await work.add(definition("http://other.test/", recurrence=EVERY_SECOND), name="other")
    await work.until_rows(3, "other")
    clock.step(HOUR)
    rows = await work.until_rows(5)
    ran = [row.scheduled_time for row in rows if row.status is HistoryStatus.COMPLETED]
    assert len(ran) == len(set(ran))
    assert dues(work) == sorted(set(dues(work)))


async def test_an_hour_that_a_clock_leaps_over_is_caught_up_once(work: Dispatching, clock: SteppedClock) -> None:
    minutely = Recurrence(frequency=Frequency.MINUTE)
    await work.add(definition(recurrence=minutely))
    await work.until_rows(1)
    clock.step(HOUR + timedelta(seconds=45))
    rows = await work.until_rows(61)
    assert [row.status for row in rows].count(HistoryStatus.MISSED) == 59
    await work.target.until_called(2)
    assert len(set(dues(work))) == len(dues(work))


async def test_a_retry_waits_its_time_though_the_clock_goes_back_and_forth(
    work: Dispatching, clock: SteppedClock
) -> None:
    policy = RetryPolicy(interval=1.5 * SECOND, count=1)
    work.target.answers = lambda one: GOOD if one.attempt == 2 else BAD
    await work.add(
        definition(action=Action(call=HttpCall(method="GET", uri="http://target.test/"), retry_policy=policy))
    )
    await work.until_rows(1)
    for step in (-HOUR, HOUR, HOUR, -HOUR):
        clock.step(step / 2)
    second = (await work.until_rows(2))[1]
    assert second.status is HistoryStatus.COMPLETED
    assert work.target.attempts == [1, 2]


class Days:
    """A daily job of Berlin's half past two, and a clock that is set to just before each due time."""

    def __init__(self, work: Dispatching, clock: SteppedClock) -> None:
        self.work = work
        self.clock = clock

    async def at(self, *instants: str) -> list[str]:
        """Set the clock before each instant (UTC) and let it pass; return when Berlin's clocks showed what ran."""
        for number, instant in enumerate(instants, start=1):
            self.clock.set(utc(instant) - MOMENT)
            await self.work.until_rows(number)
        return shown(dues(self.work), "Europe/Berlin")


async def daily(clock: SteppedClock, work: Dispatching, start: str) -> Days:
    rule = Recurrence(frequency=Frequency.DAY, schedule=Schedule(hours=(2,), minutes=(30,)), time_zone="Europe/Berlin")
    clock.set(utc(start) - MOMENT)
    await work.add(definition(recurrence=rule, start_time=utc(start)), due=utc(start))
    return Days(work, clock)


async def test_a_daily_job_in_the_hour_that_spring_skips_runs_once_when_the_clock_goes_on(
    work: Dispatching, clock: SteppedClock
) -> None:
    days = await daily(clock, work, "2026-03-28T01:30")
    ran = await days.at("2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30")
    assert ran == ["03-28 02:30", "03-29 03:00", "03-30 02:30"]


async def test_a_daily_job_in_the_hour_that_autumn_repeats_runs_the_first_time_only(
    work: Dispatching, clock: SteppedClock
) -> None:
    days = await daily(clock, work, "2026-10-24T00:30")
    ran = await days.at("2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30")
    assert ran == ["10-24 02:30", "10-25 02:30", "10-26 02:30"]
    assert [row.scheduled_time for row in await work.rows()][1] == utc("2026-10-25T00:30")
