"""What runs in this process now: asked by placement (load), overlap (same job) and drains (which hosts)."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import msgspec

from services.scheduler.domain.executions import Occurrence, OccurrenceId
from services.scheduler.domain.hosts import Threat
from services.scheduler.domain.jobs import JobDefinition, JobId
from services.scheduler.domain.placement import counts_against_drain
from shared.topics import HostKey


class Execution(msgspec.Struct, kw_only=True, eq=False):
    """One attempt that runs now, within `scope`; `broken_off` says why it was ended from outside, if it was."""

    occurrence: Occurrence
    definition: JobDefinition
    host: HostKey | None
    scope: asyncio.Timeout
    broken_off: str = ""

    def break_off(self, reason: str) -> None:
        """End the attempt now, as if its time were up."""
        self.broken_off = reason
        self.scope.reschedule(asyncio.get_running_loop().time())


class Running:
    """The register of running attempts; `ended` is called with the host whenever one ends."""

    def __init__(self, ended: Callable[[HostKey], None] = lambda _: None) -> None:
        self.ended = ended
        self._executions: dict[OccurrenceId, Execution] = {}
        self._last_used: dict[HostKey, float] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    @contextmanager
    def enter(self, execution: Execution) -> Iterator[None]:
        """Count an attempt as running for as long as the context lasts."""
        self._executions[execution.occurrence.id] = execution
        self._empty.clear()
        if execution.host is not None:
            self._last_used[execution.host] = time.monotonic()
        try:
            yield
        finally:
            del self._executions[execution.occurrence.id]
            if not self._executions:
                self._empty.set()
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

    def all(self) -> list[Execution]:
        """Return every running attempt."""
        return list(self._executions.values())

    def on(self, host: HostKey) -> list[Execution]:
        """Return the attempts that run on a host."""
        return [execution for execution in self._executions.values() if execution.host == host]

    def load(self, host: HostKey) -> tuple[int, float]:
        """Return how busy a host is: attempts running there, then when one last started (process time)."""
        return len(self.on(host)), self._last_used.get(host, 0.0)

    def is_active(self, job_id: JobId) -> bool:
        """Whether an attempt of the job runs here."""
        return any(execution.occurrence.job_id == job_id for execution in self._executions.values())

    def against_drain(self, host: HostKey, threat: Threat) -> int:
        """Return how many attempts keep the host from being drained for this threat."""
        return sum(counts_against_drain(execution.definition, threat) for execution in self.on(host))
