"""Looking around in memory."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from services.scheduler.domain.collections import Collection, CollectionId
from services.scheduler.domain.executions import HistoryRow, Occurrence, OccurrenceState
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import name_key
from services.scheduler.store.records import Recent
from services.scheduler.store.search import JobQuery, JobSort, Mark, Ran

_KEYS: dict[JobSort, Callable[[Job], Any]] = {
    JobSort.NAME: lambda _: 0,
    JobSort.NEXT_DUE: lambda job: job.next_due,
    JobSort.LAST_RUN: lambda job: job.counters.last_execution_time,
    JobSort.FAULTED: lambda job: job.counters.faulted_count,
}


class SearchVerbs:
    """The verbs with which people look around."""

    _state: State

    async def search_jobs(self, query: JobQuery, *, top: int, skip: int) -> list[Job]:
        """See the port."""
        found = sorted(self._found(query), key=lambda job: (*_place(job), job.id), reverse=_by_name(query))
        key = _KEYS[query.sort]
        ranked = sorted((job for job in found if key(job) is not None), key=key, reverse=query.descending)
        return [*ranked, *(job for job in found if key(job) is None)][skip : skip + top]

    async def count_found(self, query: JobQuery, *, at_most: int) -> int:
        """See the port."""
        return sum(1 for _ in islice(self._found(query), at_most))

    async def count_states(self, collection_id: CollectionId) -> dict[JobState, int]:
        """See the port."""
        return dict(Counter(_seen(job) for job in self._state.jobs.values() if job.collection_id == collection_id))

    async def find_collections(self, ids: Sequence[CollectionId]) -> list[Collection]:
        """See the port."""
        return [one for one in self._state.collections.values() if one.id in ids]

    async def held_now(self, ids: Sequence[JobId], *, limit: int) -> list[Occurrence]:
        """See the port."""
        mine = (one for one in self._state.occurrences.values() if one.job_id in ids)
        held = [one for one in mine if one.state is OccurrenceState.HELD]
        return sorted(held, key=lambda one: (one.due, one.id))[:limit]

    async def upcoming(
        self, after: datetime, until: datetime, *, limit: int, within: Sequence[CollectionId] | None = None
    ) -> list[Job]:
        """See the port."""
        open_ones = (job for job in self._state.jobs.values() if job.state is JobState.ENABLED and job.gate_open)
        due = [(job.next_due, job.id, job) for job in open_ones if _is_within(job, within) and job.next_due is not None]
        return [job for at, _, job in sorted(due) if after < at <= until][:limit]

    async def marks(self, since: datetime, *, limit: int, within: Sequence[CollectionId] | None = None) -> list[Mark]:
        """See the port."""
        rows = (row for _, row in islice(self._rows(within), limit) if row.end_time >= since)
        return [
            Mark(job_id=row.job_id, at=row.end_time, host=row.host, status=row.status, decision=row.decision)
            for row in rows
        ]

    async def touched(self, event_id: str, *, limit: int, within: Sequence[CollectionId] | None = None) -> list[Recent]:
        """See the port."""
        found = (
            self._state.recent(job, row)
            for job, row in self._rows(within)
            if row.decision is not None and row.decision.event_id == event_id
        )
        return list(islice(found, limit))

    def _rows(self, within: Sequence[CollectionId] | None) -> Iterator[tuple[Job, HistoryRow]]:
        named = ((self._state.jobs[row.job_id], row) for row in self._state.newest_history())
        return ((job, row) for job, row in named if _is_within(job, within))

    def _found(self, query: JobQuery) -> Iterator[Job]:
        held = {one.job_id for one in self._state.occurrences.values() if one.state is OccurrenceState.HELD}
        return (
            job
            for job in self._state.jobs.values()
            if self._is_among(job, query) and _is_like(job, query) and _has_run(job, query.ran, job.id in held)
        )

    def _is_among(self, job: Job, query: JobQuery) -> bool:
        """Whether a job is in a collection, and in the subscription, that is asked for."""
        namespace = self._state.collection(job.collection_id).namespace
        is_there = query.subscription is None or name_key(namespace.subscription) == name_key(query.subscription)
        return is_there and _is_within(job, query.within)


def _by_name(query: JobQuery) -> bool:
    return query.descending and query.sort is JobSort.NAME


def _place(job: Job) -> tuple[str, str]:
    return name_key(job.collection), name_key(job.name)


def _is_within(job: Job, within: Sequence[CollectionId] | None) -> bool:
    return within is None or job.collection_id in within


def _seen(job: Job) -> JobState:
    return JobState.DISABLED if job.state is JobState.ENABLED and not job.gate_open else job.state


def _is_like(job: Job, query: JobQuery) -> bool:
    definition = job.definition
    place = "/".join(_place(job))
    return (
        all(name_key(word) in place for word in query.words)
        and query.state in (None, _seen(job))
        and (query.pool is None or (definition.placement is not None and definition.placement.pool == query.pool))
        and all(definition.tags.get(name) == value for name, value in query.tags.items())
    )


def _has_run(job: Job, ran: Ran | None, is_held: bool) -> bool:
    last = job.counters.last_run
    match ran:
        case None:
            return True
        case Ran.HELD:
            return is_held
        case Ran.NEVER:
            return last is None
        case _:
            return last is not None and last.value == ran.value
