"""Probes that say whether a part can be used yet."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

Probe = Callable[[], Awaitable[str | None]]
"""Asks once; None when ready, else what is missing."""

_PATIENCE = 2.0


def http_probe(session: aiohttp.ClientSession, url: str) -> Probe:
    """Return a probe that wants 200 from `url` and otherwise repeats what it was told instead."""

    async def ask() -> str | None:
        try:
            async with session.get(url, timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as answer:
                return None if answer.status == 200 else " ".join((await answer.text()).split())[:200]
        except (aiohttp.ClientError, TimeoutError):
            return f"nothing answers at {url}"

    return ask


def tcp_probe(address: str, port: int) -> Probe:
    """Return a probe that wants a connection accepted."""

    async def ask() -> str | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError):
            return f"nothing listens on {address}:{port}"
        writer.close()
        await writer.wait_closed()
        return None

    return ask
