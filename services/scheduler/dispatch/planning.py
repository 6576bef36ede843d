"""Planning inside one claim: remembers what was missed until the claim has succeeded, and survives a broken job."""

from datetime import datetime, timedelta

from services.scheduler.dispatch.planner import LOOK_AHEAD, plan
from services.scheduler.domain.decisions import Cause, missed_for
from services.scheduler.domain.executions import (
    HistoryRow,
    HistoryStatus,
    Occurrence,
    OccurrenceState,
    occurrence_id,
    unrun_row,
)
from services.scheduler.domain.jobs import Job
from services.scheduler.store.records import (
    Plan,
)
from shared.logs import get_logger

log = get_logger(__name__)

UNPLANNABLE = "the job cannot be planned"
AGAIN = timedelta(minutes=1)
"""When a job that cannot be planned is tried again: a new release, or new time zone data, may repair it."""


class Planning:
    """The `plan` of one claim. `missed`: jobs with the rows of what they missed."""

    def __init__(self, now: datetime) -> None:
        self.missed: list[tuple[Job, tuple[HistoryRow, ...]]] = []
        self.horizon = now + LOOK_AHEAD
        self._now = now

    def plan(self, job: Job) -> Plan:
        """Return what becomes of a due job."""
        try:
            planned = plan(job, now=self._now, horizon=self.horizon)
        except Exception as fault:  # the rim: one job that cannot be planned must not keep the others from running
            log.exception("job cannot be planned", collection=job.collection, job=job.name)
            planned = self._postponed(job, fault)
        if planned.missed:
            self.missed.append((job, planned.missed))
        return planned

    def _postponed(self, job: Job, fault: Exception) -> Plan:
        now = self._now
        due = job.next_due or now
        unplanned = Occurrence(
            id=occurrence_id(job.uid, due), job_id=job.id, due=due, fire_at=due, state=OccurrenceState.READY
        )
        reason = f"{UNPLANNABLE}: {fault}"
        row = unrun_row(unplanned, HistoryStatus.MISSED, reason, now, missed_for(Cause.NOT_PLANNABLE))
        return Plan(missed=(row,), next_due=now + AGAIN, planned=job.planned)
