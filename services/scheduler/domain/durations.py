"""How long a job takes, 99 times in 100, from its last attempts: what `leadTime: "auto"` reckons with. Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from math import ceil
from typing import Self

import msgspec

NEWEST = 100
"""How many of a job's last attempts count: fewer say nothing about one in a hundred."""
LEAST = 5
"""From so many attempts on a duration is known; with fewer the job's time limit stands for it."""
SETTLED = 20
"""From so many attempts since a job's last write on, those from before it count no more: another action may be
quicker. Until then both count, so that a job whose tags were changed is not unknown again."""
FLOOR = timedelta(seconds=1)
"""No job is reckoned to take less: calling, answering and hearing of an event have their own milliseconds."""
_SHARE = 0.99


class Longest(msgspec.Struct, frozen=True):
    """Attempts by the only thing that their 99th percentile needs: how many, and the longest durations in order.

    Of up to NEWEST attempts the two longest are enough (nearest rank), and cost little for a hundred thousand jobs.
    """

    number: int = 0
    durations: tuple[timedelta, ...] = ()

    @classmethod
    def of(cls, number: int, durations: Iterable[timedelta]) -> Self:
        """Keep as many of the durations as are needed; the longest must be among them."""
        return cls(min(number, NEWEST), tuple(sorted(durations, reverse=True)[:KEPT]))

    def __add__(self, other: "Longest") -> "Longest":
        """Return both together."""
        return Longest.of(self.number + other.number, self.durations + other.durations)

    @property
    def p99(self) -> timedelta | None:
        """The duration that 99 of 100 did not exceed; None when there was no attempt."""
        return self.durations[place(self.number)] if self.number else None


def place(number: int) -> int:
    """Return at which place from the longest on the 99th percentile of so many is (nearest rank): 0 is the longest."""
    return number - ceil(_SHARE * number)


KEPT = place(NEWEST) + 1
"""How many durations of a job are kept: the 99th percentile of no number of attempts lies further from the longest."""
_NONE = Longest()


class Durations(msgspec.Struct, frozen=True, kw_only=True):
    """How long a job's last attempts took: those that began since the job was last written, and those before.

    What counts is the main action's attempts that succeeded, and those that ran to the time limit: the others say how
    soon a target refuses, not how long it works.
    """

    since: Longest = _NONE
    before: Longest = _NONE

    def expected(self, timeout: timedelta) -> timedelta | None:
        """Return how long the job takes, 99 times in 100, within its time limit; None when too little is known."""
        known = self.since if self.since.number >= SETTLED else self.since + self.before
        if known.number < LEAST or known.p99 is None:
            return None
        return min(max(known.p99, FLOOR), timeout)

    def and_one(self, took: timedelta) -> "Durations":
        """Return them with one more attempt, of the job as it is now."""
        return Durations(since=self.since + Longest(1, (took,)), before=self.before)


def counts(took: timedelta, *, succeeded: bool, timeout: timedelta) -> bool:
    """Whether an attempt of the main action says how long the job takes."""
    return succeeded or took >= timeout


def measured(since: Sequence[timedelta], before: Sequence[timedelta]) -> Durations:
    """Return the durations of attempts that count, since the job's last write and before."""
    return Durations(since=Longest.of(len(since), since), before=Longest.of(len(before), before))
