"""How often one caller may ask: a bucket each, filled steadily, so that what the headers say is true."""

import math
from collections import OrderedDict
from datetime import datetime

import msgspec

from shared.clock import Clock
from shared.errors import TransientError

CALLERS = 10_000
"""Callers remembered; one forgotten early starts with a full bucket again."""


class ThrottledError(TransientError):
    """The caller has asked too often just now."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        """Keep how many seconds to wait."""
        super().__init__(message)
        self.retry_after = max(1, math.ceil(retry_after))


class _Level(msgspec.Struct, frozen=True):
    tokens: float
    at: datetime


class Throttle:
    """Buckets of one size, one per caller; size 0 lets everything through and says nothing."""

    def __init__(self, clock: Clock, *, size: int, seconds: float = 1.0) -> None:
        """An empty bucket is full again after `seconds`."""
        self._clock = clock
        self._size = size
        self._seconds = seconds
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    def take(self, caller: str) -> int | None:
        """Take one request out of the caller's bucket; return how many are left in it, None without a limit.

        Raises ThrottledError when it is empty.
        """
        if not self._size:
            return None
        now = self._clock.now()
        tokens = self._filled(caller, now)
        if tokens < 1:
            self._keep(caller, _Level(tokens, now))
            raise self._refusal(tokens)
        self._keep(caller, _Level(tokens - 1, now))
        return int(tokens - 1)

    def _refusal(self, tokens: float) -> ThrottledError:
        wait = (1 - tokens) * self._seconds / self._size
        span = "a second" if self._seconds == 1 else f"{self._seconds:g} seconds"
        return ThrottledError(
            f"more than {self._size} such requests in {span}; wait a second and try again", retry_after=wait
        )

    def _filled(self, caller: str, now: datetime) -> float:
        level = self._levels.get(caller, _Level(self._size, now))
        gained = (now - level.at).total_seconds() / self._seconds * self._size
        return min(level.tokens + max(gained, 0.0), float(self._size))

    def _keep(self, caller: str, level: _Level) -> None:
        self._levels[caller] = level
        self._levels.move_to_end(caller)
        if len(self._levels) > CALLERS:
            self._levels.popitem(last=False)
