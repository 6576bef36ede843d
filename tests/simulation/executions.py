"""Executions: what runs on which VM, how long it takes, and what interruptions do to it."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from services.scheduler.domain.executions import AttemptResult
from services.scheduler.domain.hosts import Threat
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.placement import Run
from services.scheduler.domain.threats import BreakOff, Case, Ending, counts_against_drain
from services.scheduler.store.records import Claim
from shared.topics import HostKey
from tests.simulation.agenda import Agenda
from tests.simulation.machines import Blow, Impact, Machines

REFUSED_AFTER = 3.0
"""Seconds until a call to a VM that is down has failed."""
CUT_OFF, REFUSED, MOVED, BROKEN_OFF = "cut off", "refused", "moved in flight", "broken off"
"""What may happen to an execution: its VM was interrupted, or down from the start; it was ended to run elsewhere, or
for good."""


class Execution:
    """One attempt that is under way; `ends_at` moves when its VM is paused."""

    def __init__(self, claim: Claim, run: Run, case: Case, *, fragile: bool) -> None:
        self.claim = claim
        self.run = run
        self.case = case
        self.fragile = fragile
        self.ends_at = case.now
        self.ending: Ending | None = None
        self.is_over = False

    @property
    def host(self) -> HostKey:
        """Where it runs; every simulated job runs on a known host."""
        assert self.run.host is not None
        return self.run.host.key


class Executions:
    """All that runs. `over` hears how each ended: the result, and what an interruption did to it ("" nothing)."""

    def __init__(self, agenda: Agenda, machines: Machines) -> None:
        self.over: Callable[[Execution, AttemptResult, str], None] = lambda *_: None
        self._agenda = agenda
        self._machines = machines
        self._by_host: dict[HostKey, dict[Execution, None]] = {host: {} for host in machines.all}
        self._by_job: Counter[JobId] = Counter()
        self._last_used: dict[HostKey, float] = {}

    def start(self, execution: Execution, seconds: float) -> bool:
        """Call a VM; False when it is down. One that stands still begins when it goes on."""
        now, blow = self._agenda.now(), self._machines.blow(execution.host)
        reached = blow is None or blow.impact is Impact.PAUSE
        wait = blow.until - now if blow is not None and blow.until is not None and reached else timedelta()
        self._by_host[execution.host][execution] = None
        self._by_job[execution.claim.job.id] += 1
        self._last_used[execution.host] = now.timestamp()
        took = _span(seconds if reached else REFUSED_AFTER)
        self._end_at(execution, now + wait + took, "" if reached else REFUSED)
        return reached

    def struck(self, blow: Blow) -> None:
        """Take note that a VM is hit: what runs there is gone, or stands still."""
        for execution in list(self._by_host[blow.host]):
            if blow.impact is Impact.STOP:
                self._end(execution, CUT_OFF)
            elif blow.until is not None:
                pause = blow.until - self._agenda.now()
                at = blow.until if execution.fragile else execution.ends_at + pause
                self._end_at(execution, at, CUT_OFF if execution.fragile else "")

    def break_off(self, execution: Execution, why: BreakOff) -> None:
        """End an execution from outside."""
        self._end(execution, MOVED if why.repeat else BROKEN_OFF)

    def on(self, host: HostKey) -> Iterator[Execution]:
        """Yield what runs on a host."""
        return iter(tuple(self._by_host[host]))

    def load(self, host: HostKey) -> tuple[int, float]:
        """Return how busy a host is: how much runs there, and when something last started."""
        return len(self._by_host[host]), self._last_used.get(host, 0.0)

    def against_drain(self, host: HostKey, threat: Threat) -> int:
        """Return how much of it keeps the host from being drained."""
        return sum(counts_against_drain(one.case.policies, threat) for one in self._by_host[host])

    def is_gone(self, host: HostKey) -> bool:
        """Whether a host will never run anything again."""
        return self._machines.is_gone(host)

    def is_active(self, job: JobId) -> bool:
        """Whether anything of a job runs."""
        return self._by_job[job] > 0

    def _end_at(self, execution: Execution, at: datetime, hurt: str) -> None:
        execution.ends_at = at
        self._agenda.at(at, lambda: self._end_in_time(execution, at, hurt))

    def _end_in_time(self, execution: Execution, at: datetime, hurt: str) -> None:
        if not execution.is_over and execution.ends_at == at:
            self._end(execution, hurt)

    def _end(self, execution: Execution, hurt: str) -> None:
        execution.is_over = True
        del self._by_host[execution.host][execution]
        self._by_job[execution.claim.job.id] -= 1
        result = AttemptResult(
            succeeded=not hurt,
            retryable=True,
            message=hurt or "done",
            started_at=execution.case.now,
            ended_at=self._agenda.now(),
            host=execution.host,
            reason=execution.run.reason,
            decision=execution.run.record,
        )
        self.over(execution, result, hurt)


def _span(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))
