"""Jobs by the keys that their secrets are sealed under, in memory."""

from collections.abc import Sequence

from msgspec.structs import replace

from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.domain.secret_fields import sealed_under
from services.scheduler.domain.secrets import KeyId
from services.scheduler.store.memory.state import State
from services.scheduler.store.records import COUNTED


class SealingVerbs:
    """The verbs about keys."""

    _state: State

    async def list_sealed(self, *, other_than: KeyId, after: Job | None = None, limit: int) -> list[Job]:
        """See the port."""
        found = sorted(self._sealed(other_than))
        last = ("", 0) if after is None else (sealed_under(after.definition.action) or "", after.id)
        return [self._state.jobs[job_id] for keys, job_id in found if (keys, job_id) > last][:limit]

    async def count_sealed(self, *, other_than: KeyId) -> int:
        """See the port."""
        return min(len(self._sealed(other_than)), COUNTED)

    async def reseal(self, resealed: Sequence[Job]) -> frozenset[JobId]:
        """See the port."""
        written = []
        for job in resealed:
            stored = self._state.jobs.get(job.id)
            if stored is not None and stored.revision == job.revision:
                changed = replace(stored, definition=job.definition, revision=stored.revision + 1)
                self._state.jobs[job.id] = changed
                written.append(job.id)
        return frozenset(written)

    def _sealed(self, other_than: KeyId) -> list[tuple[str, JobId]]:
        keys = ((sealed_under(job.definition.action), job.id) for job in self._state.jobs.values())
        return [(under, job_id) for under, job_id in keys if under is not None and under != other_than]
