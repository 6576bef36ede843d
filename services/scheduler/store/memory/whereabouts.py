"""What belongs to one host, in memory."""

from collections.abc import Sequence
from itertools import islice

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.executions import OccurrenceState
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.domain.placement import home_name
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import name_key
from services.scheduler.store.records import Held, Recent
from services.scheduler.store.whereabouts import LOOKED_THROUGH, Grounds


class WhereaboutsVerbs:
    """The verbs about what belongs to a host."""

    _state: State

    async def jobs_by_id(self, ids: Sequence[JobId]) -> list[Job]:
        """See the port."""
        return [self._state.jobs[job_id] for job_id in ids if job_id in self._state.jobs]

    async def jobs_at(
        self, names: Sequence[str], *, limit: int, within: Sequence[CollectionId] | None = None
    ) -> list[Job]:
        """See the port."""
        found = [job for job in self._state.jobs.values() if home_name(job.definition) in names and _is_of(job, within)]
        return sorted(found, key=lambda job: (name_key(job.collection), name_key(job.name), job.id))[:limit]

    async def held_for(self, place: str, *, limit: int, within: Sequence[CollectionId] | None = None) -> list[Held]:
        """See the port."""
        held = [
            Held(occurrence=one, job=job)
            for one in self._state.occurrences.values()
            if one.state is OccurrenceState.HELD and one.host == place
            if _is_of(job := self._state.jobs[one.job_id], within)
        ]
        return sorted(held, key=lambda one: (one.occurrence.due, one.occurrence.id))[:limit]

    async def ran_on(
        self, names: Sequence[str], *, limit: int, within: Sequence[CollectionId] | None = None
    ) -> list[Recent]:
        """See the port."""
        newest = islice(self._state.newest_history(), LOOKED_THROUGH)
        named = ((self._state.jobs[row.job_id], row) for row in newest if row.host in names)
        return [
            self._state.recent(job, row) for job, row in islice((one for one in named if _is_of(one[0], within)), limit)
        ]

    async def grounds(self) -> Grounds:
        """See the port."""
        return Grounds(kind="memory")


def _is_of(job: Job, within: Sequence[CollectionId] | None) -> bool:
    return within is None or job.collection_id in within
