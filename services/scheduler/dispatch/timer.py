"""An in-memory timer: hands each claim over at its instant, from one heap and one wake-up."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

from services.scheduler.store.records import (
    Claim,
)
from shared.clock import Clock

STALL_SECONDS = 0.2
"""A wake-up that comes so much too late tells that the process was frozen, or the loop held up."""
BREATH_SECONDS = 0.05


class Timer:
    """Keeps claims until they are due and then calls `fire`, never early, in due order.

    After a stall (the process was frozen) nothing fires for a breath: what was said meanwhile, of a host that is about
    to be hit, lies in the sockets and must be read first.
    """

    def __init__(self, clock: Clock, fire: Callable[[Claim], None]) -> None:
        self._clock = clock
        self._fire = fire
        self._heap: list[tuple[datetime, int, Claim]] = []
        self._order = itertools.count()
        self._handle: asyncio.TimerHandle | None = None
        self._still_until = 0.0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, claims: list[Claim]) -> None:
        """Take claims in; those already due fire before this returns, unless the process has just woken up."""
        for claim in claims:
            heapq.heappush(self._heap, (claim.occurrence.fire_at, next(self._order), claim))
        self._turn()

    def keep(self, condition: Callable[[Claim], bool]) -> None:
        """Forget the claims that do not meet `condition`."""
        self._heap = [entry for entry in self._heap if condition(entry[2])]
        heapq.heapify(self._heap)

    def _turn(self) -> None:
        loop, handle = asyncio.get_running_loop(), self._handle
        self.close()
        if handle is not None and loop.time() - handle.when() > STALL_SECONDS:
            self._still_until = loop.time() + BREATH_SECONDS
        if (breath := self._still_until - loop.time()) > 0:
            self._handle = loop.call_later(breath, self._turn)
            return
        while self._heap and (wait := (self._heap[0][0] - self._clock.now()).total_seconds()) <= 0:
            self._fire(heapq.heappop(self._heap)[2])
        if self._heap:
            # The clock counts whole milliseconds, rounded down: one more keeps the wake-up from coming early.
            self._handle = loop.call_later(min(wait, 1.0) + 0.0005, self._turn)

    def close(self) -> None:
        """Stop firing; claims left stay claimed until the replica resigns."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
