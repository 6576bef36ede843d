"""Turns a due job into occurrences, and decides about those that were missed (DESIGN §4, §5: catchUp).

Missed means: due more than `GRACE` ago, because no scheduler ran or the job's gate was closed. Of the missed ones
RunAll runs those within the job's window, RunOnce coalesces all that are due by now into the latest if that is within
the window, Skip runs none; a late one-time job is treated alike. Missed ones do not count towards `recurrence.count`.
With a flexible window, too, the due time decides: what is planned is not missed, however late it is to start.
The work is bounded however long the job was away: what is missed is passed over, not walked through.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.decisions import Cause, missed_for
from services.scheduler.domain.delays import start_within
from services.scheduler.domain.executions import (
    HistoryRow,
    HistoryStatus,
    Occurrence,
    OccurrenceState,
    occurrence_id,
    unrun_row,
)
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.domain.policies import CatchUp
from services.scheduler.domain.recurrence import Timetable
from services.scheduler.domain.timetable import timetable
from services.scheduler.store.records import (
    Plan,
)
from shared.clock import EPOCH

LOOK_AHEAD = timedelta(seconds=1)
"""Claims are made this far ahead of their instant: polling alone would cost half its period in lateness."""
GRACE = timedelta(seconds=30)
"""Longer than a replica needs to take over from a dead one (a lease of 15 s) and than the longest freeze seen."""
LIMIT = 100
"""Occurrences per plan; what is left over is planned by the next one."""
_LISTED = 100
"""History rows per plan; the last one speaks for all that are not listed."""
_COUNTED = 300
"""Missed occurrences beyond the listed ones that are counted one by one."""


class _Unplanned:
    """A job's due instants from its `next_due` on, which is due whatever the rule says now."""

    def __init__(self, next_due: datetime | None, rule: Timetable) -> None:
        self._next_due = next_due
        self._rule = rule

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first unplanned due instant later than `instant`."""
        if self._next_due is None:
            return None
        return self._next_due if instant < self._next_due else self._rule.next_after(instant)


_REASONS = {
    Cause.COALESCED: "coalesced",
    Cause.WINDOW_PASSED: "window passed",
    Cause.NOT_CAUGHT_UP: "not caught up",
}
"""Why a missed occurrence is not made up for, as history says it."""


def plan(job: Job, *, now: datetime, horizon: datetime, limit: int = LIMIT) -> Plan:
    """Return the job's occurrences due up to `horizon`, rows for the missed ones, and where the job stands then.

    At most `limit` occurrences; `next_due` is then not later than `horizon`. The job is COMPLETED when nothing is left
    and nothing was planned.
    """
    table = _Unplanned(job.next_due, _rule(job))
    resume = _resume_at(job, table, now)
    missed = () if resume is None else _missed_rows(job, table, resume, now)
    due = job.next_due if resume is None else _first_from(table, resume)
    room = _count_left(job)
    dues: list[datetime] = []
    while due is not None and due <= horizon and len(dues) < min(limit, room):
        dues.append(due)
        due = table.next_after(due)
    next_due = due if len(dues) < room else None
    return Plan(
        occurrences=tuple(_occurrence(job, due, horizon, job.planned + place) for place, due in enumerate(dues, 1)),
        missed=missed,
        next_due=next_due,
        planned=job.planned + len(dues),
        final_state=JobState.COMPLETED if next_due is None and not dues else None,
    )


def after_skip(job: Job, due: datetime, now: datetime) -> datetime | None:
    """Return when a job is due again whose occurrence at `due` was skipped and so did not count.

    Nothing up to `now` is repeated: pass the horizon up to which the job was planned. None for a one-time job.
    """
    return _rule(job).next_after(max(due, now))


def _rule(job: Job) -> Timetable:
    return timetable(job.definition.recurrence, job.definition.start_time, job.anchor)


def _count_left(job: Job) -> float:
    """Return how many occurrences the job's count still allows."""
    count = None if job.definition.recurrence is None else job.definition.recurrence.count
    return float("inf") if count is None else max(0, count - job.planned)


def _resume_at(job: Job, table: Timetable, now: datetime) -> datetime | None:
    """Return the instant before which everything unplanned is missed; None when nothing is."""
    late = now - GRACE
    if job.next_due is None or job.next_due >= late:
        return None
    if job.definition.catch_up is CatchUp.SKIP:
        return late
    window = _window_start(job, now)
    if job.definition.catch_up is CatchUp.RUN_ALL:
        return window
    return _latest(table, window, now) or window


def _window_start(job: Job, now: datetime) -> datetime:
    return now - max(GRACE, job.definition.catch_up_window)


def _latest(table: Timetable, since: datetime, now: datetime) -> datetime | None:
    """Return the last due instant from `since` to `now`, found by halving; None when there is none."""
    latest = _first_from(table, since)
    if latest is None or latest > now:
        return None
    end = now
    following = table.next_after(latest)
    while following is not None and following <= now:
        latest = following
        middle = latest + (end - latest) / 2
        found = table.next_after(middle)
        if found is not None and found <= now:
            latest = found
        else:
            end = middle
        following = table.next_after(latest)
    return latest


def _first_from(table: Timetable, instant: datetime) -> datetime | None:
    """Return the first due instant not earlier than `instant`."""
    return table.next_after(instant - timedelta(milliseconds=1))


def _missed_rows(job: Job, table: Timetable, resume: datetime, now: datetime) -> tuple[HistoryRow, ...]:
    """Return history for what was due before `resume`, oldest first; the last row tells how many are not listed."""
    dues = _before(table, resume)
    rows = [_missed_row(job, due, now) for due in islice(dues, _LISTED)]
    more = _length(islice(dues, _COUNTED + 1))
    if more:
        number = str(more) if more <= _COUNTED else f"more than {_COUNTED}"
        message = f"{rows[-1].message}; {number} more were missed before {resume.isoformat()}"
        rows[-1] = msgspec.structs.replace(rows[-1], message=message)
    return tuple(rows)


def _before(table: Timetable, end: datetime) -> Iterator[datetime]:
    due = table.next_after(EPOCH)
    while due is not None and due < end:
        yield due
        due = table.next_after(due)


def _missed_row(job: Job, due: datetime, now: datetime) -> HistoryRow:
    if job.definition.catch_up is CatchUp.SKIP:
        cause = Cause.NOT_CAUGHT_UP
    elif due < _window_start(job, now):
        cause = Cause.WINDOW_PASSED
    else:
        cause = Cause.COALESCED
    occurrence = _occurrence(job, due, now, job.planned + 1)
    return unrun_row(occurrence, HistoryStatus.MISSED, _REASONS[cause], now, missed_for(cause))


def _occurrence(job: Job, due: datetime, horizon: datetime, ordinal: int) -> Occurrence:
    """Return an occurrence; one that starts after the horizon, later in its window, waits in the store for anybody."""
    identity = occurrence_id(job.uid, due)
    fire_at = start_within(job.definition.flexible_window, due, identity)
    return Occurrence(
        id=identity,
        job_id=job.id,
        due=due,
        fire_at=fire_at,
        state=OccurrenceState.CLAIMED if fire_at <= horizon else OccurrenceState.READY,
        action=ActionName.MAIN,
        ordinal=ordinal,
    )


def _length(items: Iterable[object]) -> int:
    return sum(1 for _ in items)
