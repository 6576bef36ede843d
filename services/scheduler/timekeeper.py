"""The scheduler's clock: this machine's steady time, set by the store's clock, which all replicas share."""

import math
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from services.scheduler.errors import StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from shared.clock import EPOCH, Clock
from shared.logs import get_logger

log = get_logger(__name__)

ASK_SECONDS = 1.0
"""How often the store is asked; a clock that was set takes effect within as long."""
_KEPT = 8
_FIRST_QUESTIONS = 3
"""The first of all opens a connection: the quickest of a few is good."""
_DRIFT = 200e-6
"""How fast two clocks may part, in seconds a second: quartz is good to half of that."""
_TELLING_SECONDS = 0.1
"""A smaller step is corrected in silence."""


class Sample(msgspec.Struct, frozen=True):
    """What the store's clock said, as seconds ahead of steady time: between `least` and `most`, asked at `asked`."""

    asked: float
    least: float
    most: float

    @property
    def middle(self) -> float:
        """The likeliest offset: the answer took as long as the question."""
        return (self.least + self.most) / 2

    def doubt(self, at: float) -> float:
        """Return how far the middle may be off at a moment, in seconds."""
        return (self.most - self.least) / 2 + abs(at - self.asked) * _DRIFT

    def agrees_with(self, earlier: "Sample") -> bool:
        """Whether one offset explains both."""
        return abs(self.middle - earlier.middle) <= self.doubt(self.asked) + earlier.doubt(self.asked)


class StoreClock:
    """A Clock that goes by steady time plus an offset, which `keep` steers by the store's clock.

    The quickest of the last few answers decides. One that contradicts it means that a clock was set, or that this
    machine was frozen: then that answer alone counts. `wall` is the machine's own clock, for telling how far it is off.
    """

    def __init__(
        self, store: Store, wall: Clock, metrics: Metrics, *, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._wall = wall
        self._metrics = metrics
        self._steady = steady
        self._samples: deque[Sample] = deque(maxlen=_KEPT)
        self._offset = (wall.now() - EPOCH).total_seconds() - steady()
        self._followers: list[Callable[[timedelta], None]] = []

    def on_step(self, follower: Callable[[timedelta], None]) -> None:
        """Tell `follower` from now on by how much this clock was set, whenever that is more than drift."""
        self._followers.append(follower)

    def now(self) -> datetime:
        """Return the store's time as far as it is known, cut to whole milliseconds."""
        return datetime.fromtimestamp(math.floor((self._steady() + self._offset) * 1000) / 1000, UTC)

    async def begin(self) -> None:
        """Set it for the first time. Raises StoreUnavailableError."""
        for _ in range(_FIRST_QUESTIONS):
            await self._ask()

    async def keep(self) -> float:
        """Set it again, and return after how many seconds to do so next; a store that is away leaves it as it is."""
        try:
            await self._ask()
        except StoreUnavailableError as fault:
            log.debug("the store's time is unknown now", error=str(fault))
        return ASK_SECONDS

    async def _ask(self) -> None:
        asked = self._steady()
        said = ((await self._store.time()) - EPOCH).total_seconds()
        self._steer(Sample(asked=asked, least=said - self._steady(), most=said - asked))
        self._metrics.clock_offset.set((self._wall.now() - self.now()).total_seconds())

    def _steer(self, sample: Sample) -> None:
        if not all(sample.agrees_with(one) for one in self._samples):
            self._samples.clear()
            self._note_step(sample.middle - self._offset)
        self._samples.append(sample)
        self._offset = min(self._samples, key=lambda one: one.doubt(sample.asked)).middle

    def _note_step(self, seconds: float) -> None:
        if abs(seconds) >= _TELLING_SECONDS:
            self._metrics.clock_steps.inc()
            log.warning("the store's clock was set, or this machine was frozen", seconds=round(seconds, 3))
            for follower in self._followers:
                follower(timedelta(seconds=seconds))
