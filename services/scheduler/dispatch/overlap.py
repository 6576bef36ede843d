"""Overlap: occurrences of one job that come due while an earlier one still runs or retries."""

from collections import deque
from datetime import datetime, timedelta
from enum import Enum, auto

from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.policies import CatchUp, Overlap
from services.scheduler.store.base import Claim

LATE = timedelta(seconds=1)
"""What starts later than this after its instant is being caught up."""
_RETRY_MARGIN = timedelta(seconds=2)
"""How long past its instant a retry is believed to be ours to run; after that the store is asked."""


class Verdict(Enum):
    """What becomes of an occurrence whose job is busy."""

    START = auto()
    SKIP = auto()
    QUEUE = auto()


def verdict(claim: Claim, *, busy: bool, queued: int, now: datetime) -> Verdict:
    """Decide by the job's policy. Only a first attempt of a planned occurrence gives way.

    Repeats continue an occurrence that is counted already, and a caller's `run` is meant now. Released occurrences,
    and late ones of a job that wants all caught up, queue up instead of being skipped (DESIGN §5, release).
    """
    occurrence, policy = claim.occurrence, claim.job.definition.overlap
    if not busy or policy is Overlap.ALLOW or occurrence.manual or occurrence.attempt > 1:
        return Verdict.START
    catching_up = queued > 0 or now - occurrence.fire_at > LATE
    late = catching_up and claim.job.definition.catch_up is CatchUp.RUN_ALL
    if occurrence.reason or late:
        return Verdict.QUEUE
    if policy is Overlap.QUEUE_ONE and queued == 0:
        return Verdict.QUEUE
    return Verdict.SKIP


class Backlog:
    """Occurrences that wait here for an earlier one of their job, and retries that make a job busy."""

    def __init__(self) -> None:
        self._queues: dict[JobId, deque[Claim]] = {}
        self._retries: dict[JobId, tuple[OccurrenceId, datetime]] = {}

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def queued(self, job_id: JobId) -> int:
        """Return how many occurrences of the job wait."""
        return len(self._queues.get(job_id, ()))

    def put(self, claim: Claim) -> None:
        """Let an occurrence wait for its job's turn."""
        self._queues.setdefault(claim.job.id, deque()).append(claim)

    def next(self, job_id: JobId) -> Claim | None:
        """Return the occurrence whose turn it is now that one of the job has ended."""
        queue = self._queues.get(job_id)
        if not queue:
            return None
        claim = queue.popleft()
        if not queue:
            del self._queues[job_id]
        return claim

    def note_retry(self, job_id: JobId, occurrence_id: OccurrenceId, fire_at: datetime) -> None:
        """Remember that an occurrence of the job will be repeated."""
        self._retries[job_id] = (occurrence_id, fire_at)

    def end_retry(self, job_id: JobId, occurrence_id: OccurrenceId) -> None:
        """Forget a retry: it runs or is over."""
        if self._retries.get(job_id, ("", None))[0] == occurrence_id:
            del self._retries[job_id]

    def is_retrying(self, job_id: JobId, apart_from: OccurrenceId, now: datetime) -> bool:
        """Whether another occurrence of the job waits to be repeated."""
        retry = self._retries.get(job_id)
        return retry is not None and retry[0] != apart_from and now <= retry[1] + _RETRY_MARGIN

    def clear(self) -> list[OccurrenceId]:
        """Forget everything; return the ids of what waited."""
        ids = [claim.occurrence.id for queue in self._queues.values() for claim in queue]
        self._queues.clear()
        self._retries.clear()
        return ids
