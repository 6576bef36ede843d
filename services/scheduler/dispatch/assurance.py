"""Whether what is in hand may start: the lease is proven and, after any gap, the claims were looked through again.

A process that was frozen or cut off wakes up with claims that others may have taken over, and of jobs that others may
have changed or deleted: the lease alone does not tell (DESIGN §4).
"""

import asyncio
from collections.abc import Callable

from services.scheduler.dispatch.lease import Lease


class Assurance:
    """Given by the engine, waited for by the runners."""

    def __init__(self, lease: Lease) -> None:
        self.wanted: Callable[[], None] = lambda: None
        """Called when somebody waits for it."""
        self._lease = lease
        self._gaps_seen = lease.gaps
        self._given = asyncio.Event()
        self._waiting = 0

    @property
    def is_due(self) -> bool:
        """Whether to look through the claims: what is in hand may not start, or somebody waits until that is done.

        A lease that was in doubt for a moment, while its renewal was under way, is proven again without a gap.
        """
        return self._waiting > 0 or not self.is_given

    @property
    def is_given(self) -> bool:
        """Whether what stands in hand may start now."""
        return self._gaps_seen == self._lease.gaps and self._lease.is_proven

    def give(self, gaps: int) -> None:
        """Note that the claims were looked through after so many gaps of the lease."""
        self._gaps_seen = gaps
        self._given.set()
        self._given = asyncio.Event()

    async def wait(self) -> None:
        """Ask for it, and return once it was given for some moment since."""
        given = self._given
        self._waiting += 1
        self.wanted()
        try:
            await given.wait()
        finally:
            self._waiting -= 1
