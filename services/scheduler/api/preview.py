"""When a job will be due: of a stored job, or of one that is only thought of. Pure."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from services.scheduler.domain.delays import start_within
from services.scheduler.domain.executions import occurrence_id
from services.scheduler.domain.jobs import TERMINAL_STATES, Job, JobState
from services.scheduler.domain.recurrence import Recurrence
from services.scheduler.domain.timetable import first_due, upcoming

MAX_PREVIEW = 1000


def preview_timing(recurrence: Recurrence | None, start: datetime | None, now: datetime, limit: int) -> list[datetime]:
    """Return up to `limit` due times of a job with this timing if it were written now."""
    first = first_due(recurrence, start, now)
    if first is None or recurrence is None:
        return [] if first is None else [first]
    count = limit if recurrence.count is None else min(limit, recurrence.count)
    return [first, *upcoming(recurrence, start, now, first, count - 1)]


def preview_job(job: Job, now: datetime, limit: int) -> list[datetime]:
    """Return up to `limit` due times of a stored job from now on; of a disabled one as if it were enabled now."""
    recurrence, start = job.definition.recurrence, job.definition.start_time
    if job.state in TERMINAL_STATES or job.next_due is None:
        return []
    if job.state is JobState.DISABLED and not job.planned:
        return preview_timing(recurrence, start, now, limit)
    if recurrence is None:
        return [max(job.next_due, now)]
    return list(islice(_ahead(job, recurrence, job.next_due, now), limit))


def starts_at(job: Job, due: datetime) -> datetime | None:
    """Return when the job's occurrence of a due time starts, where that is later in its flexible window."""
    window = job.definition.flexible_window
    return start_within(window, due, occurrence_id(job.uid, due)) if window else None


def _ahead(job: Job, recurrence: Recurrence, next_due: datetime, now: datetime) -> Iterator[datetime]:
    """Yield what is claimed ahead of its time, which `planned` has counted, then what the count still allows."""
    left = None if recurrence.count is None else recurrence.count - job.planned
    for due in upcoming(recurrence, job.definition.start_time, job.anchor, now, None):
        if due >= next_due and left is not None:
            if left <= 0:
                return
            left -= 1
        yield due
