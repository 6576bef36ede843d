"""What runs in this process now: asked by placement (load), overlap (same job) and drains (which hosts)."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from math import inf

import msgspec

from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import FleetView, Threat
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.placement import home_of
from services.scheduler.domain.threats import BreakOff, Case, Ending, counts_against_drain, crosses
from shared.topics import HostKey


class Execution(msgspec.Struct, kw_only=True, eq=False):
    """One attempt that runs now, within `scope`; `broken_off` says why it was ended from outside, if it was.

    `case` is what it was started by, `ending` when and why it will be broken off as things stand; `is_sent`: the target
    has, or may have, got the request.
    `began` and `deadline` are process time (`time.monotonic`); nothing ends the attempt at its deadline but `expire`.
    """

    occurrence: Occurrence
    case: Case
    host: HostKey | None
    scope: asyncio.Timeout
    began: float = 0.0
    deadline: float = inf
    ending: Ending | None = None
    broken_off: BreakOff | None = None
    is_sent: bool = False

    def break_off(self, why: BreakOff) -> None:
        """End the attempt now, as if its time were up; one that is at its end already is left alone."""
        if self._goes_on():
            self.broken_off = why
            self._end()

    def expire(self, now: float) -> None:
        """End the attempt if its time is up."""
        if now >= self.deadline and self._goes_on():
            self._end()

    def give_way(self, now: datetime) -> None:
        """Break the attempt off if its ending has come."""
        if self.ending is not None and now >= self.ending.at:
            self.break_off(self.ending.why)

    def note_sent(self) -> None:
        """The request is on its way."""
        self.is_sent = True

    def _goes_on(self) -> bool:
        return self.broken_off is None and not self.scope.expired()

    def _end(self) -> None:
        self.scope.reschedule(asyncio.get_running_loop().time())


class Running:
    """The register of running attempts; `ended` is called with the host whenever one ends."""

    def __init__(self, ended: Callable[[HostKey], None] = lambda _: None) -> None:
        self.ended = ended
        # One occurrence may be here twice: taken over while we were frozen, and claimed again by ourselves.
        self._executions: dict[Execution, None] = {}
        self._by_host: dict[HostKey | None, dict[Execution, None]] = {}
        self._by_job: Counter[JobId] = Counter()
        self._last_used: dict[HostKey, float] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    @contextmanager
    def enter(self, execution: Execution) -> Iterator[None]:
        """Count an attempt as running for as long as the context lasts."""
        self._add(execution)
        if execution.host is not None:
            self._last_used[execution.host] = time.monotonic()
        try:
            yield
        finally:
            self._remove(execution)
            if execution.host is not None:
                self.ended(execution.host)

    def __len__(self) -> int:
        return len(self._executions)

    async def wait_until_empty(self, limit: timedelta) -> bool:
        """Wait until nothing runs; False when `limit` passed first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit.total_seconds()):
                await self._empty.wait()
        return not self._executions

    def since(self, instant: float) -> int:
        """Return how many attempts have been running since an instant (process time), or longer."""
        # In the order in which they started: the long ones come first.
        count = 0
        for execution in self._executions:
            if execution.began > instant:
                break
            count += 1
        return count

    def all(self) -> list[Execution]:
        """Return every running attempt."""
        return list(self._executions)

    def on(self, host: HostKey) -> list[Execution]:
        """Return the attempts that run on a host."""
        return list(self._by_host.get(host, ()))

    def hosts(self) -> list[HostKey]:
        """Return the hosts on which attempts run."""
        return [host for host in self._by_host if host is not None]

    def load(self, host: HostKey) -> tuple[int, float]:
        """Return how busy a host is: attempts running there, then when one last started (process time)."""
        return len(self._by_host.get(host, ())), self._last_used.get(host, 0.0)

    def is_active(self, job_id: JobId) -> bool:
        """Whether an attempt of the job runs here."""
        return job_id in self._by_job

    def against_drain(self, host: HostKey, threat: Threat) -> int:
        """Return how many attempts keep the host from being drained for this threat."""
        return sum(counts_against_drain(execution.case.policies, threat) for execution in self.on(host))

    def crossing(self, fleet: FleetView) -> int:
        """Return how many attempts will run into an event of their host: too long for it, and not to be broken off."""
        return sum(
            execution.ending is None and any(crosses(execution.case, threat) for threat in view.threats)
            for host in self.hosts()
            if (view := fleet.get(host)) is not None and view.threats
            for execution in self.on(host)
        )

    def settle(self, fleet: FleetView) -> None:
        """Find the hosts of attempts that started before their host was reported: they keep it from being drained."""
        for execution in list(self._by_host.get(None, ())):
            home = home_of(execution.case.definition, fleet)
            if home is not None:
                self._leave_host(execution)
                execution.host = home.key
                self._by_host.setdefault(home.key, {})[execution] = None

    def _add(self, execution: Execution) -> None:
        self._executions[execution] = None
        self._by_host.setdefault(execution.host, {})[execution] = None
        self._by_job[execution.occurrence.job_id] += 1
        self._empty.clear()

    def _remove(self, execution: Execution) -> None:
        del self._executions[execution]
        self._leave_host(execution)
        job_id = execution.occurrence.job_id
        self._by_job[job_id] -= 1
        if not self._by_job[job_id]:
            del self._by_job[job_id]
        if not self._executions:
            self._empty.set()

    def _leave_host(self, execution: Execution) -> None:
        there = self._by_host[execution.host]
        del there[execution]
        if not there:
            del self._by_host[execution.host]
