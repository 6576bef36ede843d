"""Drafts on their way into a collection, in one transaction: jobs created by the thousand, or replaced."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain

from msgspec.structs import replace
from sqlalchemy import and_, delete, func, not_, select

from services.scheduler.domain.collections import Collection
from services.scheduler.domain.executions import Occurrence, OccurrenceId
from services.scheduler.domain.jobs import Job, JobId, JobState
from services.scheduler.store.audit import AuditEntry
from services.scheduler.store.progress import check_revision, is_over, name_key, new_job, replaced_job, replan_rows
from services.scheduler.store.records import (
    JobDraft,
    Written,
)
from services.scheduler.store.sql.database import Transaction
from services.scheduler.store.sql.hot_rows import HISTORY, OCCURRENCE, history_line, occurrence_of
from services.scheduler.store.sql.known import job_of, read_jobs
from services.scheduler.store.sql.rows import job_values
from services.scheduler.store.sql.tables import definitions, history, job_tags, jobs, occurrences
from services.scheduler.store.trail import job_written
from shared.clock import to_epoch_ms

_BATCH = 500


class Writing:
    """Drafts on their way into one collection, in one transaction."""

    def __init__(self, tx: Transaction, collection: Collection, now: datetime) -> None:
        self._tx = tx
        self._collection = collection
        self._now = now
        self._stored: dict[str, Job] = {}
        self.entries: list[AuditEntry] = []

    async def lock(self, drafts: Sequence[JobDraft]) -> None:
        """Lock the jobs that exist, all at once and by id, as every verb does: no two can wait for each other."""
        names = sorted({name_key(draft.name) for draft in drafts})
        named = self._tx.words.among_values("name_key", "$2")
        query = f"SELECT id FROM jobs WHERE collection_id = $1 AND {named} ORDER BY id {self._tx.words.locked}"
        ids = [row[0] for row in await self._tx.fetch(query, self._collection.id, names)]
        for row in await read_jobs(self._tx, ids):
            job = job_of(row)
            self._stored[name_key(job.name)] = job

    async def write(self, drafts: Sequence[JobDraft]) -> list[Written]:
        """Write drafts of different names."""
        old = [draft for draft in drafts if name_key(draft.name) in self._stored]
        new = [draft for draft in drafts if name_key(draft.name) not in self._stored]
        before = {name_key(draft.name): self._stored[name_key(draft.name)] for draft in old}
        await self._replace(old)
        await self._create(new)
        for draft in drafts:
            self._tell(draft, before.get(name_key(draft.name)))
        keys = [name_key(draft.name) for draft in drafts]
        return [Written(self._stored[key], key not in before) for key in keys]

    def _tell(self, draft: JobDraft, before: Job | None) -> None:
        after = self._stored[name_key(draft.name)]
        self.entries += job_written(draft.change, self._collection, before, after, restarted=draft.restart)

    async def _create(self, drafts: Sequence[JobDraft]) -> None:
        if not drafts:
            return
        fresh = {name_key(draft.name): new_job(draft, JobId(0), self._collection, self._now) for draft in drafts}
        keys = sorted(fresh)
        await self._tx.insert_many(jobs, [job_values(fresh[key]) for key in keys])
        named = self._tx.words.among_values("name_key", "$2")
        query = f"SELECT id, name_key FROM jobs WHERE collection_id = $1 AND {named}"
        for job_id, key in await self._tx.fetch(query, self._collection.id, keys):
            self._stored[key] = replace(fresh[key], id=JobId(job_id))
        bodies = [{"job_id": self._stored[key].id, "body": fresh[key].definition} for key in keys]
        await self._tx.insert_many(definitions, bodies)
        await self._tx.insert_many(job_tags, list(_tags_of(self._stored[key] for key in keys)))

    async def _replace(self, drafts: Sequence[JobDraft]) -> None:
        if not drafts:
            return
        pairs = [(self._stored[name_key(draft.name)], draft) for draft in drafts]
        for job, draft in pairs:
            check_revision(job, draft)
        dropped = await self._drop_occurrences(pairs)
        kept = await self._last_kept([job.id for job, draft in pairs if draft.due_after is not None])
        replaced = [replaced_job(job, draft, dropped[job.id], kept.get(job.id), self._now) for job, draft in pairs]
        replaced = await self._completed(replaced)
        self._stored.update((name_key(job.name), job) for job in replaced)
        await self._tx.update_many(jobs, [{"id": job.id, **job_values(job)} for job in replaced])
        await self._tx.update_many(definitions, [{"job_id": job.id, "body": job.definition} for job in replaced])
        tagged = [job for (before, _), job in zip(pairs, replaced, strict=True) if _tags_differ(before, job)]
        if tagged:
            await self._tx.run(delete(job_tags).where(self._tx.among(job_tags.c.job_id, [job.id for job in tagged])))
            await self._tx.insert_many(job_tags, list(_tags_of(tagged)))

    async def _completed(self, replaced: list[Job]) -> list[Job]:
        """Return the jobs, those that have nothing to do any more COMPLETED."""
        last = sorted(job.id for job in replaced if is_over(job, unfinished=False))
        if not last:
            return replaced
        unfinished = select(occurrences.c.job_id).where(self._tx.among(occurrences.c.job_id, last))
        over = set(last) - {row.job_id for row in await self._tx.rows(unfinished)}
        return [replace(job, state=JobState.COMPLETED) if job.id in over else job for job in replaced]

    async def _last_kept(self, job_ids: Sequence[JobId]) -> dict[JobId, datetime]:
        """Return when the last planned occurrence of each job is due."""
        if not job_ids:
            return {}
        planned = and_(self._tx.among(occurrences.c.job_id, job_ids), not_(occurrences.c.manual))
        last = func.max(occurrences.c.due).label("last")
        rows = await self._tx.rows(select(occurrences.c.job_id, last).where(planned).group_by(occurrences.c.job_id))
        return {row.job_id: row.last for row in rows}

    async def _drop_occurrences(self, pairs: Sequence[tuple[Job, JobDraft]]) -> dict[JobId, list[Occurrence]]:
        """Drop what gives way to what is written (`gives_way`), and return it but for jobs that start anew."""
        anew = [job.id for job, draft in pairs if draft.restart]
        if anew:
            await self._tx.run(delete(occurrences).where(self._tx.among(occurrences.c.job_id, anew)))
        drafts = {job.id: draft for job, draft in pairs if not draft.restart}
        replanned = [job_id for job_id, draft in drafts.items() if draft.replan]
        withheld = sorted(chain.from_iterable(draft.withheld for draft in drafts.values()))
        dropped = await self._drop(list(drafts), withheld, "due > $3")
        dropped += await self._drop(replanned, withheld, "attempt = 1 AND host IS NULL AND fire_at > $3")
        dropped.sort(key=lambda one: one.due)
        rows = [row for one in dropped for row in replan_rows([one], drafts[one.job_id], self._now)]
        await self._tx.insert(history, HISTORY, [history_line(row) for row in rows])
        of_job: dict[JobId, list[Occurrence]] = defaultdict(list)
        for one in dropped:
            of_job[one.job_id].append(one)
        return of_job

    async def _drop(self, job_ids: Sequence[JobId], withheld: Sequence[OccurrenceId], which: str) -> list[Occurrence]:
        """Drop what is planned, free and `which`, where `$3` is the present instant."""
        if not job_ids:
            return []
        words = self._tx.words
        free = f"(state = 'ready' OR state = 'claimed' AND {words.among_values('id', '$2')})"
        dropped = f"""DELETE FROM occurrences WHERE {words.among_values("job_id", "$1")} AND NOT manual
            AND {free} AND {which} RETURNING {", ".join(OCCURRENCE)}"""
        rows = await self._tx.fetch(dropped, list(job_ids), list(withheld), to_epoch_ms(self._now))
        return [occurrence_of(row) for row in rows]


def _tags_of(written: Iterable[Job]) -> Iterator[dict[str, object]]:
    for job in written:
        for name, value in job.definition.tags.items():
            yield {"name": name, "value": value, "job_id": job.id}


def _tags_differ(before: Job, after: Job) -> bool:
    return before.definition.tags != after.definition.tags


def batches(drafts: Sequence[JobDraft]) -> Iterator[list[JobDraft]]:
    """Split drafts, in order, so that no part has more than a batch or the same name twice."""
    part: list[JobDraft] = []
    names: set[str] = set()
    for draft in drafts:
        key = name_key(draft.name)
        if len(part) == _BATCH or key in names:
            yield part
            part, names = [], set()
        part.append(draft)
        names.add(key)
    if part:
        yield part
