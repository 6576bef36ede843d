"""Outcomes of claims in SQL: how occurrences end or go on, and what that adds to their jobs.

Counters are added to and states decided by the database itself, under the jobs' locks: `progress` says the same in
Python for the store in memory, and one suite tests both.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from services.scheduler.domain.executions import OccurrenceId, OccurrenceState
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.progress import ending, finishes, last_run, wishes
from services.scheduler.store.records import Held, Outcome, Ownership, Release
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.driver import Change, Raw
from services.scheduler.store.sql.hot_rows import HISTORY, OCCURRENCE, history_line, occurrence_of
from services.scheduler.store.sql.known import KnownJobs, jobs_of
from services.scheduler.store.sql.lives import is_registered
from services.scheduler.store.sql.slices import slices
from services.scheduler.store.sql.tables import HELD, OWNED, READY, history, jobs, occurrences
from shared.clock import from_epoch_ms, to_epoch_ms

_OWN = "occurrences.owner = $2"
_GOES_ON = Change(
    occurrences,
    ("id", "state", "owner", "action", "fire_at", "retries", "attempt", "host", "held_under", "reason"),
)
_IS_HELD = Change(occurrences, ("id", "state", "owner", "host", "held_under", "reason"))
_WAITS = Change(occurrences, ("id", "state", "owner", "fire_at"))
_COUNTS = Change(
    jobs,
    ("id", "execution_count", "failure_count", "faulted_count", "last_execution_time", "last_run"),
    (
        "jobs.execution_count + {new}",
        "jobs.failure_count + {new}",
        "jobs.faulted_count + {new}",
        """CASE WHEN jobs.last_execution_time > {new} THEN jobs.last_execution_time
            ELSE COALESCE({new}, jobs.last_execution_time) END""",
        "COALESCE({new}, jobs.last_run)",
    ),
)
_GIVES_BACK = Change(
    jobs,
    ("id", "planned", "next_due"),
    ("CASE WHEN jobs.planned > {new} THEN jobs.planned - {new} ELSE 0 END", "COALESCE(jobs.next_due, {new})"),
)
_ENDS = Change(
    jobs,
    ("id", "state"),
    (
        """CASE WHEN jobs.state = 'enabled' AND jobs.next_due IS NULL
            AND NOT EXISTS (SELECT 1 FROM occurrences WHERE occurrences.job_id = jobs.id)
            THEN {new} ELSE jobs.state END""",
    ),
)

_LAST_RELEASES = f"""SELECT host, max(fire_at) FROM (
    SELECT host, fire_at FROM occurrences WHERE {READY.text} AND fire_at > $1
    UNION ALL SELECT host, fire_at FROM occurrences WHERE {OWNED.text} AND fire_at > $1
    ) AS released WHERE host IS NOT NULL GROUP BY host"""


class SettleVerbs:
    """The verbs with which occurrences end or go on."""

    _db: Database
    _known: KnownJobs

    async def settle(self, owner: Ownership, outcomes: Sequence[Outcome]) -> frozenset[OccurrenceId]:
        """See the port."""
        try:
            return await self._settle(owner, outcomes)
        except _OutdatedError as found:
            current = [outcome for outcome in outcomes if outcome.occurrence_id not in found.ids]
            return found.ids | await self.settle(owner, current)

    async def _settle(self, owner: Ownership, outcomes: Sequence[Outcome]) -> frozenset[OccurrenceId]:
        ids = frozenset(outcome.occurrence_id for outcome in outcomes)
        if not ids:
            return ids
        async with self._db.write() as tx:
            if not await is_registered(tx, owner):
                return ids
            ending_jobs = await _lock_jobs(tx, {outcome.job_id for outcome in outcomes})
            over = [outcome.occurrence_id for outcome in outcomes if finishes(outcome)]
            others = [outcome.occurrence_id for outcome in outcomes if not finishes(outcome)]
            attempts = await _end(tx, over, _OWN, owner.fence)
            attempts |= await _lock(tx, others, _OWN, owner.fence)
            _check_attempts(outcomes, attempts)
            written = [outcome for outcome in outcomes if outcome.occurrence_id in attempts]
            await _move(tx, written, attempts)
            await _record(tx, written, ending_jobs)
        return ids - attempts.keys()

    async def list_held(self, *, after: OccurrenceId | None = None, limit: int = 500) -> list[Held]:
        """See the port."""
        page = f"SELECT {', '.join(OCCURRENCE)} FROM occurrences WHERE {HELD.text} AND id > $1 ORDER BY id LIMIT $2"
        async with self._db.read() as tx:
            held = [occurrence_of(row) for row in await tx.fetch(page, after or "", limit)]
            whole = await jobs_of(tx, self._known, held)
        return [Held(occurrence=one, job=whole[one.job_id]) for one in held if one.job_id in whole]

    async def last_releases(self, now: datetime) -> dict[str, datetime]:
        """See the port."""
        async with self._db.glance() as tx:
            return {row[0]: from_epoch_ms(row[1]) for row in await tx.fetch(_LAST_RELEASES, to_epoch_ms(now))}

    async def release(self, releases: Sequence[Release]) -> frozenset[OccurrenceId]:
        """See the port."""
        if not releases:
            return frozenset()
        async with self._db.write() as tx:
            ending_jobs = await _lock_jobs(tx, {release.job_id for release in releases})
            over = [release.occurrence_id for release in releases if release.fire_at is None]
            others = [release.occurrence_id for release in releases if release.fire_at is not None]
            ended = await _end(tx, over, HELD.text)
            freed = await _lock(tx, others, HELD.text)
            await tx.update(
                _WAITS,
                [
                    (release.occurrence_id, OccurrenceState.READY.value, None, to_epoch_ms(release.fire_at))
                    for release in releases
                    if release.fire_at is not None and release.occurrence_id in freed
                ],
            )
            outcomes = [ending(release) for release in releases if release.occurrence_id in ended]
            await _record(tx, outcomes, ending_jobs)
        return frozenset(ended.keys() | freed.keys())


async def _lock_jobs(tx: Transaction, ids: Iterable[JobId]) -> set[JobId]:
    """Lock jobs; return those that are enabled with nothing more due, so that they may end now."""
    rows = await tx.fetch(
        f"""WITH those AS MATERIALIZED (
                SELECT id, state, next_due FROM jobs WHERE {tx.words.among_values("id", "$1")}
                ORDER BY id {tx.words.locked}
            )
            SELECT id FROM those WHERE state = 'enabled' AND next_due IS NULL""",
        sorted(ids),
    )
    return {row[0] for row in rows}


async def _end(tx: Transaction, ids: list[OccurrenceId], which: str, *values: object) -> dict[OccurrenceId, int]:
    """Delete those of the occurrences that are `which`, whose values begin at `$2`; return their attempts."""
    if not ids:
        return {}
    among = tx.words.among_values("id", "$1")
    rows = await tx.fetch(f"DELETE FROM occurrences WHERE {among} AND {which} RETURNING id, attempt", ids, *values)
    return {row[0]: row[1] for row in rows}


def _check_attempts(outcomes: Sequence[Outcome], attempts: Mapping[OccurrenceId, int]) -> None:
    """Raise _OutdatedError, which undoes the transaction, when outcomes are of earlier attempts than their claims."""
    outdated = [
        outcome.occurrence_id
        for outcome in outcomes
        if outcome.attempt is not None and attempts.get(outcome.occurrence_id, outcome.attempt) != outcome.attempt
    ]
    if outdated:
        raise _OutdatedError(frozenset(outdated))


class _OutdatedError(Exception):
    """Outcomes of attempts that are over: they were written before, and the next attempts are claimed already."""

    def __init__(self, ids: frozenset[OccurrenceId]) -> None:
        super().__init__(ids)
        self.ids = ids


async def _lock(tx: Transaction, ids: list[OccurrenceId], which: str, *values: object) -> dict[OccurrenceId, int]:
    """Lock those of the occurrences that are `which`, whose values begin at `$2`; return their attempts."""
    if not ids:
        return {}
    among = tx.words.among_values("id", "$1")
    query = f"SELECT id, attempt FROM occurrences WHERE {among} AND {which} ORDER BY id {tx.words.locked}"
    return {row[0]: row[1] for row in await tx.fetch(query, ids, *values)}


async def _move(tx: Transaction, outcomes: Sequence[Outcome], attempts: Mapping[OccurrenceId, int]) -> None:
    """Write where occurrences stand that are not over."""
    moved: dict[Change, list[Raw]] = {}
    for outcome in outcomes:
        if not finishes(outcome):
            change, row = _moved(outcome, attempts[outcome.occurrence_id])
            moved.setdefault(change, []).append(row)
    for change, rows in moved.items():
        await tx.update(change, rows)


def _moved(outcome: Outcome, attempt: int) -> tuple[Change, Raw]:
    ready, following = OccurrenceState.READY.value, outcome.following
    if following is not None:
        at = to_epoch_ms(following.fire_at)
        action = following.action.value
        return _GOES_ON, (outcome.occurrence_id, ready, None, action, at, following.retries, attempt + 1, None, "", "")
    if outcome.deferred_until is not None:
        return _WAITS, (outcome.occurrence_id, ready, None, to_epoch_ms(outcome.deferred_until))
    held = OccurrenceState.HELD.value
    return _IS_HELD, (outcome.occurrence_id, held, None, outcome.held_for, outcome.held_under, outcome.reason)


async def _record(tx: Transaction, outcomes: Sequence[Outcome], ending_jobs: set[JobId]) -> None:
    """Write what outcomes add to history and to their jobs, which are locked."""
    lines: list[Raw] = []
    counts: dict[JobId, Raw] = {}
    async for part in slices(outcomes):
        lines += [history_line(row) for outcome in part for row in outcome.rows]
        for outcome in part:
            _count(counts, outcome)
    await tx.insert(history, HISTORY, lines)
    await tx.update(_COUNTS, list(counts.values()))
    await tx.update(_GIVES_BACK, _given_back(outcomes))
    wished = wishes(outcomes)
    await tx.update(_ENDS, [(job_id, wished[job_id].value) for job_id in ending_jobs & wished.keys()])


def _count(counts: dict[JobId, Raw], outcome: Outcome) -> None:
    """Add an outcome to the _COUNTS of its job."""
    last = outcome.last_execution_time
    ended = last_run(outcome)
    added = (
        outcome.main_attempts,
        outcome.failures,
        int(outcome.faulted),
        None if last is None else to_epoch_ms(last),
        None if ended is None else ended.value,
    )
    earlier = counts.get(outcome.job_id)
    if earlier is not None:
        latest = max(earlier[4] or 0, added[3] or 0) or None
        added = (earlier[1] + added[0], earlier[2] + added[1], earlier[3] + added[2], latest, added[4] or earlier[5])
    if any(added):
        counts[outcome.job_id] = (outcome.job_id, *added)


def _given_back(outcomes: Sequence[Outcome]) -> list[Raw]:
    """Return the _GIVES_BACK of each job with occurrences that did not count."""
    back: dict[JobId, Raw] = {}
    for outcome in outcomes:
        if outcome.unplan:
            _, number, replan = back.get(outcome.job_id, (outcome.job_id, 0, None))
            if replan is None and outcome.replan is not None:
                replan = to_epoch_ms(outcome.replan)
            back[outcome.job_id] = (outcome.job_id, number + 1, replan)
    return list(back.values())
