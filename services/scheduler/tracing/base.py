"""What is traced. This class does nothing: it is what a scheduler without LEEWARD_OTLP_ENDPOINT has."""

from datetime import datetime
from types import TracebackType
from typing import Self

from services.scheduler.domain.executions import AttemptResult, Occurrence
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Hold, Run
from services.scheduler.store.records import EventRecord

Mark = dict[str, str] | None
"""The labels of an exemplar: what a histogram shows beside a value to lead to its trace; None without traces."""


class Traces:
    """One method per thing worth a span; none waits, none raises. Use it as a context manager."""

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is left, within seconds."""

    def attempted(self, job: Job, occurrence: Occurrence, run: Run, result: AttemptResult, *, final: bool) -> None:
        """An attempt was made: it was decided to run here, and the call was made; `final`: nothing follows."""

    def held(self, job: Job, occurrence: Occurrence, hold: Hold, at: datetime) -> None:
        """It was decided that an occurrence waits."""

    def ended_unrun(self, job: Job, occurrence: Occurrence, reason: str, at: datetime) -> None:
        """An occurrence was skipped."""

    def mark(self, occurrence: Occurrence) -> Mark:
        """Return what histograms show of an occurrence's attempts; called for each of them, traced or not."""
        return None

    def event_mark(self, event_id: str) -> Mark:
        """Return what histograms show of an event."""
        return None

    def event_over(self, event: EventRecord) -> None:
        """An event has ended; each replica tells it, as the same span."""
