"""A bell that wakes all who wait for something to change."""

import asyncio


class Bell:
    """Ring it after a change; whoever waits looks again."""

    def __init__(self) -> None:
        """Begin silent."""
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now; whoever comes later waits for the next time."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def heard(self) -> None:
        """Return when it rings."""
        await self._rung.wait()
