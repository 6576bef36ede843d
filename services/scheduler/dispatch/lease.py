"""The lease of this replica's life: renewed by a duty, and proven again before anything fires after a gap."""

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
    nothing fires before the store has confirmed the lease (DESIGN §4). The machine's clock, `wall`, and process time
    are both looked at, because a frozen VM may stop either.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        replica: str,
        length: timedelta,
        metrics: Metrics,
        *,
        wall: Clock | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._wall = wall or clock
        self._replica = replica
        self.length = length
        self._metrics = metrics
        self._owner: Ownership | None = None
        self._half = length.total_seconds() / 2
        self._proven_at = (0.0, self._wall.now())
        self._doubts = 0
        self._doubts_settled = 0
        self.gaps = 0
        """How often the lease had to be proven anew after a gap or a doubt: what was known before may be wrong."""
        self.lapses = 0
        """How often it was renewed only after its whole length: all others' may have run out as well by then."""

    @property
    def owner(self) -> Ownership:
        """This life's session and fence. Raises LeaseLostError before `begin` and after a loss."""
        if self._owner is None:
            raise LeaseLostError(f"replica {self._replica} holds no lease")
        return self._owner

    async def begin(self) -> Ownership:
        """Start a life: a new session with a fence above all earlier ones."""
        asked, doubts = (time.monotonic(), self._wall.now()), self._doubts
        self._owner = await self._store.register(self._replica, self._clock.now(), self.length)
        self._proven_at = asked
        self._doubts_settled = doubts
        log.info("lease begun", replica=self._replica, session=self._owner.session, fence=self._owner.fence)
        return self._owner

    @property
    def is_proven(self) -> bool:
        """Whether the lease was confirmed less than half its length ago, and not doubted since."""
        is_sure = self._owner is not None and self._doubts_settled == self._doubts
        return is_sure and self._elapsed() < self._half

    def doubt(self) -> None:
        """Have the store asked before anything more fires; an answer that is under way now does not count."""
        self._doubts += 1

    async def prove(self) -> None:
        """Renew the lease. Raises LeaseLostError (and forgets the life) when it was taken over."""
        owner, asked, doubts = self.owner, (time.monotonic(), self._wall.now()), self._doubts
        had_gap = not self.is_proven
        had_lapsed = self._elapsed() >= 2 * self._half
        try:
            await self._store.renew(owner, self._clock.now(), self.length)
        except LeaseLostError:
            if self._owner == owner:
                self.lose()
            raise
        if self._owner == owner:
            self._proven_at = asked
            self._doubts_settled = doubts
            self.gaps += had_gap
            self.lapses += had_lapsed

    def lose(self) -> None:
        """Forget a life that another replica has ended."""
        if self._owner is not None:
            self._owner = None
            self._metrics.leases_lost.inc()

    def _elapsed(self) -> float:
        """Return how many seconds ago the lease was confirmed, by the clock that says more."""
        by_process, by_wall = self._proven_at
        return max(time.monotonic() - by_process, abs((self._wall.now() - by_wall).total_seconds()))

    async def end(self) -> None:
        """Resign: what was claimed and never fired is anybody's at once."""
        if self._owner is not None:
            await self._store.resign(self._owner)
            self._owner = None
