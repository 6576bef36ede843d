"""Periodic duties."""

import asyncio
from datetime import datetime, timedelta
from itertools import count

import pytest

from shared.chores import Chores
from tests.parts.clocks import SteppedClock


async def test_a_duty_runs_at_once_and_again_and_again() -> None:
    runs, ran = count(1), asyncio.Queue[int]()

    async def duty() -> None:
        ran.put_nowait(next(runs))

    async with Chores() as chores, asyncio.timeout(5):
        chores.every(0.01, duty, name="tick")
        assert [await ran.get() for _ in range(3)] == [1, 2, 3]


async def test_a_duty_that_fails_is_told_and_run_again(capsys: pytest.CaptureFixture[str]) -> None:
    ran = asyncio.Semaphore(0)

    async def duty() -> None:
        ran.release()
        raise RuntimeError("once more")

    async with Chores() as chores, asyncio.timeout(5):
        chores.every(0.01, duty, name="stumble")
        for _ in range(3):
            await ran.acquire()
    assert "chore failed" in capsys.readouterr().out


async def test_a_slow_duty_never_overlaps_itself() -> None:
    together = highest = 0
    ran = asyncio.Semaphore(0)

    async def duty() -> None:
        nonlocal together, highest
        together += 1
        highest = max(highest, together)
        await asyncio.sleep(0.03)
        together -= 1
        ran.release()

    async with Chores() as chores, asyncio.timeout(5):
        chores.every(0.005, duty, name="slow")
        for _ in range(3):
            await ran.acquire()
    assert highest == 1


async def test_closing_ends_what_runs_before_it_returns_and_calls_it_no_error(caplog: pytest.LogCaptureFixture) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def duty() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    async with Chores() as chores, asyncio.timeout(5):
        chores.every(60, duty, name="long")
        await started.wait()
    assert ended.is_set()
    assert not caplog.records


async def test_a_first_run_can_be_put_off() -> None:
    order: list[str] = []
    done = asyncio.Event()

    async def later() -> None:
        order.append("later")
        done.set()

    async def now() -> None:
        order.append("now")

    async with Chores() as chores, asyncio.timeout(5):
        chores.every(60, later, name="later", first_after=0.1)
        chores.every(60, now, name="now")
        await done.wait()
    assert order == ["now", "later"]


async def test_a_clock_set_back_does_not_stop_the_duties() -> None:
    ran = asyncio.Queue[datetime]()
    clock = SteppedClock()

    async def duty() -> None:
        ran.put_nowait(clock.now())

    async with Chores(clock, look_seconds=0.01) as chores, asyncio.timeout(5):
        chores.every(3600, duty, name="poll")
        before = await ran.get()
        clock.step(-timedelta(hours=1))
        assert await ran.get() < before
