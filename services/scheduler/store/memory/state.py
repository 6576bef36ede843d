"""What the memory store knows, and the few moves that several verbs share. Nothing here awaits: each verb is atomic."""

from collections.abc import Collection as Sized
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count

from msgspec.structs import asdict, replace

from services.scheduler.domain.collections import Collection, CollectionId, ResourceGroup
from services.scheduler.domain.executions import HistoryRow, Occurrence, OccurrenceId, OccurrenceState
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.errors import NotFoundError
from services.scheduler.store.audit import Actor, AuditEntry, Follower
from services.scheduler.store.progress import Bid, Standing
from services.scheduler.store.records import (
    Cordon,
    DrainReport,
    EventRecord,
    Life,
    Ownership,
    Recent,
    Rehearsal,
    SessionId,
)
from services.scheduler.store.trail import collections_deleted, jobs_deleted, of_collection


class State:
    """The tables. Values are frozen, so what a caller was given never changes under it."""

    def __init__(self) -> None:
        """Start empty."""
        self.collections: dict[CollectionId, Collection] = {}
        self.groups: dict[tuple[str, str], ResourceGroup] = {}
        self.jobs: dict[JobId, Job] = {}
        self.occurrences: dict[OccurrenceId, Occurrence] = {}
        self.owners: dict[OccurrenceId, int] = {}
        self.history: dict[int, HistoryRow] = {}
        self.lives: dict[int, Life] = {}
        self.runs: dict[OccurrenceId, datetime] = {}
        self.events: dict[str, EventRecord] = {}
        self.bids: dict[str, Bid] = {}
        self.drains: dict[tuple[str, str, SessionId], DrainReport] = {}
        self.cordons: dict[str, Cordon] = {}
        self.rehearsals: dict[str, Rehearsal] = {}
        self.audit: dict[int, AuditEntry] = {}
        self.followers: list[Follower] = []
        self.numbers = count(1)

    def collection(self, collection_id: CollectionId) -> Collection:
        """Return a collection by id. Raises NotFoundError."""
        try:
            return self.collections[collection_id]
        except KeyError:
            raise NotFoundError("the collection does not exist any more") from None

    def recent(self, job: Job, row: HistoryRow) -> Recent:
        """Return a job's row with its names."""
        group = self.collections[job.collection_id].namespace.resource_group
        return Recent(group=group, collection=job.collection, job=job.name, row=row)

    def is_registered(self, owner: Ownership) -> bool:
        """Whether the session lives and has not been taken over."""
        life = self.lives.get(owner.fence)
        return life is not None and life.owner == owner

    def unfinished(self, job_id: JobId) -> Iterator[Occurrence]:
        """Yield a job's occurrences."""
        return (one for one in list(self.occurrences.values()) if one.job_id == job_id)

    def contenders(self, owner: Ownership, job_id: JobId) -> Iterator[Occurrence]:
        """Yield the job's occurrences that are not held and that this session does not own."""
        return (
            one
            for one in self.unfinished(job_id)
            if one.state is not OccurrenceState.HELD and self.owners.get(one.id) != owner.fence
        )

    def put(self, occurrence: Occurrence, owner: int | None = None) -> None:
        """Write an occurrence and whose it is."""
        self.occurrences[occurrence.id] = occurrence
        self.owners.pop(occurrence.id, None)
        if owner is not None:
            self.owners[occurrence.id] = owner

    def drop(self, occurrence_id: OccurrenceId) -> None:
        """Remove an occurrence."""
        self.occurrences.pop(occurrence_id, None)
        self.owners.pop(occurrence_id, None)

    def append(self, rows: Iterable[HistoryRow]) -> None:
        """Store history rows, each under its new id."""
        for row in rows:
            number = next(self.numbers)
            self.history[number] = replace(row, id=number)

    def record(self, entries: Iterable[AuditEntry]) -> None:
        """Write entries of the audit log, each under its new id, and tell of them."""
        new = [replace(entry, id=next(self.numbers)) for entry in entries]
        self.audit.update((entry.id, entry) for entry in new)
        for follower in self.followers if new else ():
            follower(new)

    def newest_history(self) -> Iterator[HistoryRow]:
        """Yield all rows, newest first."""
        return (self.history[number] for number in sorted(self.history, reverse=True))

    def delete_jobs(self, ids: Sized[JobId]) -> None:
        """Delete jobs with their occurrences and history."""
        for occurrence in list(self.occurrences.values()):
            if occurrence.job_id in ids:
                self.drop(occurrence.id)
        self.history = {number: row for number, row in self.history.items() if row.job_id not in ids}
        for job_id in ids:
            del self.jobs[job_id]

    def delete_collections(self, doomed: Iterable[Collection], by: Actor | None) -> None:
        """Delete collections with their jobs, on behalf of a caller."""
        for collection in doomed:
            jobs = [job for job in self.jobs.values() if job.collection_id == collection.id]
            self.delete_jobs({job.id for job in jobs})
            del self.collections[collection.id]
            self.record(collections_deleted(by, [collection]))
            self.record(jobs_deleted(by, of_collection(collection), jobs))

    def stand(self, job_id: JobId, standing: Standing) -> None:
        """Write the part of a job that outcomes change."""
        self.jobs[job_id] = replace(self.jobs[job_id], **asdict(standing))


def standing_of(job: Job) -> Standing:
    """Return the part of a job that outcomes change."""
    return Standing(state=job.state, next_due=job.next_due, planned=job.planned, counters=job.counters)
