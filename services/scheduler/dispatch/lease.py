"""The lease of this replica's life: renewed by a chore, and proven again before anything fires after a gap."""

import time
from datetime import timedelta

from services.scheduler.errors import LeaseLostError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Ownership,
)
from shared.clock import Clock
from shared.logs import get_logger

log = get_logger(__name__)


class Lease:
    """Who this replica is to the store. `is_proven` is cheap; `prove` asks the store.

    A frozen process or VM wakes up with claims that others may have taken over: after a gap longer than half the lease
    nothing fires before the store has confirmed the lease (DESIGN §4). Wall time and process time are both looked at,
    because a frozen VM may stop either.
    """

    def __init__(self, store: Store, clock: Clock, replica: str, length: timedelta, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._replica = replica
        self._length = length
        self._metrics = metrics
        self._owner: Ownership | None = None
        self._proven_at = (0.0, clock.now())
        self._steady_from = 0.0

    @property
    def owner(self) -> Ownership:
        """This life's session and fence. Raises LeaseLostError before `begin` and after a loss."""
        if self._owner is None:
            raise LeaseLostError(f"replica {self._replica} holds no lease")
        return self._owner

    async def begin(self) -> Ownership:
        """Start a life: a new session with a fence above all earlier ones."""
        asked = (time.monotonic(), self._clock.now())
        self._owner = await self._store.register(self._replica, asked[1], self._length)
        self._proven_at = asked
        self._steady_from = 0.0
        log.info("lease begun", replica=self._replica, session=self._owner.session, fence=self._owner.fence)
        return self._owner

    @property
    def is_proven(self) -> bool:
        """Whether the lease was confirmed less than half its length ago."""
        return self._owner is not None and self._elapsed() < self._length / 2

    @property
    def is_steady(self) -> bool:
        """Whether the lease has not run out within a lease's length: only then may others' be called ended.

        A store that was away, or a freeze of this process, lets every lease run out; each must get its chance to renew.
        """
        return self.is_proven and time.monotonic() >= self._steady_from

    def doubt(self) -> None:
        """Have the store asked before anything more fires."""
        self._proven_at = (-self._length.total_seconds(), self._proven_at[1])

    async def prove(self) -> None:
        """Renew the lease. Raises LeaseLostError (and forgets the life) when it was taken over."""
        owner, asked = self.owner, (time.monotonic(), self._clock.now())
        may_have_ended = self._elapsed() >= self._length
        try:
            await self._store.renew(owner, asked[1], self._length)
        except LeaseLostError:
            if self._owner == owner:
                self.lose()
            raise
        if self._owner == owner:
            self._proven_at = asked
            if may_have_ended:
                self._steady_from = asked[0] + self._length.total_seconds()

    def lose(self) -> None:
        """Forget a life that another replica has ended."""
        if self._owner is not None:
            self._owner = None
            self._metrics.leases_lost.inc()

    def _elapsed(self) -> timedelta:
        """Return how long ago the lease was confirmed, by the clock that says more."""
        by_process, by_wall = self._proven_at
        return max(timedelta(seconds=time.monotonic() - by_process), abs(self._clock.now() - by_wall))

    async def end(self) -> None:
        """Resign: what was claimed and never fired is anybody's at once."""
        if self._owner is not None:
            await self._store.resign(self._owner)
            self._owner = None
