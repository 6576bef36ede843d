"""The clock that is set by the store's: machines that disagree, answers that come slowly, clocks that are set."""

from datetime import datetime, timedelta
from typing import cast

import pytest

from services.scheduler.errors import StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.timekeeper import StoreClock
from tests.parts.fakes_api import NOON, HandClock

HOUR = timedelta(hours=1)
TICK = timedelta(milliseconds=1)


class Times:
    """A store that only tells its time, over a line that takes `there` seconds and `back` seconds."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self.ahead = ahead
        self.steady, self.there, self.back = 500.0, 0.001, 0.001
        self.away = False

    async def time(self) -> datetime:
        """Answer after the line's delay."""
        self.steady += self.there
        at = self.true()
        self.steady += self.back
        if self.away:
            raise StoreUnavailableError("away")
        return at

    def true(self) -> datetime:
        """Return what the store's clock shows now."""
        return NOON + timedelta(seconds=self.steady - 500) + self.ahead


def parts(ahead: timedelta) -> tuple[Times, StoreClock, Metrics]:
    store, metrics = Times(ahead), Metrics("test")
    return store, StoreClock(cast("Store", store), HandClock(), metrics, steady=lambda: store.steady), metrics


def error(store: Times, clock: StoreClock) -> timedelta:
    return abs(clock.now() - store.true())


@pytest.mark.parametrize("seconds", [-3600, -5, 0, 5, 3600])
async def test_the_time_is_the_stores_whatever_the_machines_clock_says(seconds: int) -> None:
    store, clock, metrics = parts(timedelta(seconds=seconds))
    await clock.begin()
    assert error(store, clock) <= TICK
    offset = metrics.registry.get_sample_value("leeward_clock_offset_seconds")
    assert offset == pytest.approx(-seconds, abs=0.1)
    assert metrics.registry.get_sample_value("leeward_clock_steps_total") == 0


async def test_answers_that_come_slowly_do_not_spoil_what_quick_ones_told() -> None:
    store, clock, _ = parts(HOUR)
    await clock.begin()
    store.back = 2.0
    for _ in range(3):
        await clock.keep()
        assert error(store, clock) <= 2 * TICK


@pytest.mark.parametrize("step", [HOUR, -HOUR, timedelta(seconds=2)])
async def test_a_clock_that_was_set_is_followed_at_once_told_and_counted(step: timedelta) -> None:
    store, clock, metrics = parts(timedelta(0))
    await clock.begin()
    store.ahead = step
    await clock.keep()
    assert error(store, clock) <= TICK
    assert metrics.registry.get_sample_value("leeward_clock_steps_total") == 1


async def test_whoever_follows_the_clock_is_told_by_how_much_it_was_set() -> None:
    store, clock, _ = parts(timedelta(0))
    steps: list[timedelta] = []
    clock.on_step(steps.append)
    await clock.begin()
    store.ahead = -HOUR
    await clock.keep()
    [step] = steps
    assert abs(step + HOUR) <= TICK


async def test_clocks_that_drift_apart_are_kept_together_in_silence() -> None:
    store, clock, metrics = parts(timedelta(0))
    await clock.begin()
    for _ in range(1000):
        store.ahead += timedelta(microseconds=150)
        store.steady += await clock.keep()
        assert error(store, clock) <= 4 * TICK
    assert metrics.registry.get_sample_value("leeward_clock_steps_total") == 0


async def test_a_store_that_is_away_leaves_the_clock_running() -> None:
    store, clock, _ = parts(HOUR)
    await clock.begin()
    store.away = True
    store.steady += await clock.keep() + 60
    assert error(store, clock) <= TICK
