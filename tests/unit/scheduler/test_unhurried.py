"""Long work in turns: it comes whole and in order, and others are not kept waiting for its end."""

import asyncio
import time
from collections.abc import Iterator

from services.scheduler.dispatch.unhurried import unhurried

STEP = 0.001


def slowly(number: int) -> Iterator[int]:
    """Yield numbers, each of which takes a millisecond of this thread's time."""
    for item in range(number):
        until = time.monotonic() + STEP
        while time.monotonic() < until:
            pass
        yield item


async def test_others_have_turns_while_it_goes_on() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    done = [item async for item in unhurried(slowly(40))]
    beside.cancel()
    assert done == list(range(40))
    assert turns >= 5
