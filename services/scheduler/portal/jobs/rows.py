"""Jobs as lines of a table."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.scheduler.api.schemas.job_writer import state_shown
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.jobs import Job, JobState, LastRun
from services.scheduler.portal.words import place_words, schedule_words, target_words
from services.scheduler.store.base import Store

_HELD = 500
"""Held occurrences looked at for the jobs of one page."""


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """One job as a line of a table; `group` is its collection's resource group.

    `state` is as readers see it; `is_enabled` as the job itself has it, behind an open gate or a closed one.
    `last_run` is None where nothing has run, or an earlier version did not keep how; `held` is why it waits, or empty.
    """

    group: str
    collection: str
    name: str
    state: JobState
    is_enabled: bool
    is_gated: bool
    schedule: str
    place: str
    target: str
    next_due: datetime | None
    last_at: datetime | None
    last_run: LastRun | None
    failures: int
    held: str


async def job_rows(store: Store, jobs: Sequence[Job]) -> tuple[JobRow, ...]:
    """Return lines of jobs, without those whose collection was deleted meanwhile. Raises StoreUnavailableError."""
    collections = await store.find_collections(sorted({job.collection_id for job in jobs}))
    groups = {one.id: one.namespace.resource_group for one in collections}
    waiting = await store.held_now([job.id for job in jobs], limit=_HELD)
    reasons = {one.job_id: held_words(one) for one in reversed(waiting)}
    return tuple(
        job_row(job, groups[job.collection_id], reasons.get(job.id, "")) for job in jobs if job.collection_id in groups
    )


def held_words(one: Occurrence) -> str:
    """Return what a held occurrence waits for, and why: `db-0: Reboot due at …`."""
    reason = one.reason.removeprefix(f"{one.host}: ")
    return f"for {one.host or 'its host'}{': ' if reason else ''}{reason}"


def job_row(job: Job, group: str, held: str = "") -> JobRow:
    """Return the line of one job."""
    state, counters = state_shown(job), job.counters
    return JobRow(
        group=group,
        collection=job.collection,
        name=job.name,
        state=state,
        is_enabled=job.state is JobState.ENABLED,
        is_gated=not job.gate_open,
        schedule=schedule_words(job.definition),
        place=place_words(job.definition),
        target=target_words(job.definition.action.call),
        next_due=job.next_due if state is JobState.ENABLED else None,
        last_at=counters.last_execution_time,
        last_run=counters.last_run,
        failures=counters.faulted_count,
        held=held,
    )
