"""What is deleted because of its age or number, in memory."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from services.scheduler.domain.jobs import TERMINAL_STATES, Job, JobId
from services.scheduler.store.memory.state import State
from services.scheduler.store.records import rehearsal_ends


class RetentionVerbs:
    """The verbs that delete what is kept no longer."""

    _state: State

    async def trim_history(self, job_ids: Sequence[JobId], *, keep: int) -> int:
        """See the port."""
        places: Counter[JobId] = Counter()
        beyond = []
        for row in self._state.newest_history():
            places[row.job_id] += 1
            if row.job_id in job_ids and places[row.job_id] > keep:
                beyond.append(row.id)
        return self._forget(beyond)

    async def prune(self, *, older_than: datetime, limit: int) -> int:
        """See the port."""
        rows = sorted(self._state.history.values(), key=lambda row: row.end_time)
        return self._forget([row.id for row in rows if row.end_time < older_than][:limit])

    async def prune_jobs(self, *, ended_before: datetime, limit: int) -> int:
        """See the port."""
        jobs = self._state.jobs.values()
        ended = (job for job in jobs if job.state in TERMINAL_STATES and not any(self._state.unfinished(job.id)))
        idle = sorted((job.updated_at, job.id) for job in ended if _last_touched(job) < ended_before)
        doomed = {job_id for _, job_id in idle[:limit]}
        self._state.delete_jobs(doomed)
        return len(doomed)

    async def prune_events(self, *, ended_before: datetime, limit: int) -> int:
        """See the port."""
        ended = [(event.ended_at, key) for key, event in self._state.events.items() if event.ended_at is not None]
        doomed = [key for at, key in sorted(ended) if at < ended_before][:limit]
        for key in doomed:
            del self._state.events[key]
            self._state.bids.pop(key, None)
        self._state.drains = {key: report for key, report in self._state.drains.items() if key[0] not in doomed}
        standing = self._state.rehearsals.items()
        self._state.rehearsals = {key: one for key, one in standing if rehearsal_ends(one.event) >= ended_before}
        return len(doomed)

    async def prune_runs(self, *, asked_before: datetime, limit: int) -> int:
        """See the port."""
        doomed = [run for run, asked in self._state.runs.items() if asked < asked_before][:limit]
        for run in doomed:
            del self._state.runs[run]
        return len(doomed)

    async def sweep(self, *, limit: int) -> int:
        """Return 0: here a deletion leaves nothing behind."""
        return 0

    def _forget(self, numbers: Iterable[int | None]) -> int:
        doomed = set(numbers)
        self._state.history = {number: row for number, row in self._state.history.items() if number not in doomed}
        return len(doomed)


def _last_touched(job: Job) -> datetime:
    return max(job.updated_at, job.counters.last_execution_time or job.updated_at)
