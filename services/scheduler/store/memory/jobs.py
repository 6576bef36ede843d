"""Collections and jobs in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain

from msgspec.structs import replace

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import Collection, CollectionDefinition, CollectionId, Namespace
from services.scheduler.domain.executions import HistoryRow, OccurrenceId
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.domain.policies import NO_MAINTENANCE, Maintenance
from services.scheduler.errors import NoRoomError, NotFoundError
from services.scheduler.store.audit import Actor, AuditEntry, Change
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import (
    check_revision,
    gate_is_open,
    gives_way,
    is_over,
    last_planned,
    name_key,
    new_job,
    replaced_job,
    replan_rows,
)
from services.scheduler.store.records import (
    JobDraft,
    Written,
)
from services.scheduler.store.trail import collection_written, job_written, jobs_deleted, of_collection


class JobVerbs:
    """The verbs about collections and jobs."""

    _state: State

    async def put_collection(
        self,
        namespace: Namespace,
        name: str,
        definition: CollectionDefinition,
        now: datetime,
        *,
        by: Change | None = None,
    ) -> tuple[Collection, bool]:
        """See the port."""
        stored = self._find_collection(namespace, name)
        collection = (
            Collection(
                id=CollectionId(next(self._state.numbers)),
                namespace=namespace,
                name=name,
                definition=definition,
                created_at=now,
                updated_at=now,
            )
            if stored is None
            else replace(stored, definition=definition, updated_at=now)
        )
        self._state.collections[collection.id] = collection
        for job in self._jobs_in(collection.id):
            self._state.jobs[job.id] = replace(job, gate_open=gate_is_open(collection))
        self._state.record(collection_written(by, collection, None if stored is None else stored.definition))
        return collection, stored is None

    async def get_collection(self, namespace: Namespace, name: str) -> Collection:
        """See the port."""
        collection = self._find_collection(namespace, name)
        if collection is None:
            raise NotFoundError(f"collection {name} does not exist")
        return collection

    async def list_collections(
        self,
        subscription: str,
        resource_group: str | None,
        *,
        within: Sequence[Scope] | None = None,
        top: int,
        skip: int,
    ) -> list[Collection]:
        """See the port."""
        found = [
            collection
            for collection in self._state.collections.values()
            if name_key(collection.namespace.subscription) == name_key(subscription)
            and (resource_group is None or name_key(collection.namespace.resource_group) == name_key(resource_group))
            and (within is None or any(scope.covers(collection.namespace, collection.name) for scope in within))
        ]
        found.sort(key=lambda one: (name_key(one.name), name_key(one.namespace.resource_group)))
        return found[skip : skip + top]

    async def list_policies(self) -> dict[CollectionId, Maintenance]:
        """See the port."""
        policies = {one.id: one.definition.maintenance for one in self._state.collections.values()}
        return {number: policy for number, policy in policies.items() if policy != NO_MAINTENANCE}

    async def delete_collection(self, namespace: Namespace, name: str, *, by: Actor | None = None) -> None:
        """See the port."""
        collection = await self.get_collection(namespace, name)
        self._state.delete_collections([collection], by)

    async def put_jobs(
        self, collection_id: CollectionId, drafts: Sequence[JobDraft], now: datetime, *, most: int | None = None
    ) -> list[Written]:
        """See the port."""
        collection = self._state.collection(collection_id)
        stored = {name_key(job.name): job for job in self._jobs_in(collection_id)}
        dropping: dict[str, set[OccurrenceId]] = {}
        rows: list[HistoryRow] = []
        entries: list[AuditEntry] = []
        written = []
        for draft in drafts:
            key = name_key(draft.name)
            job = stored.get(key)
            if job is None:
                fresh = new_job(draft, JobId(next(self._state.numbers)), collection, now)
                written.append(Written(fresh, created=True))
            else:
                check_revision(job, draft)
                dropped = dropping.setdefault(key, set())
                unfinished = [one for one in self._state.unfinished(job.id) if one.id not in dropped]
                ahead = [one for one in unfinished if gives_way(one, draft, now)]
                dropped |= {one.id for one in ahead}
                kept = [one for one in unfinished if one.id not in dropped]
                rows += replan_rows(ahead, draft, now)
                replaced = replaced_job(job, draft, ahead, last_planned(kept), now)
                if is_over(replaced, unfinished=bool(kept)):
                    replaced = replace(replaced, state=JobState.COMPLETED)
                written.append(Written(replaced, created=False))
            stored[key] = written[-1].job
            entries += job_written(draft.change, collection, job, stored[key], restarted=draft.restart)
        if most is not None and len(stored) > most and any(one.created for one in written):
            raise NoRoomError(most, len(stored))
        self._state.append(rows)
        for occurrence_id in chain.from_iterable(dropping.values()):
            self._state.drop(occurrence_id)
        self._state.jobs.update((one.job.id, one.job) for one in written)
        self._state.record(entries)
        return written

    async def get_job(self, collection_id: CollectionId, name: str) -> Job:
        """See the port."""
        for job in self._jobs_in(collection_id):
            if name_key(job.name) == name_key(name):
                return job
        raise NotFoundError(f"job {name} does not exist")

    async def find_jobs(self, collection_id: CollectionId, names: Sequence[str]) -> list[Job]:
        """See the port."""
        keys = {name_key(name) for name in names}
        return [job for job in self._jobs_in(collection_id) if name_key(job.name) in keys]

    async def list_jobs(
        self,
        collection_id: CollectionId,
        *,
        state: JobState | None = None,
        tags: Mapping[str, str] | None = None,
        after: str | None = None,
        top: int,
        skip: int,
    ) -> list[Job]:
        """See the port."""
        found = [job for job in self._jobs_in(collection_id) if _wanted(job, state, tags or {})]
        found = [job for job in found if after is None or name_key(job.name) > name_key(after)]
        found.sort(key=lambda job: name_key(job.name))
        return found[skip : skip + top]

    async def count_jobs(self, collection_id: CollectionId, *, at_most: int | None = None) -> int:
        """See the port."""
        return len(self._jobs_in(collection_id)[:at_most])

    async def delete_job(self, collection_id: CollectionId, name: str, *, by: Actor | None = None) -> JobId:
        """See the port."""
        job = await self.get_job(collection_id, name)
        return (await self.delete_jobs(collection_id, [job.id], by=by))[0]

    async def delete_jobs(
        self, collection_id: CollectionId, ids: Sequence[JobId], *, by: Actor | None = None
    ) -> list[JobId]:
        """See the port."""
        found = [job for job in self._jobs_in(collection_id) if job.id in ids]
        self._state.delete_jobs({job.id for job in found})
        if found:
            self._state.record(jobs_deleted(by, of_collection(self._state.collection(collection_id)), found))
        return [job.id for job in found]

    def _find_collection(self, namespace: Namespace, name: str) -> Collection | None:
        wanted = _collection_key(namespace, name)
        for collection in self._state.collections.values():
            if _collection_key(collection.namespace, collection.name) == wanted:
                return collection
        return None

    def _jobs_in(self, collection_id: CollectionId) -> list[Job]:
        return [job for job in self._state.jobs.values() if job.collection_id == collection_id]


def _collection_key(namespace: Namespace, name: str) -> tuple[str, str, str]:
    return name_key(namespace.subscription), name_key(namespace.resource_group), name_key(name)


def _wanted(job: Job, state: JobState | None, tags: Mapping[str, str]) -> bool:
    return state in (None, _read_state(job)) and tags.items() <= job.definition.tags.items()


def _read_state(job: Job) -> JobState:
    """The state as readers see it."""
    return JobState.DISABLED if job.state is JobState.ENABLED and not job.gate_open else job.state
