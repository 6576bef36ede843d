"""History, runs asked for by callers, and gauges in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from msgspec.structs import replace

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.decisions import Verdict
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, Occurrence, OccurrenceState
from services.scheduler.domain.explanations import decision_of
from services.scheduler.domain.jobs import JobId, JobState
from services.scheduler.errors import NotFoundError
from services.scheduler.store.audit import Actor
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import RUN_MEMORY
from services.scheduler.store.records import (
    COUNTED,
    Gauges,
    Recent,
)
from services.scheduler.store.trail import job_run, of_collection


class HistoryVerbs:
    """The verbs about what has run, or is asked to."""

    _state: State

    async def add_run(self, occurrence: Occurrence, *, by: Actor | None = None) -> bool:
        """See the port."""
        job = self._state.jobs.get(occurrence.job_id)
        if job is None:
            raise NotFoundError("the job does not exist any more")
        asked = self._state.runs.get(occurrence.id)
        if occurrence.id in self._state.occurrences or (asked is not None and asked >= occurrence.due - RUN_MEMORY):
            return False
        self._state.runs[occurrence.id] = occurrence.due
        self._state.put(occurrence)
        subject = replace(of_collection(self._state.collection(job.collection_id)), job=job.name)
        self._state.record(job_run(by, subject, occurrence.id))
        return True

    async def list_history(
        self,
        job_id: JobId,
        *,
        status: HistoryStatus | None = None,
        verdict: Verdict | None = None,
        top: int,
        skip: int,
    ) -> list[HistoryRow]:
        """See the port."""
        found = (row for row in self._state.newest_history() if row.job_id == job_id and status in (None, row.status))
        rows = (row for row in found if verdict in (None, decision_of(row).verdict))
        return list(islice(rows, skip, skip + top))

    async def count_history(self, job_id: JobId, *, status: HistoryStatus | None = None, at_most: int) -> int:
        """See the port."""
        return len(await self.list_history(job_id, status=status, top=at_most, skip=0))

    async def recent_history(self, limit: int, *, within: Sequence[CollectionId] | None = None) -> list[Recent]:
        """See the port."""
        named = ((self._state.jobs[row.job_id], row) for row in self._state.newest_history())
        wanted = ((job, row) for job, row in named if within is None or job.collection_id in within)
        return [self._state.recent(job, row) for job, row in islice(wanted, limit)]

    async def gauges(self, now: datetime) -> Gauges:
        """See the port."""
        claimable = (job for job in self._state.jobs.values() if job.state is JobState.ENABLED and job.gate_open)
        due = [job.next_due for job in claimable if job.next_due is not None and job.next_due <= now]
        unfinished = self._state.occurrences.values()
        ready = [one.fire_at for one in unfinished if one.state is OccurrenceState.READY and one.fire_at <= now]
        states = Counter(one.state.value for one in unfinished)
        return Gauges(
            backlog=min(len(due), COUNTED),
            occurrences={state: min(number, COUNTED) for state, number in states.items()},
            oldest_due=min(due + ready, default=None),
        )

    async def job_counts(self) -> dict[str, int]:
        """See the port."""
        return dict(Counter(job.state.value for job in self._state.jobs.values()))
