"""A store filled fast, past its verbs: a million dormant jobs, ten million history rows."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec

from services.scheduler.domain.actions import Action, HttpCall
from services.scheduler.domain.collections import CollectionDefinition
from services.scheduler.domain.executions import RETENTION_ROWS
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.store.open import open_store
from shared.clock import to_epoch_ms
from tests.parts.stored import SOMEWHERE

COLLECTION = "scale"
DORMANT = timedelta(days=30)
"""How far ahead the jobs are due: none of them during a measurement."""
BUSY_ROWS = RETENTION_ROWS + 100
"""Rows of a busy job: as many as it has when it is trimmed."""
_DAY = Recurrence(frequency=Frequency.DAY)
_DEFINITION = JobDefinition(action=Action(call=HttpCall(method="GET", uri="http://127.0.0.1:9/")), recurrence=_DAY)

_JOBS = """
INSERT INTO jobs (collection_id, uid, name, name_key, state, anchor, next_due, planned, revision, execution_count,
                  failure_count, faulted_count, last_execution_time, gate_open, created_at, updated_at)
SELECT {collection}, 'uid-' || n.i, 'job-' || CAST(10000000 + n.i AS TEXT), 'job-' || CAST(10000000 + n.i AS TEXT),
       'enabled', {now}, {due} + n.i, 0, 1, 0, 0, 0, NULL, TRUE, {now}, {now}
FROM {numbers}
"""
_DEFINITIONS = """
INSERT INTO definitions (job_id, body) SELECT id, '{body}' FROM jobs WHERE id > {after}
"""
_HISTORY = """
INSERT INTO history (job_id, occurrence_id, scheduled_time, start_time, end_time, action_name, status, attempt, host,
                     reason, message, retry_count, repeat_count)
SELECT {base} + {job}, 'a6a8a3f0-9a55-5c0e-8c6b-' || CAST(100000000000 + n.i AS TEXT), {now} - {last} + n.i,
       {now} - {last} + n.i, {now} - {last} + n.i, 'MainAction', 'Completed', 1, NULL, '',
       'Http Action - Response from host ''127.0.0.1'': ''OK'' Response Headers: Date: Sun, 01 Mar 2026 12:00:00 GMT',
       0, 1
FROM {numbers}
"""
"""Half of the rows are of busy jobs, the other half is spread over all."""


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """How much is in the store."""

    jobs: int = 0
    history: int = 0


async def fill(url: str, before: Filled, wanted: Filled) -> None:
    """Add what is missing; `url` is that of the store, which nobody else may have open."""
    async with open_store(url) as store:
        collection, _ = await store.put_collection(SOMEWHERE, COLLECTION, CollectionDefinition(), datetime.now(UTC))
    now = to_epoch_ms(datetime.now(UTC))
    due = now + int(DORMANT.total_seconds()) * 1000
    body = msgspec.json.encode(_DEFINITION).decode().replace("'", "''")
    written, listed = wanted.jobs - before.jobs, wanted.history - before.history
    busy = max(wanted.history // 2 // BUSY_ROWS, 1)
    job = f"CASE WHEN n.i % 2 = 0 THEN n.i / 2 % {busy} ELSE n.i % {max(wanted.jobs, 1)} END"
    statements = [
        _JOBS.format(collection=collection.id, now=now, due=due, numbers=_numbers(url, before.jobs, written)),
        _DEFINITIONS.format(body=body, after="(SELECT coalesce(max(job_id), 0) FROM definitions)"),
        _HISTORY.format(
            base="(SELECT min(id) FROM jobs)",
            job=job,
            now=now,
            last=wanted.history,
            numbers=_numbers(url, before.history, listed),
        ),
    ]
    # Statistics as autovacuum would have made them; and a log that the next one to open the file need not read.
    await execute(url, *statements, "VACUUM ANALYZE" if is_postgresql(url) else "PRAGMA wal_checkpoint(TRUNCATE)")


def _numbers(url: str, first: int, count: int) -> str:
    """Return a table `n` of the numbers `i`."""
    if is_postgresql(url):
        return f"generate_series({first}, {first + count - 1}) AS n (i)"
    series = f"SELECT {first} UNION ALL SELECT i + 1 FROM s WHERE i < {first + count - 1}"
    return f"(WITH RECURSIVE s (i) AS ({series}) SELECT i FROM s LIMIT {count}) AS n"


async def execute(url: str, *statements: str) -> object:
    """Execute statements at the database itself; return the first value that the last one gives."""
    if not is_postgresql(url):
        return _execute_in_file(Path(url.removeprefix("sqlite:///")), statements)
    connection = await asyncpg.connect(url)
    try:
        return [await connection.fetchval(statement) for statement in statements][-1]
    finally:
        await connection.close()


def _execute_in_file(path: Path, statements: Sequence[str]) -> object:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -1000000")
        return [connection.execute(statement).fetchone() or (None,) for statement in statements][-1][0]


def is_postgresql(url: str) -> bool:
    """Whether the URL names a PostgreSQL server."""
    return url.startswith("postgresql")
