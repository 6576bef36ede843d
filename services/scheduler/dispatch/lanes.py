"""What one target may take: a lane of its own for each, so that a slow or hanging one delays nobody else's calls.

A target is a scheme, a host and a port. What a full lane has no room for waits in it; the runners go on with others.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from services.scheduler.dispatch.waits import QUEUE_LIMIT, SLOW_SECONDS, Waits, weight_of
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.records import (
    Claim,
)

_BURST_SECONDS = 0.1
"""How much of a second's allowance may start at once."""


class _Lane:
    """One target: how many calls are under way, when the next may start, and who waits since when (process time).

    `is_awaited`: somebody comes back when the rate lets the next one start.
    """

    def __init__(self) -> None:
        self.under_way = 0
        self.free_at = 0.0
        self.is_awaited = False
        self.waiting: deque[tuple[float, Claim]] = deque()

    def put_back(self, since: float, claim: Claim) -> None:
        """Let a claim wait on, behind those that have waited longer: others may be tried at the same time."""
        longer: list[tuple[float, Claim]] = []
        while self.waiting and self.waiting[0][0] < since:
            longer.append(self.waiting.popleft())
        self.waiting.appendleft((since, claim))
        self.waiting.extendleft(reversed(longer))

    def is_slow(self, now: float) -> bool:
        """Whether what waits here waits longer than a moment."""
        return bool(self.waiting) and now - self.waiting[0][0] > SLOW_SECONDS


class _Trial(msgspec.Struct, frozen=True):
    """A claim that has waited at a target since an instant and is being tried again."""

    target: str
    since: float
    claim: Claim


class Entry(msgspec.Struct, frozen=True):
    """The answer of a lane: start now, or wait; with `wait`, come back `in_time` after so many seconds."""

    admitted: bool
    wait: float | None = None


class Lanes:
    """The lanes of all targets in use.

    Whose turn it is is tried again, and may come to something else: it is skipped, held, gone. So that nobody waits for
    ever behind it, the next one's turn comes with every start, every end (`leave`, `pass_by`) and in `open`.
    """

    def __init__(self, *, concurrency: int, rate: float = 0.0, time: Callable[[], float]) -> None:
        """`concurrency` calls at a time and `rate` starts a second at each target (0: any); `time` in seconds."""
        self._concurrency = concurrency
        self._interval = 1 / rate if rate else 0.0
        self._time = time
        self._lanes: dict[str, _Lane] = {}
        self._waits = Waits()
        self._tried: dict[OccurrenceId, _Trial] = {}

    def enter(self, target: str, claim: Claim) -> Entry:
        """Count a claim's call as under way at a target, if it has room for it."""
        lane = self._lanes.get(target)
        if lane is None:
            lane = self._lanes[target] = _Lane()
        if lane.under_way >= self._concurrency:
            return _FULL
        if self._interval:
            now = self._time()
            if not self._is_in_rate(lane, now):
                return self._until_free(lane, now)
            lane.free_at = max(lane.free_at, now) + self._interval
        lane.under_way += 1
        self._tried.pop(claim.occurrence.id, None)
        return _ADMITTED

    def leave(self, target: str) -> Claim | None:
        """Note that a call has ended; return the claim whose turn it is, to be tried again."""
        self._lanes[target].under_way -= 1
        return self.next(target)

    def pass_by(self, claim: Claim) -> Claim | None:
        """Note that a claim has come to an end; if it was its turn at a target, return the one whose turn it is now."""
        trial = self._tried.pop(claim.occurrence.id, None)
        return None if trial is None else self.next(trial.target)

    def in_time(self, target: str) -> Claim | None:
        """Return the claim whose turn it is now that the rate lets one start."""
        lane = self._lanes.get(target)
        if lane is not None:
            lane.is_awaited = False
        return self.next(target)

    def next(self, target: str) -> Claim | None:
        """Return the claim that has waited longest for a target, to be tried again, if it has room for it."""
        lane = self._lanes.get(target)
        if lane is None or lane.under_way >= self._concurrency:
            return None
        if lane.waiting:
            since, claim = lane.waiting.popleft()
            self._waits.end(claim.job.id, since)
            self._tried[claim.occurrence.id] = _Trial(target, since, claim)
            return claim
        if not lane.under_way and lane.free_at <= self._time():
            del self._lanes[target]
        return None

    def open(self) -> list[Claim]:
        """Return claims whose turn it is though nothing tells of it; forget the lanes that nobody uses any more."""
        now = self._time()
        turns: list[Claim | None] = []
        for target, lane in list(self._lanes.items()):
            if (lane.waiting or not lane.under_way) and self._is_in_rate(lane, now):
                room = 1 if self._interval else self._concurrency - lane.under_way
                turns += [self.next(target) for _ in range(max(1, min(room, len(lane.waiting))))]
        return [claim for claim in turns if claim is not None]

    def wait(self, target: str, claim: Claim) -> bool:
        """Let a claim wait for its target, at its old place if it was tried; False when too many do already."""
        lane, now = self._lanes[target], self._time()
        trial = self._tried.pop(claim.occurrence.id, None)
        if trial is not None and trial.target == target:
            lane.put_back(trial.since, claim)
            self._waits.begin(claim.job.id, trial.since)
            return True
        if len(lane.waiting) >= QUEUE_LIMIT and lane.is_slow(now):
            return False
        lane.waiting.append((now, claim))
        self._waits.begin(claim.job.id, now)
        return True

    def is_held_up(self, job_id: JobId) -> bool:
        """Whether an occurrence of a job has waited for its target longer than a moment."""
        return self._waits.is_long(job_id, self._time())

    @property
    def waiting(self) -> int:
        """How many claims wait."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    @property
    def weight(self) -> int:
        """How much of what this process takes at a time they use up: a hanging target must not starve the others."""
        now = self._time()
        return sum(weight_of(len(lane.waiting), is_slow=lane.is_slow(now)) for lane in self._lanes.values())

    @property
    def full(self) -> int:
        """How many targets have as many calls under way as they may."""
        return sum(lane.under_way >= self._concurrency for lane in self._lanes.values())

    def keep(self, condition: Callable[[Claim], bool]) -> None:
        """Forget the waiting claims that do not meet `condition`."""
        self._waits.clear()
        self._tried = {one: trial for one, trial in self._tried.items() if condition(trial.claim)}
        for lane in self._lanes.values():
            lane.waiting = deque((since, claim) for since, claim in lane.waiting if condition(claim))
            for since, claim in lane.waiting:
                self._waits.begin(claim.job.id, since)

    def _is_in_rate(self, lane: _Lane, now: float) -> bool:
        return lane.free_at - now <= max(_BURST_SECONDS, self._interval / 2)

    def _until_free(self, lane: _Lane, now: float) -> Entry:
        """Ask for one to come back, not everybody: each who waits looks in vain until it is its turn."""
        if lane.is_awaited:
            return _FULL
        lane.is_awaited = True
        return Entry(admitted=False, wait=lane.free_at - now)


_ADMITTED = Entry(admitted=True)
_FULL = Entry(admitted=False)
