"""Work that a cancellation may follow but not cut in two."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def carry_out(work: Coroutine[Any, Any, T], *, steady: bool) -> T:
    """Await `work`; to the end when `steady`."""
    return await (to_the_end(work) if steady else work)


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` and return its result; when cancelled meanwhile, raise CancelledError once it has ended."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _ended(task)
        raise


async def _ended(task: "asyncio.Future[Any]") -> None:
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            continue
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not report it as forgotten: the cancellation goes first
