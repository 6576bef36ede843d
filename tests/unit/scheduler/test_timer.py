"""The timer of claims."""

import asyncio
from datetime import timedelta

from services.scheduler.dispatch.timer import Timer
from services.scheduler.store.records import Claim
from shared.clock import SystemClock
from tests.parts.builders import claim, job
from tests.parts.freezing import frozen_while_told


async def test_what_was_said_while_the_process_was_frozen_is_heard_before_anything_fires() -> None:
    order: list[str] = []
    fired = asyncio.Event()

    def fire(_: Claim) -> None:
        order.append("fired")
        fired.set()

    clock = SystemClock()
    Timer(clock, fire).add([claim(job(), due=clock.now() + timedelta(seconds=0.05))])
    async with asyncio.timeout(10), frozen_while_told(0.5, lambda: order.append("heard")):
        await fired.wait()
    assert order == ["heard", "fired"]
