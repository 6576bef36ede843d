"""So much at a time and so much a second, and not more: what is said or asked too often costs no more than that."""

import time
from collections.abc import Callable


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
        self._left = min(self._burst, self._left + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True
