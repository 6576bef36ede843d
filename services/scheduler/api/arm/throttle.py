"""A burst bucket per caller, so that what the rate-limit headers say is true (reference azure-scheduler §1.2)."""

from collections import OrderedDict
from datetime import datetime

import msgspec

from shared.clock import Clock
from shared.errors import TransientError

CALLERS = 10_000
"""Callers remembered; one forgotten early starts with a full bucket again."""
_REFILL_SECONDS = 1.0
"""An empty bucket is full again after this long."""


class ThrottledError(TransientError):
    """The caller has asked too often just now."""


class _Level(msgspec.Struct, frozen=True):
    tokens: float
    at: datetime


class Throttle:
    """Buckets of one size, one per caller; 0 lets everything through and says nothing."""

    def __init__(self, clock: Clock, *, size: int) -> None:
        self._clock = clock
        self._size = size
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    def take(self, caller: str) -> int | None:
        """Take one request out of the caller's bucket; return how many are left in it, None without a limit.

        Raises ThrottledError when it is empty.
        """
        if not self._size:
            return None
        now = self._clock.now()
        tokens = self._filled(self._levels.pop(caller, _Level(self._size, now)), now)
        if tokens < 1:
            self._keep(caller, _Level(tokens, now))
            raise ThrottledError(f"more than {self._size} such requests in a second; wait a second and try again")
        self._keep(caller, _Level(tokens - 1, now))
        return int(tokens - 1)

    def _filled(self, level: _Level, now: datetime) -> float:
        gained = (now - level.at).total_seconds() / _REFILL_SECONDS * self._size
        return min(level.tokens + max(gained, 0.0), float(self._size))

    def _keep(self, caller: str, level: _Level) -> None:
        self._levels[caller] = level
        if len(self._levels) > CALLERS:
            self._levels.popitem(last=False)
