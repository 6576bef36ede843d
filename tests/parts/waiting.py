"""Waiting for what another process does: asked again and again, within a limit."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(check: Callable[[], Awaitable[bool]], *, seconds: float = 20) -> None:
    """Return once `check` says yes; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if await check():
                return
            await asyncio.sleep(0.02)
