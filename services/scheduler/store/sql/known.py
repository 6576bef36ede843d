"""Jobs as they were read before, so that what is claimed each second need not be read whole each time."""

from collections import OrderedDict
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.jobs import Job, JobCounters, JobDefinition, JobId, JobState, LastRun
from services.scheduler.store.sql.database import Transaction
from services.scheduler.store.sql.driver import Raw
from services.scheduler.store.sql.slices import slices
from shared.clock import from_epoch_ms

STANDING = """jobs.id, jobs.revision, jobs.updated_at, jobs.state, jobs.gate_open, jobs.next_due, jobs.planned,
    jobs.execution_count, jobs.failure_count, jobs.faulted_count, jobs.last_execution_time,
    jobs.last_run"""
"""The columns that name a version of a job, and those that change without a new one."""
WHOLE = f"""SELECT {STANDING},
    jobs.uid, jobs.collection_id, collections.name, jobs.name, jobs.anchor, jobs.created_at, definitions.body
    FROM jobs JOIN collections ON collections.id = jobs.collection_id
    JOIN definitions ON definitions.job_id = jobs.id"""
"""Whole jobs, each as of one version."""
_STATES = {state.value: state for state in JobState}
_RUNS = {run.value: run for run in LastRun}
_DEFINITIONS = msgspec.json.Decoder(JobDefinition)


class KnownJobs:
    """The jobs read last, each as of one version.

    A version is named by the revision, which rises with each write of a caller, and by the instant of that write: a
    database that was set back may give a revision a second time.
    """

    def __init__(self, limit: int = 10_000) -> None:
        """Keep up to `limit`, those used last."""
        self._limit = limit
        self._versions: OrderedDict[JobId, tuple[int, int, Job]] = OrderedDict()

    async def whole(self, tx: Transaction, rows: Sequence[Raw]) -> dict[JobId, Job]:
        """Return the jobs of rows of STANDING, without those deleted meanwhile; what is not known is read."""
        jobs: dict[JobId, Job] = {}
        async for part in slices(rows):
            for row in part:
                known = self._find(row)
                if known is not None:
                    jobs[known.id] = _standing_as(known, row)
        async for part in slices(await read_jobs(tx, [row[0] for row in rows if row[0] not in jobs])):
            for row in part:
                job = job_of(row)
                self._keep(row, job)
                jobs[job.id] = job
        return jobs

    def _find(self, row: Raw) -> Job | None:
        version = self._versions.get(row[0])
        if version is None or version[0] != row[1] or version[1] != row[2]:
            return None
        self._versions.move_to_end(row[0])
        return version[2]

    def _keep(self, row: Raw, job: Job) -> None:
        self._versions[job.id] = (row[1], row[2], job)
        self._versions.move_to_end(job.id)
        if len(self._versions) > self._limit:
            self._versions.popitem(last=False)


async def read_jobs(tx: Transaction, ids: Sequence[JobId]) -> Sequence[Raw]:
    """Return the rows of WHOLE of these jobs, without those deleted meanwhile, in no particular order."""
    if not ids:
        return []
    return await tx.fetch(f"{WHOLE} WHERE {tx.words.among_values('jobs.id', '$1')}", list(ids))


def job_of(row: Raw) -> Job:
    """Read a row of WHOLE."""
    uid, collection_id, collection, name, anchor, created_at, body = row[12:]
    return Job(
        id=row[0],
        revision=row[1],
        updated_at=from_epoch_ms(row[2]),
        uid=uid,
        collection_id=collection_id,
        collection=collection,
        name=name,
        anchor=from_epoch_ms(anchor),
        created_at=from_epoch_ms(created_at),
        definition=_DEFINITIONS.decode(body),
        state=_STATES[row[3]],
        gate_open=bool(row[4]),
        next_due=None if row[5] is None else from_epoch_ms(row[5]),
        planned=row[6],
        counters=_counters_of(row),
    )


def _standing_as(job: Job, row: Raw) -> Job:
    """Return a job with the columns that change without a new version."""
    return replace(
        job,
        state=_STATES[row[3]],
        gate_open=bool(row[4]),
        next_due=None if row[5] is None else from_epoch_ms(row[5]),
        planned=row[6],
        counters=_counters_of(row),
    )


def _counters_of(row: Raw) -> JobCounters:
    return JobCounters(
        execution_count=row[7],
        failure_count=row[8],
        faulted_count=row[9],
        last_execution_time=None if row[10] is None else from_epoch_ms(row[10]),
        last_run=None if row[11] is None else _RUNS[row[11]],
    )


async def jobs_of(tx: Transaction, known: KnownJobs, some: Sequence[Occurrence]) -> dict[JobId, Job]:
    """Return the jobs of occurrences as they are now, without those deleted meanwhile."""
    ids = sorted({occurrence.job_id for occurrence in some})
    if not ids:
        return {}
    among = tx.words.among_values("jobs.id", "$1")
    return await known.whole(tx, await tx.fetch(f"SELECT {STANDING} FROM jobs WHERE {among}", ids))
