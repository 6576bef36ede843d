"""How long to wait before trying again: exponential back-off with full jitter."""

from random import Random


class Backoff:
    """Delays whose ceiling doubles from `first` to `limit` seconds, each drawn between zero and its ceiling.

    Full jitter spreads the clients of a broker or server that came back (Brooker, "Exponential Backoff And Jitter").
    """

    def __init__(self, *, first: float, limit: float, random: Random | None = None) -> None:
        """Refuse (ValueError) a first delay that is not positive or lies above the limit."""
        if not 0 < first <= limit:
            raise ValueError(f"back-off needs 0 < first <= limit, not first={first} limit={limit}")
        self._first = first
        self._limit = limit
        # Made when needed: seeding one costs as much as many of the attempts that never fail.
        self._random = random
        self._ceiling = first

    def next(self) -> float:
        """Return the seconds to wait before the next attempt."""
        ceiling = self._ceiling
        self._ceiling = min(self._limit, ceiling * 2)
        if self._random is None:
            self._random = Random()
        return self._random.uniform(0, ceiling)

    def reset(self) -> None:
        """Begin again at `first`: the last attempt went well."""
        self._ceiling = self._first
