"""What waits for hosts that have as many executions as they may: a line for each host or pool that jobs name.

Whoever has waited longest is tried first when an execution on the host ends; the room is kept for it until that has
come to something, so that nobody who comes later is faster. A claim that cannot use the room (its own policy keeps it
off that host) lets the next one try, and keeps its place.
"""

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

import msgspec

from services.scheduler.dispatch.running import Running
from services.scheduler.dispatch.waits import QUEUE_LIMIT, SLOW_SECONDS, Waits, weight_of
from services.scheduler.domain.choosing import Load
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.hosts import FleetView, HostView
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.threats import Case, barriers
from services.scheduler.store.records import Claim
from shared.topics import HostKey, host_key

AT_ONCE = 50
"""How many of a line are tried at a time because hosts have changed: each try costs a decision."""
ROUND_SECONDS = 2.0
"""How often a line is gone through while one of its hosts has room that nobody in it could use: lead times come."""


class _Where(NamedTuple):
    """What a claim waits for: room on one host, on any host of a pool, or on either; empty: not there."""

    host: HostKey
    pool: str


class _Waiting(msgspec.Struct, frozen=True):
    """A claim in a line, since an instant (process time); `place` orders all that wait anywhere."""

    place: int
    since: float
    claim: Claim

    def __lt__(self, other: "_Waiting") -> bool:
        return self.place < other.place


class _Trial(msgspec.Struct, frozen=True):
    """One whose turn it is: for room on `host` that is kept for it, or (None) because hosts have changed."""

    where: _Where
    waiting: _Waiting
    host: HostKey | None


class _Line:
    """Those that wait for the same, the longest waiting first; `hosts` are as they were when it was gone through.

    `round_after` is the place behind which a round goes on, None while there is none; `round_at` is when one began.
    """

    def __init__(self, hosts: list[HostView], now: float) -> None:
        self.waiting: list[_Waiting] = []
        self.hosts = hosts
        self.round_after: int | None = None
        self.round_at = now

    def first(self, after: int) -> _Waiting | None:
        """Return who has waited longest of those behind a place."""
        return next((one for one in self.waiting if one.place > after), None)

    def is_slow(self, now: float) -> bool:
        """Whether what waits here waits longer than a moment."""
        return bool(self.waiting) and now - self.waiting[0].since > SLOW_SECONDS


