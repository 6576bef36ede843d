"""Overlap: occurrences of one job that come due while an earlier one still runs or retries."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum, auto

from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.policies import CatchUp, Overlap
from services.scheduler.store.records import (
    Claim,
)

LATE = timedelta(seconds=1)
"""What starts later than this after its instant is being caught up."""
_RETRY_MEMORY = timedelta(minutes=1)
"""How long past its instant a retry is remembered that nobody here has run."""

_WEIGHT_LIMIT = 5
_CROWD = 50_000
"""Waiting claims up to which a job's queue counts little, whatever its length; above, memory is what matters."""


class Verdict(Enum):
    """What becomes of an occurrence whose job is busy."""

    START = auto()
    SKIP = auto()
    QUEUE = auto()


def verdict(claim: Claim, *, busy: bool, queued: int, now: datetime) -> Verdict:
    """Decide by the job's policy. Only a first attempt of a planned occurrence gives way.

    Repeats continue an occurrence that is counted already, and a caller's `run` is meant now. Released occurrences,
    and late ones of a job that wants all caught up, queue up instead of being skipped (DESIGN §5, release). Those that
    come in time while others are caught up do not: a job whose calls outlast its interval would never be on time again.
    """
    occurrence, policy = claim.occurrence, claim.job.definition.overlap
    if not busy or policy is Overlap.ALLOW or occurrence.manual or occurrence.attempt > 1:
        return Verdict.START
    late = now - occurrence.fire_at > LATE and claim.job.definition.catch_up is CatchUp.RUN_ALL
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

    @property
    def weight(self) -> int:
        """How much of what this process takes at a time is used up; a job with a long queue must not starve others."""
        most = _WEIGHT_LIMIT if sum(len(queue) for queue in self._queues.values()) < _CROWD else _CROWD
        return sum(min(len(queue), most) for queue in self._queues.values())

    @property
    def jobs(self) -> list[JobId]:
        """The jobs that have occurrences waiting."""
        return list(self._queues)

    def queued(self, job_id: JobId) -> int:
        """Return how many occurrences of the job wait."""
        return len(self._queues.get(job_id, ()))

    def put(self, claim: Claim) -> None:
        """Let an occurrence wait for its job's turn; turns come in due order."""
        queue = self._queues.setdefault(claim.job.id, deque())
        queue.append(claim)
        if len(queue) > 1 and queue[-2].occurrence.due > claim.occurrence.due:
            self._queues[claim.job.id] = deque(sorted(queue, key=lambda waiting: waiting.occurrence.due))

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

    def retry(self, job_id: JobId, apart_from: OccurrenceId | None = None) -> tuple[OccurrenceId, datetime] | None:
        """Return which other occurrence of the job is to be repeated, and when; from then on anybody may have it."""
        retry = self._retries.get(job_id)
        return None if retry is None or retry[0] == apart_from else retry

    def expire_retries(self, now: datetime) -> None:
        """Forget retries that another replica must have taken."""
        if any(now > fire_at + _RETRY_MEMORY for _, fire_at in self._retries.values()):
            still = {job_id: retry for job_id, retry in self._retries.items() if now <= retry[1] + _RETRY_MEMORY}
            self._retries = still

    def keep(self, condition: Callable[[Claim], bool]) -> None:
        """Forget the waiting claims that do not meet `condition`."""
        kept = {job_id: deque(filter(condition, queue)) for job_id, queue in self._queues.items()}
        self._queues = {job_id: queue for job_id, queue in kept.items() if queue}

    def clear(self) -> None:
        """Forget everything."""
        self._queues.clear()
        self._retries.clear()
