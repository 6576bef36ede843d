"""How often one caller may ask: a bucket each, filled steadily, so that what the headers say is true."""

import math
from collections import OrderedDict

from shared.clock import Clock
from shared.errors import TransientError
from shared.ration import Ration

CALLERS = 10_000
"""Callers remembered; one forgotten early starts with a full bucket again."""


class ThrottledError(TransientError):
    """The caller has asked too often just now."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        """Keep how many seconds to wait."""
        super().__init__(message)
        self.retry_after = max(1, math.ceil(retry_after))


class Throttle:
    """Buckets of one size, one per caller; size 0 lets everything through and says nothing."""

    def __init__(self, clock: Clock, *, size: int, seconds: float = 1.0) -> None:
        """An empty bucket is full again after `seconds`."""
        self._clock = clock
        self._size = size
        self._seconds = seconds
        self._buckets: OrderedDict[str, Ration] = OrderedDict()

    def take(self, caller: str) -> int | None:
        """Take one request out of the caller's bucket; return how many are left in it, None without a limit.

        Raises ThrottledError when it is empty.
        """
        if not self._size:
            return None
        bucket = self._bucket(caller)
        if not bucket.take():
            raise self._refusal(bucket.wait())
        return int(bucket.left)

    def _refusal(self, wait: float) -> ThrottledError:
        span = "a second" if self._seconds == 1 else f"{self._seconds:g} seconds"
        return ThrottledError(
            f"more than {self._size} such requests in {span}; wait a second and try again", retry_after=wait
        )

    def _bucket(self, caller: str) -> Ration:
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = Ration(burst=self._size, per_second=self._size / self._seconds, clock=self._now)
            self._buckets[caller] = bucket
            if len(self._buckets) > CALLERS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(caller)
        return bucket

    def _now(self) -> float:
        return self._clock.now().timestamp()