class Lines:
    """The lines of all full hosts of one replica."""

    def __init__(self, fleet: Callable[[], FleetView], running: Running, *, time: Callable[[], float]) -> None:
        """`time` tells seconds and never goes back."""
        self._fleet = fleet
        self._running = running
        self._time = time
        self._lines: dict[_Where, _Line] = {}
        self._trials: dict[OccurrenceId, _Trial] = {}
        self._kept: Counter[HostKey] = Counter()
        self._waits = Waits()
        self._places = count()

    # -- room --------------------------------------------------------------------------------------------------------

    def load(self, claim: Claim) -> Load:
        """Return how busy hosts are to a claim: room that is kept for others is taken."""
        if not self._kept:
            return self._running.load
        trial = self._trials.get(claim.occurrence.id)
        own = trial.host if trial is not None else None

        def load(host: HostKey) -> tuple[int, float]:
            running, last_used = self._running.load(host)
            return running + self._kept[host] - (host == own), last_used

        return load

    def _has_room(self, host: HostView | None) -> bool:
        """Whether one more may be tried there; a host that is gone is for the decision to find out."""
        if host is None or host.capacity is None:
            return True
        return self._running.load(host.key)[0] + self._kept[host.key] < host.capacity

    @property
    def full(self) -> int:
        """How many hosts have as many executions as this replica may have there."""
        hosts = (self._fleet().get(key) for key in self._running.hosts())
        return sum(host is not None and not self._has_room(host) for host in hosts)

    # -- waiting -----------------------------------------------------------------------------------------------------

    def leads_on(self, claim: Claim, host: HostKey, case: Case) -> bool:
        """Whether this replica may start anything on a host, or any that would do now; if not, another one may."""
        hosts = (each for each in self._hosts(_where(claim, host)) if each.key == host or _is_open(each, case))
        return any(each.capacity is None or each.capacity > 0 for each in hosts)

    def wait(self, claim: Claim, host: HostKey) -> bool:
        """Let a claim wait for a host that is full, or any that would do, at its old place if it was tried.

        False when too many do already.
        """
        trial, now, where = self._trials.get(claim.occurrence.id), self._time(), _where(claim, host)
        line = self._lines.get(where) or _Line(self._hosts(where), now)
        if trial is not None and trial.where == where:
            entry = trial.waiting
        elif len(line.waiting) >= QUEUE_LIMIT and line.is_slow(now):
            return False
        else:
            entry = _Waiting(next(self._places), now, claim)
        self._lines[where] = line
        insort(line.waiting, entry)
        self._waits.begin(claim.job.id, entry.since)
        return True

    def is_held_up(self, job_id: JobId) -> bool:
        """Whether an occurrence of a job has waited for a host longer than a moment."""
        return self._waits.is_long(job_id, self._time())

    @property
    def waiting(self) -> int:
        """How many claims wait."""
        return sum(len(line.waiting) for line in self._lines.values())

    @property
    def weight(self) -> int:
        """How much of what this process takes at a time they use up."""
        now = self._time()
        return sum(weight_of(len(line.waiting), is_slow=line.is_slow(now)) for line in self._lines.values())

    def keep(self, condition: Callable[[Claim], bool]) -> None:
        """Forget the claims that do not meet `condition`, those that are being tried as well."""
        self._trials = {one: trial for one, trial in self._trials.items() if condition(trial.waiting.claim)}
        self._kept = Counter(trial.host for trial in self._trials.values() if trial.host is not None)
        self._waits.clear()
        for line in self._lines.values():
            line.waiting = [one for one in line.waiting if condition(one.claim)]
            for one in line.waiting:
                self._waits.begin(one.claim.job.id, one.since)

    # -- turns -------------------------------------------------------------------------------------------------------

    def ended(self, host: HostKey) -> Iterator[Claim]:
        """Yield those whose turn it is now that an execution on a host has ended."""
        return self._turns(host, -1)

    def started(self, claim: Claim, host: HostKey | None) -> Iterator[Claim]:
        """Yield those whose turn it is now that a claim starts on a host, if that is not where room was kept for it."""
        trial = self._drop(claim)
        if trial is not None and trial.host is not None and trial.host != host:
            yield from self._turns(trial.host, trial.waiting.place)

    def passed(self, claim: Claim) -> Iterator[Claim]:
        """Yield those whose turn it is now that a claim's has come to anything but a start."""
        trial = self._drop(claim)
        if trial is not None and trial.host is not None:
            yield from self._turns(trial.host, trial.waiting.place)

    def open(self) -> Iterator[Claim]:
        """Yield those whose turn it is though nothing tells of it: hosts have changed, or time has passed."""
        now = self._time()
        for where, line in list(self._lines.items()):
            if not line.waiting:
                del self._lines[where]
                continue
            hosts = self._hosts(where)
            is_due = now - line.round_at > ROUND_SECONDS and any(map(self._has_room, hosts))
            if hosts != line.hosts or is_due:
                line.hosts, line.round_after, line.round_at = hosts, -1, now
            if line.round_after is not None:
                yield from self._round(where, line, line.round_after)

    def _round(self, where: _Where, line: _Line, after: int) -> Iterator[Claim]:
        """Yield the next few of a line that is gone through from its head to its end."""
        some = [one for one in line.waiting if one.place > after][:AT_ONCE]
        line.round_after = some[-1].place if len(some) == AT_ONCE else None
        for one in some:
            yield self._try(where, one, None)

    def _turns(self, host: HostKey, after: int) -> Iterator[Claim]:
        """Yield who may use the room on a host, the longest waiting first, of those behind a place."""
        while self._lines and self._has_room(self._fleet().get(host)):
            heads = [(one, where) for where in self._wheres(host) if (one := self._lines[where].first(after))]
            if not heads:
                return
            one, where = min(heads, key=lambda head: head[0].place)
            after = one.place
            yield self._try(where, one, host)

    def _try(self, where: _Where, one: _Waiting, host: HostKey | None) -> Claim:
        self._lines[where].waiting.remove(one)
        self._waits.end(one.claim.job.id, one.since)
        self._trials[one.claim.occurrence.id] = _Trial(where, one, host)
        if host is not None:
            self._kept[host] += 1
        return one.claim

    def _drop(self, claim: Claim) -> _Trial | None:
        """Keep no room for a claim any more."""
        trial = self._trials.pop(claim.occurrence.id, None)
        if trial is not None and trial.host is not None:
            self._kept[trial.host] -= 1
            if not self._kept[trial.host]:
                del self._kept[trial.host]
        return trial

    def _wheres(self, host: HostKey) -> list[_Where]:
        """Return the lines of those that a host would do for."""
        view = self._fleet().get(host)
        pools = view.pools if view is not None else ()
        return [where for where in self._lines if where.host == host or where.pool in pools]

    def _hosts(self, where: _Where) -> list[HostView]:
        """Return the hosts that would do."""
        fleet = self._fleet()
        own = fleet.get(where.host)
        return [*fleet.members(where.pool), *([own] if own is not None else [])]


def _is_open(host: HostView, case: Case) -> bool:
    return host.loss is None and not (host.threats and barriers(case, host))


def _where(claim: Claim, host: HostKey) -> _Where:
    placement = claim.job.definition.placement
    if placement is None or placement.pool is None:
        return _Where(host, "")
    return _Where(host_key(placement.host) if placement.host else HostKey(""), placement.pool)
