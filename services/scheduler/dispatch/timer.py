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


class Timer:
    """Keeps claims until they are due and then calls `fire`, never early, in due order."""

    def __init__(self, clock: Clock, fire: Callable[[Claim], None]) -> None:
        self._clock = clock
        self._fire = fire
        self._heap: list[tuple[datetime, int, Claim]] = []
        self._order = itertools.count()
        self._handle: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, claims: list[Claim]) -> None:
        """Take claims in; those already due fire before this returns."""
        for claim in claims:
            heapq.heappush(self._heap, (claim.occurrence.fire_at, next(self._order), claim))
        self._turn()

    def keep(self, condition: Callable[[Claim], bool]) -> None:
        """Forget the claims that do not meet `condition`."""
        self._heap = [entry for entry in self._heap if condition(entry[2])]
        heapq.heapify(self._heap)

    def _turn(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        while self._heap and (wait := (self._heap[0][0] - self._clock.now()).total_seconds()) <= 0:
            self._fire(heapq.heappop(self._heap)[2])
        if self._heap:
            # The clock counts whole milliseconds, rounded down: one more keeps the wake-up from coming early.
            self._handle = asyncio.get_running_loop().call_later(min(wait, 1.0) + 0.0005, self._turn)

    def close(self) -> None:
        """Stop firing; claims left stay claimed until the replica resigns."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
