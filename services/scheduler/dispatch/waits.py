"""Since when jobs have something waiting for room somewhere, and how much of that counts."""

from services.scheduler.domain.jobs import JobId

QUEUE_LIMIT = 1000
"""Claims that wait in one slow place; more go back to the store: nothing that hangs may fill the memory."""
SLOW_SECONDS = 1.0
"""A place is slow when what has waited longest has waited longer than this."""
_WEIGHT = 20
"""How many of those that wait in a slow place count; in one that moves, all do."""


def weight_of(waiting: int, *, is_slow: bool) -> int:
    """Return how much of what this process takes at a time so many claims use up: what hangs must not starve others."""
    return min(waiting, _WEIGHT) if is_slow else waiting


class Waits:
    """By job, the instants (process time, in seconds) since when its occurrences wait."""

    def __init__(self) -> None:
        self._since: dict[JobId, list[float]] = {}

    def begin(self, job_id: JobId, since: float) -> None:
        """An occurrence waits, or goes on waiting."""
        waiting = self._since.setdefault(job_id, [])
        if waiting and since < waiting[0]:
            waiting.insert(0, since)
        else:
            waiting.append(since)

    def end(self, job_id: JobId, since: float) -> None:
        """An occurrence has its turn."""
        waiting = self._since[job_id]
        waiting.remove(since)
        if not waiting:
            del self._since[job_id]

    def is_long(self, job_id: JobId, now: float) -> bool:
        """Whether an occurrence of a job has waited longer than a moment."""
        since = self._since.get(job_id)
        return since is not None and now - since[0] > SLOW_SECONDS

    def clear(self) -> None:
        """Nothing waits any more."""
        self._since.clear()
