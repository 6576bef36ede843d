"""Jobs by the keys that their secrets are sealed under, in SQL."""

from collections.abc import Sequence

from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.domain.secret_fields import sealed_under
from services.scheduler.domain.secrets import KeyId
from services.scheduler.store.records import COUNTED
from services.scheduler.store.sql.database import Database
from services.scheduler.store.sql.known import job_of, read_jobs
from services.scheduler.store.sql.tables import SEALED, definitions, jobs

_OTHERS = [f"SELECT id FROM jobs WHERE {SEALED.text} AND sealed_under {side} $1" for side in ("<", ">")]
"""Two ranges of the index: looking for what differs would go through all that is sealed."""
PAGES = [f"{others} AND (sealed_under, id) > ($2, $3) ORDER BY sealed_under, id LIMIT $4" for others in _OTHERS]
COUNTS = [f"SELECT count(*) FROM ({others} LIMIT $2) AS found" for others in _OTHERS]


class SealingVerbs:
    """The verbs about keys."""

    _db: Database

    async def list_sealed(self, *, other_than: KeyId, after: Job | None = None, limit: int) -> list[Job]:
        """See the port."""
        last = ("", 0) if after is None else (sealed_under(after.definition.action), after.id)
        ids: list[JobId] = []
        async with self._db.read() as tx:
            for page in PAGES:
                if len(ids) < limit:
                    ids += [row[0] for row in await tx.fetch(page, other_than, *last, limit - len(ids))]
            found = {row[0]: job_of(row) for row in await read_jobs(tx, ids)}
        return [found[job_id] for job_id in ids if job_id in found]

    async def count_sealed(self, *, other_than: KeyId) -> int:
        """See the port."""
        async with self._db.read() as tx:
            found = [await tx.fetch(count, other_than, COUNTED) for count in COUNTS]
        counts: list[int] = [row[0] for rows in found for row in rows]
        return min(sum(counts), COUNTED)

    async def reseal(self, resealed: Sequence[Job]) -> frozenset[JobId]:
        """See the port."""
        wanted = {job.id: job for job in resealed}
        async with self._db.write() as tx:
            among = tx.words.among_values("id", "$1")
            # Whoever has a job locked is writing it: it is another one then.
            free = f"SELECT id, revision FROM jobs WHERE {among} ORDER BY id {tx.words.unlocked}"
            rows = await tx.fetch(free, sorted(wanted))
            same = [wanted[job_id] for job_id, revision in rows if wanted[job_id].revision == revision]
            bodies = [{"job_id": job.id, "body": job.definition} for job in same]
            await tx.update_many(definitions, bodies)
            columns = [
                {"id": job.id, "revision": job.revision + 1, "sealed_under": sealed_under(job.definition.action)}
                for job in same
            ]
            await tx.update_many(jobs, columns)
        return frozenset(job.id for job in same)
