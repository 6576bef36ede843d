"""How long jobs took, in memory."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.durations import NEWEST, Durations, counts, measured
from services.scheduler.domain.executions import HistoryRow, HistoryStatus
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.memory.state import State


class DurationVerbs:
    """The verb about durations."""

    _state: State

    async def durations(self, limits: Mapping[JobId, timedelta]) -> dict[JobId, Durations]:
        """See the port."""
        rows: dict[JobId, list[HistoryRow]] = defaultdict(list)
        for row in self._state.newest_history():
            if row.job_id in limits and len(rows[row.job_id]) < NEWEST and _counts(row, limits[row.job_id]):
                rows[row.job_id].append(row)
        return {job_id: self._measured(job_id, own) for job_id, own in rows.items() if own}

    def _measured(self, job_id: JobId, rows: list[HistoryRow]) -> Durations:
        written = self._state.jobs[job_id].updated_at
        return measured(
            [row.end_time - row.start_time for row in rows if row.start_time >= written],
            [row.end_time - row.start_time for row in rows if row.start_time < written],
        )


def _counts(row: HistoryRow, timeout: timedelta) -> bool:
    if row.action_name is not ActionName.MAIN or row.status not in (HistoryStatus.COMPLETED, HistoryStatus.FAILED):
        return False
    return counts(row.end_time - row.start_time, succeeded=row.status is HistoryStatus.COMPLETED, timeout=timeout)
