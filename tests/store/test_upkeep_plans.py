"""What is done every few seconds never looks through a table, however large: SQLite's plans say so."""

import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from services.scheduler.domain.jobs import JobId
from services.scheduler.store.audit import AuditFilter
from services.scheduler.store.sql.durations import query
from services.scheduler.store.sql.guards import NoGuards
from services.scheduler.store.sql.history import GAUGES
from services.scheduler.store.sql.jobs import POLICIES
from services.scheduler.store.sql.sealing import COUNTS, PAGES
from services.scheduler.store.sql.sqlite import SqliteDatabase
from services.scheduler.store.sql.store import SqlStore
from shared.clock import SystemClock
from tests.parts.stored import NOW, put_job, run_once

TABLES = ("collections", "jobs", "definitions", "occurrences", "history", "events", "runs", "audit")
PARTIAL = ("occurrences_ready", "occurrences_held", "occurrences_owned", "events_active", "collections_policies")
"""Indexes of the few rows that are meant: these may be looked through."""
VERBS: dict[str, Callable[[SqlStore], Awaitable[object]]] = {
    "trim_history": lambda store: store.trim_history([JobId(1)], keep=1),
    "prune": lambda store: store.prune(older_than=NOW, limit=10),
    "prune_jobs": lambda store: store.prune_jobs(ended_before=NOW, limit=10),
    "prune_events": lambda store: store.prune_events(ended_before=NOW, limit=10),
    "prune_runs": lambda store: store.prune_runs(asked_before=NOW, limit=10),
    "prune_audit": lambda store: store.prune_audit(older_than=NOW, limit=10),
    "audit of a job": lambda store: store.list_audit(AuditFilter(collection="nightly", job="gone"), top=10, skip=0),
    "audit of a time": lambda store: store.list_audit(AuditFilter(since=NOW, until=NOW), top=10, skip=0),
    "sweep": lambda store: store.sweep(limit=10),
    "list_events": lambda store: store.list_events(active=True, limit=10),
}


class Watched:
    """A store on a file, and the statements it sends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: list[str] = []
        database = SqliteDatabase(path, SystemClock())
        for engine in (database._writer, database._reader):
            event.listen(engine.sync_engine, "before_cursor_execute", lambda *call: self._seen.append(call[2]))
        self.store = SqlStore(database, NoGuards(), lambda: "session")

    async def scans(self, work: Awaitable[object]) -> list[str]:
        """Do some work; return the steps that look through one of the tables."""
        self._seen.clear()
        await work
        assert self._seen
        return [scan for statement in self._seen for scan in self.scans_of(statement)]

    def scans_of(self, statement: str) -> list[str]:
        """Return the steps of a statement's plan that look through one of the tables."""
        scans = [step for step in self.steps_of(statement) if step.startswith(tuple(f"SCAN {one}" for one in TABLES))]
        return [scan for scan in scans if not scan.endswith(PARTIAL)]

    def steps_of(self, statement: str) -> list[str]:
        """Return the steps of a statement's plan."""
        with closing(sqlite3.connect(self._path)) as connection:
            places = [None] * max(statement.count("?"), 1) if "?" in statement else []
            return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", places)]


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    """A store with a job that has a history, deleted, and one that is there."""
    watched = Watched(tmp_path / "leeward.db")
    async with watched.store as store:
        gone = await put_job(store, "gone")
        await run_once(store, rows=3)
        await store.delete_job(gone.collection_id, gone.name)
        await put_job(store, "there")
        yield watched


@pytest.mark.parametrize("verb", VERBS)
async def test_upkeep_looks_through_no_table(watched: Watched, verb: str) -> None:
    assert await watched.scans(VERBS[verb](watched.store)) == []


@pytest.mark.parametrize("statement", [*PAGES, *COUNTS])
def test_keys_are_looked_up_in_their_index(watched: Watched, statement: str) -> None:
    steps = watched.steps_of(re.sub(r"\$\d", "?", statement))
    assert [step for step in steps if step.startswith("SEARCH jobs USING COVERING INDEX jobs_sealed (")]
    assert not [step for step in steps if "TEMP B-TREE" in step or "SCAN jobs" in step]


def test_policies_are_read_of_those_collections_that_have_one(watched: Watched) -> None:
    assert watched.scans_of(POLICIES.replace("$1", "?")) == []


def test_the_durations_of_jobs_are_looked_up_by_job(watched: Watched) -> None:
    steps = watched.steps_of(query(SqliteDatabase.words).replace("$1", "?"))
    assert sum(step.startswith("SEARCH history USING INDEX history_of_job (job_id=?") for step in steps) == 1
    assert watched.scans_of(query(SqliteDatabase.words).replace("$1", "?")) == []


def test_gauges_look_through_no_table(watched: Watched) -> None:
    assert watched.scans_of(GAUGES.replace("$1", "?")) == []
