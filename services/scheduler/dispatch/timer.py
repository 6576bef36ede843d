"""An in-memory timer: hands each claim over at its instant, from one heap and one wake-up."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.base import Claim
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

    def drop(self, condition: Callable[[Claim], bool]) -> list[OccurrenceId]:
        """Forget the claims that meet `condition`; return their occurrences' ids."""
        dropped = [claim.occurrence.id for _, _, claim in self._heap if condition(claim)]
        self._heap = [entry for entry in self._heap if not condition(entry[2])]
        heapq.heapify(self._heap)
        return dropped

    def drop_jobs(self, job_ids: frozenset[JobId]) -> None:
        """Forget the claims of jobs that were deleted or replaced."""
        self.drop(lambda claim: claim.job.id in job_ids)

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
