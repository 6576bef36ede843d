"""Long work beside the timers: everybody else has a turn whenever a few milliseconds of it have gone by."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

_TURN_SECONDS = 0.003
"""A start that comes so much late is no later than it is under load anyway."""


async def unhurried(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items in order, with a pause for others after each turn."""
    ends = time.monotonic() + _TURN_SECONDS
    for item in items:
        yield item
        if time.monotonic() >= ends:
            await asyncio.sleep(0)
            ends = time.monotonic() + _TURN_SECONDS
