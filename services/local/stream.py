"""Reads the scheduler's server-sent events, and comes back when the scheduler does."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import aiohttp
import msgspec

from services.scheduler.feed import Update
from shared.retry import Backoff

_LONGEST_FRAME = 1_000_000


async def follow(session: aiohttp.ClientSession, url: str) -> AsyncGenerator[Update, None]:
    """Yield updates for ever; while the scheduler is away, try again with back-off."""
    backoff = Backoff(first=0.5, limit=5)
    while True:
        try:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
            async with session.get(url, timeout=timeout, read_bufsize=_LONGEST_FRAME) as answer:
                answer.raise_for_status()
                backoff.reset()
                async for update in _updates(answer.content):
                    yield update
        except (aiohttp.ClientError, TimeoutError, ValueError):
            pass
        await asyncio.sleep(backoff.next())


async def _updates(content: aiohttp.StreamReader) -> AsyncIterator[Update]:
    """Put `data:` lines together until a blank one ends the frame; comments and other fields say nothing here."""
    data: list[bytes] = []
    async for raw in content:
        line = raw.rstrip(b"\r\n")
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            yield msgspec.json.decode(b"\n".join(data), type=Update)
            data = []
