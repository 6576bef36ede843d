"""The store's port: verbs in the domain's words, each saying what it promises and raises.

Two implementations pass one conformance suite (tests/store): `memory` and `sql` (SQLite, PostgreSQL). Every verb is
atomic, but for those that say how they are not: it happens whole or not at all. All raise StoreUnavailableError when
the database is away. Times are aware UTC, whole milliseconds. What only reads, and what is done from time to time, is
said in `history`, `search`, `whereabouts` and `upkeep`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import (
    Collection,
    CollectionDefinition,
    CollectionId,
    Namespace,
    ResourceGroup,
)
from services.scheduler.domain.executions import Occurrence, OccurrenceId
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.domain.policies import Maintenance
from services.scheduler.domain.secrets import KeyId
from services.scheduler.store.audit import Actor, AuditEntry, AuditFilter, Change, Follower
from services.scheduler.store.history import History
from services.scheduler.store.listener import Listener
from services.scheduler.store.records import (
    Approval,
    Claim,
    Cordon,
    DrainReport,
    EventRecord,
    Held,
    JobDraft,
    Life,
    Outcome,
    Ownership,
    Planner,
    Rehearsal,
    Release,
    SessionId,
    Written,
)
from services.scheduler.store.search import Search
from services.scheduler.store.upkeep import Upkeep
from services.scheduler.store.whereabouts import Whereabouts


class Store(History, Search, Upkeep, Whereabouts, Protocol):
    """The truth. Open it with `async with`; one instance serves every task of a process."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may use it at the same time."""
        ...

    async def __aenter__(self) -> Self:
        """Connect and migrate. Raises StoreUnavailableError, or ConflictError when another process has this file."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        ...

    async def time(self) -> datetime:
        """Return the present instant, to the microsecond, by PostgreSQL's clock or else the machine's."""
        ...

    def listen(self, listener: Listener) -> None:
        """Tell `listener` from now on what other replicas change; on PostgreSQL only, elsewhere there are none."""
        ...

    # -- collections -------------------------------------------------------------------------------------------------

    async def put_collection(
        self,
        namespace: Namespace,
        name: str,
        definition: CollectionDefinition,
        now: datetime,
        *,
        by: Change | None = None,
    ) -> tuple[Collection, bool]:
        """Create or replace; True when new. Opening or closing the gate takes effect on its jobs at once.

        A replaced collection keeps its id and its name as first written.
        """
        ...

    async def get_collection(self, namespace: Namespace, name: str) -> Collection:
        """Return it, the name compared without case. Raises NotFoundError."""
        ...

    async def list_collections(
        self,
        subscription: str,
        resource_group: str | None,
        *,
        within: Sequence[Scope] | None = None,
        top: int,
        skip: int,
    ) -> list[Collection]:
        """Return collections by name; of all groups when `resource_group` is None, of those in `within` if given."""
        ...

    async def list_policies(self) -> dict[CollectionId, Maintenance]:
        """Return the maintenance policies of the collections that have one; the work is bounded by how many do."""
        ...

    async def delete_collection(self, namespace: Namespace, name: str, *, by: Actor | None = None) -> None:
        """Delete it with its jobs, their occurrences and history. Raises NotFoundError.

        Its name is free and it is found no more from the first moment on; its jobs go a part at a time, each with all
        that is its own, so that others need not wait for a hundred thousand. None of them is claimed after the answer.
        Where the answer never came, because the process died, `sweep` deletes those left.
        """
        ...

    # -- resource groups ---------------------------------------------------------------------------------------------

    async def put_group(self, group: ResourceGroup, *, by: Actor | None = None) -> bool:
        """Create or replace; True when there was none, not even one that a collection is in."""
        ...

    async def get_group(self, namespace: Namespace) -> ResourceGroup:
        """Return it, also one that was never made but has a collection in it. Raises NotFoundError."""
        ...

    async def delete_group(self, namespace: Namespace, *, by: Actor | None = None) -> list[CollectionId]:
        """Delete it with its collections, whose ids are returned, and all that is in them. Raises NotFoundError.

        The collections go as `delete_collection` says, all of them found no more from the first moment on.
        """
        ...

    # -- jobs --------------------------------------------------------------------------------------------------------

    async def put_jobs(
        self, collection_id: CollectionId, drafts: Sequence[JobDraft], now: datetime, *, most: int | None = None
    ) -> list[Written]:
        """Create or replace jobs, answers in order; a name that comes twice is created, then replaced.

        A replaced job's planned occurrences that have not come due yet are dropped and no longer count in `planned`,
        and under `replan` those that wait in their flexible window, which history shows as skipped; held ones and runs
        asked for stay. A job left without anything due or unfinished is COMPLETED.
        Raises NotFoundError when the collection is gone, ConflictError when a draft's `expected_revision` is not the
        stored one, NoRoomError when it creates jobs and the collection would have more than `most`; nothing of the
        batch is written then.
        """
        ...

    async def get_job(self, collection_id: CollectionId, name: str) -> Job:
        """Return it, the name compared without case. Raises NotFoundError."""
        ...

    async def find_jobs(self, collection_id: CollectionId, names: Sequence[str]) -> list[Job]:
        """Return those of the names that exist, compared without case, in no particular order."""
        ...

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
        """Return jobs by name, case-insensitively, that are in `state`, have all of `tags` and come `after` a name.

        The state is compared as readers see it: behind a closed gate an enabled job counts as disabled. To walk through
        many, go on `after` the last one: what is skipped is looked through each time.
        """
        ...

    async def count_jobs(self, collection_id: CollectionId, *, at_most: int | None = None) -> int:
        """Return how many jobs the collection has, counting no further than `at_most`."""
        ...

    async def delete_job(self, collection_id: CollectionId, name: str, *, by: Actor | None = None) -> JobId:
        """Delete a job with its occurrences and history; return its id. Raises NotFoundError."""
        ...

    async def delete_jobs(
        self, collection_id: CollectionId, ids: Sequence[JobId], *, by: Actor | None = None
    ) -> list[JobId]:
        """Delete jobs of a collection, as `delete_job` does; return the ids of those that were there."""
        ...

    async def add_run(self, occurrence: Occurrence, *, by: Actor | None = None) -> bool:
        """Add a READY occurrence asked for by a caller; False when that id is there, or was within ten minutes.

        The ten minutes are those before `due`, the instant of the asking. Raises NotFoundError when the job is gone.
        """
        ...

    # -- secrets ------------------------------------------------------------------------------------------------------

    async def list_sealed(self, *, other_than: KeyId, after: Job | None = None, limit: int) -> list[Job]:
        """Return jobs with a secret that is sealed under another key than `other_than`, in no particular order but
        always the same; those after a job of an earlier answer. The work is bounded by `limit`.
        """
        ...

    async def count_sealed(self, *, other_than: KeyId) -> int:
        """Return how many jobs `list_sealed` has; COUNTED means that or more."""
        ...

    async def reseal(self, resealed: Sequence[Job]) -> frozenset[JobId]:
        """Replace the definitions of jobs whose revision is the stored one, and raise it; return the ids of those.

        A job that somebody wrote, writes or deleted meanwhile stays as it is. Nothing else of a job changes, and nobody
        is told: claims stand, with the definitions that they have.
        """
        ...

    # -- dispatch ----------------------------------------------------------------------------------------------------

    async def register(self, replica: str, now: datetime, lease: timedelta) -> Ownership:
        """Begin a life: a new session, a fence above every earlier one, a lease until now + lease.

        On SQLite all claims of earlier lives are taken over at once (only one process can have the file). On PostgreSQL
        the life is guarded (see Guard) if a connection for it can be had.
        """
        ...

    async def renew(self, owner: Ownership, now: datetime, lease: timedelta) -> None:
        """Extend the lease. Raises LeaseLostError when the session was taken over."""
        ...

    async def resign(self, owner: Ownership) -> None:
        """End a life in good order: the session's remaining claims, which never fired, become READY, same attempt."""
        ...

    async def lives(self) -> list[Life]:
        """Return every registered life as it stands, the longest registered first. Cheap enough for twice a second."""
        ...

    async def take_over(self, lives: Sequence[Life], now: datetime) -> dict[SessionId, int]:
        """End those of the lives that are as they were seen: one that has renewed its lease since, or holds the lock
        that it had lost, goes on. Their claims become READY, those that may have been sent by `now` with attempt + 1
        (`progress.SENT_AHEAD`). Return how many occurrences each ended session had.
        """
        ...

    async def claim(
        self, owner: Ownership, *, now: datetime, horizon: datetime, limit: int, plan: Planner
    ) -> list[Claim]:
        """Claim what is to fire up to `horizon`: READY occurrences by `fire_at`, then due jobs by `next_due`, each
        planned by `plan` (occurrences inserted, missed rows appended, job advanced), at most about `limit` in all.

        A planned occurrence that is to fire later than `horizon`, in its flexible window, becomes READY and nobody's
        and is not in the answer. A job or occurrence is never in two replicas' answers. A planned occurrence whose id
        exists is left out.
        Raises LeaseLostError when the owner's session was taken over.
        """
        ...

    async def settle(self, owner: Ownership, outcomes: Sequence[Outcome]) -> frozenset[OccurrenceId]:
        """Write outcomes of own claims; return the ids refused because the claim is no longer this owner's (taken
        over, or the job deleted) or is of a later attempt: nothing of those was written.
        """
        ...

    async def list_claims(self, owner: Ownership) -> list[Claim]:
        """Return all that the session has claimed and not settled, each with its job as it is now: for a replica that
        cannot know what it has, because the answer to a `claim` was lost or jobs were changed meanwhile.
        """
        ...

    async def preceded(
        self, owner: Ownership, ids: Sequence[OccurrenceId], *, now: datetime
    ) -> frozenset[OccurrenceId]:
        """Return which of the occurrences another one of their job goes before, which is not held and not this
        session's: one that was tried before, that was asked for by `now`, or that comes first (`fire_at`, then `due`,
        then id). Those that come later wait for these, wherever they are: so no two ever wait for each other.
        """
        ...

    async def list_held(self, *, after: OccurrenceId | None = None, limit: int = 500) -> list[Held]:
        """Return held occurrences by id, a page at a time."""
        ...

    async def last_releases(self, now: datetime) -> dict[str, datetime]:
        """Return by host or pool when the last of what was held for it, and let go since, starts: if after `now`."""
        ...

    async def release(self, releases: Sequence[Release]) -> frozenset[OccurrenceId]:
        """Let held occurrences go; return the ids that were still held (another replica may have been first)."""
        ...

    # -- fleet -------------------------------------------------------------------------------------------------------

    async def put_event(self, event: EventRecord) -> None:
        """Create or replace an event's record, its approval left as the store has it (see `record_approval`)."""
        ...

    async def get_event(self, event_id: str) -> EventRecord:
        """Return it (id compared without case). Raises NotFoundError."""
        ...

    async def list_events(self, *, active: bool, limit: int) -> list[EventRecord]:
        """Return events, the latest `first_seen_at` first; only the active ones if asked."""
        ...

    async def report_drain(self, owner: Ownership, report: DrainReport) -> None:
        """Replace this replica's report for an event and host."""
        ...

    async def drain_reports(self, event_id: str) -> list[tuple[SessionId, DrainReport]]:
        """Return the reports of the registered sessions."""
        ...

    async def live_sessions(self) -> list[SessionId]:
        """Return the registered sessions, those that nobody has taken over, the longest registered first."""
        ...

    async def take_approval(self, event_id: str, replica: str, now: datetime, patience: timedelta) -> bool:
        """Win the right to approve an event: True for one replica, again for the same one, and for another when the
        winner has not come to an end (APPROVED or FOREIGN recorded) within `patience` of winning.
        """
        ...

    async def record_approval(self, event_id: str, approval: Approval) -> None:
        """Keep who approved, when and why; a later one replaces it, but never FOREIGN over APPROVED."""
        ...

    async def put_cordon(self, cordon: Cordon, *, by: Actor | None = None) -> None:
        """Create or replace the operator's cordon of a host."""
        ...

    async def delete_cordon(self, host: str, *, by: Actor | None = None) -> bool:
        """Remove it; False when there was none."""
        ...

    async def list_cordons(self) -> list[Cordon]:
        """Return all operators' cordons."""
        ...

    async def put_rehearsal(self, rehearsal: Rehearsal, *, most: int, by: Actor | None = None) -> None:
        """Keep a new one. Raises ConflictError when `most` are on at the instant of its announcement."""
        ...

    async def cancel_rehearsal(self, event_id: str, at: datetime, *, by: Actor | None = None) -> Rehearsal:
        """Call one off and return it. Raises NotFoundError, and ConflictError when it is over already."""
        ...

    async def list_rehearsals(self, *, since: datetime) -> list[Rehearsal]:
        """Return those that end, or were to end, after an instant, called off or not, the first announced first."""
        ...

    async def list_rehearsed(self, *, limit: int) -> list[EventRecord]:
        """Return the events that rehearsals have been, present and past ones, the latest `first_seen_at` first."""
        ...

    # -- audit log ---------------------------------------------------------------------------------------------------
    # Verbs that callers ask for take whose change it is (`by`, or a draft's `change`). Its entry is written in the same
    # transaction, with what that transaction found and left, so that neither is without the other. What changes nothing
    # leaves none, and what nobody asked for (None) neither.

    def follow_changes(self, follower: Follower) -> None:
        """Tell `follower` from now on of the entries that are written through this instance."""
        ...

    async def list_audit(self, wanted: AuditFilter, *, top: int, skip: int) -> list[AuditEntry]:
        """Return entries, the latest change first; those of one job in the order in which it was changed."""
        ...
