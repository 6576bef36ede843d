"""History, runs asked for by callers, pruning and gauges in memory."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from services.scheduler.domain.executions import HistoryRow, HistoryStatus, Occurrence
from services.scheduler.domain.jobs import TERMINAL_STATES, Job, JobId, JobState
from services.scheduler.errors import NotFoundError
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import RUN_MEMORY
from services.scheduler.store.records import (
    Gauges,
    Recent,
)


class HistoryVerbs:
    """The verbs about what has run, or is asked to."""

    _state: State

    async def add_run(self, occurrence: Occurrence) -> bool:
        """See the port."""
        if occurrence.job_id not in self._state.jobs:
            raise NotFoundError(f"job {occurrence.job_id} does not exist")
        oldest = occurrence.due - RUN_MEMORY
        self._state.runs = {run: asked for run, asked in self._state.runs.items() if asked >= oldest}
        if occurrence.id in self._state.runs or occurrence.id in self._state.occurrences:
            return False
        self._state.runs[occurrence.id] = occurrence.due
        self._state.put(occurrence)
        return True

    async def list_history(
        self, job_id: JobId, *, status: HistoryStatus | None = None, top: int, skip: int
    ) -> list[HistoryRow]:
        """See the port."""
        rows = (row for row in self._newest() if row.job_id == job_id and status in (None, row.status))
        return list(islice(rows, skip, skip + top))

    async def recent_history(self, limit: int) -> list[Recent]:
        """See the port."""
        named = ((self._state.jobs[row.job_id], row) for row in islice(self._newest(), limit))
        return [Recent(collection=job.collection, job=job.name, row=row) for job, row in named]

    async def prune(self, *, rows_per_job: int, older_than: datetime, limit: int) -> int:
        """See the port."""
        places: Counter[JobId] = Counter()
        beyond = []
        for row in self._newest():
            places[row.job_id] += 1
            if places[row.job_id] > rows_per_job or row.end_time < older_than:
                beyond.append(row.id)
        doomed = set(beyond[max(len(beyond) - limit, 0) :])
        self._state.history = {number: row for number, row in self._state.history.items() if number not in doomed}
        return len(doomed)

    async def prune_jobs(self, *, ended_before: datetime, limit: int) -> int:
        """See the port."""
        ended = (job for job in self._state.jobs.values() if job.state in TERMINAL_STATES)
        doomed = {job.id for job in ended if _last_touched(job) < ended_before}
        self._state.delete_jobs(set(sorted(doomed)[:limit]))
        return min(len(doomed), limit)

    async def gauges(self, now: datetime) -> Gauges:
        """See the port."""
        jobs = self._state.jobs.values()
        due = (job for job in jobs if job.gate_open and job.next_due is not None and job.next_due <= now)
        return Gauges(
            backlog=sum(job.state is JobState.ENABLED for job in due),
            occurrences=dict(Counter(one.state.value for one in self._state.occurrences.values())),
            jobs=dict(Counter(job.state.value for job in jobs)),
        )

    def _newest(self) -> Iterator[HistoryRow]:
        return (self._state.history[number] for number in sorted(self._state.history, reverse=True))


def _last_touched(job: Job) -> datetime:
    return max(job.updated_at, job.counters.last_execution_time or job.updated_at)
