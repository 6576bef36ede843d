"""The course of simulated time: what happens when, and the clock that everybody reads."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count

Act = Callable[[], None]


class Agenda:
    """A clock that jumps from one thing to the next; things of one instant happen in the order they were noted in."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._entries: list[tuple[datetime, int, Act]] = []
        self._numbers = count()

    def now(self) -> datetime:
        """Return the instant of what is happening."""
        return self._now

    def at(self, when: datetime, act: Act) -> None:
        """Have something happen at an instant, now if that is past."""
        heappush(self._entries, (max(when, self._now), next(self._numbers), act))

    def after(self, seconds: float, act: Act) -> None:
        """Have something happen so many seconds from now, to the millisecond."""
        self.at(self._now + timedelta(milliseconds=round(seconds * 1000)), act)

    def step(self, end: datetime) -> bool:
        """Let the next thing happen, unless there is none up to `end`: then False."""
        if not self._entries or self._entries[0][0] > end:
            return False
        self._now, _, act = heappop(self._entries)
        act()
        return True
