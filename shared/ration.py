"""So much at a time and so much a second, and not more: what is said or asked too often costs no more than that."""

import time
from collections.abc import Callable
from math import inf


class Ration:
    """A store that holds `burst` and is filled up by `per_second`."""

    def __init__(self, *, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin full; `clock` tells seconds."""
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._left = burst
        self._filled_at = clock()

    def take(self, amount: float = 1.0) -> bool:
        """Take so much if it is there; False, and nothing is taken, if it is not."""
        now = self._clock()
        # A clock that was set back takes nothing away.
        self._left = min(self._burst, self._left + max(now - self._filled_at, 0.0) * self._per_second)
        self._filled_at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True

    @property
    def left(self) -> float:
        """How much there was after the last take."""
        return self._left

    def wait(self, amount: float = 1.0) -> float:
        """Return how many seconds after the last take so much is there; what it never holds takes for ever."""
        lacking = max(amount - self._left, 0.0)
        return lacking / self._per_second if self._per_second else inf
