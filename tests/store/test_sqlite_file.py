"""What is SQLite's alone: one process per file, takeover at start, migrations, and the plan of the hot query."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import aiosqlite
import pytest
from sqlalchemy import create_engine, inspect

from services.scheduler.errors import ConflictError, StoreUnavailableError
from services.scheduler.store.open import open_store
from services.scheduler.store.sql.driver import Driver, Raw
from services.scheduler.store.sql.guards import NoGuards
from services.scheduler.store.sql.migrate import migrations, statements
from services.scheduler.store.sql.sqlite import SqliteDatabase, SqliteWords
from services.scheduler.store.sql.sqlite_driver import SqliteDriver
from services.scheduler.store.sql.store import SqlStore
from services.scheduler.store.sql.tables import metadata
from shared.clock import SystemClock
from tests.parts.stored import (
    LEASE,
    MINUTE,
    NOW,
    SECOND,
    claim,
    draft,
    every_minute,
    finished,
    put_collection,
    put_job,
    register,
    stored,
)


async def test_a_second_scheduler_on_the_same_file_is_refused_by_name(sqlite_url: str) -> None:
    async with open_store(sqlite_url):
        with pytest.raises(ConflictError, match=r"another scheduler has .*leeward\.db open"):
            await open_store(sqlite_url).__aenter__()
    async with open_store(sqlite_url) as store:
        await store.gauges(NOW)


async def test_a_folder_that_does_not_exist_is_made(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/deep/down/leeward.db") as store:
        await store.gauges(NOW)
    assert (tmp_path / "deep" / "down" / "leeward.db").is_file()


def open_to_others(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o077 for file in folder.iterdir()}


async def test_nobody_else_on_the_machine_may_read_the_file(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/leeward.db") as store:
        await store.gauges(NOW)
        modes = open_to_others(tmp_path)
    assert {"leeward.db", "leeward.db-wal"} <= modes.keys()
    assert set(modes.values()) == {0}


async def test_a_folder_that_cannot_be_made_is_said_to_be_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="folder cannot be written"):
        await open_store(f"sqlite:///{tmp_path}/file/leeward.db").__aenter__()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "leeward.db").write_bytes(b"not a database, " * 1000)
    with pytest.raises(StoreUnavailableError, match="not a database"):
        await open_store(f"sqlite:///{tmp_path}/leeward.db").__aenter__()


async def test_everything_is_there_after_a_restart(sqlite_url: str) -> None:
    async with open_store(sqlite_url) as store:
        job = await put_job(store)
        owner = await register(store)
        [claimed] = await claim(store, owner)
        await store.settle(owner, [finished(claimed)])
        before = await stored(store, job)
    async with open_store(sqlite_url) as store:
        assert await stored(store, job) == before
        assert len(await store.list_history(job.id, top=10, skip=0)) == 1


async def test_claims_of_an_earlier_life_are_taken_over_at_registration(sqlite_url: str) -> None:
    async with open_store(sqlite_url) as store:
        collection = await put_collection(store)
        await store.put_jobs(collection.id, [draft("came"), draft("ahead", next_due=NOW + MINUTE)], NOW)
        dead = await register(store)
        await store.claim(dead, now=NOW, horizon=NOW + MINUTE, limit=10, plan=every_minute)
    async with open_store(sqlite_url) as store:
        owner = await store.register("scheduler-0", NOW + SECOND, LEASE)
        assert await store.live_sessions() == [owner.session]
        claims = await claim(store, owner, at=NOW + MINUTE)
        attempts = {(one.job.name, one.occurrence.due): one.occurrence.attempt for one in claims}
    assert attempts["came", NOW] == 2
    assert attempts["ahead", NOW + MINUTE] == 1


async def test_a_fence_is_never_given_twice(sqlite_url: str) -> None:
    fences = []
    for _ in range(3):
        async with open_store(sqlite_url) as store:
            owner = await register(store)
            await store.resign(owner)
            fences.append(owner.fence)
    assert fences == sorted(set(fences))


async def test_a_database_of_a_newer_program_is_left_alone(sqlite_url: str, tmp_path: Path) -> None:
    async with open_store(sqlite_url):
        pass
    with closing(sqlite3.connect(tmp_path / "leeward.db")) as connection, connection:
        connection.execute("INSERT INTO schema_version VALUES (9999, 0)")
    with pytest.raises(ConflictError, match="schema version 9999"):
        await open_store(sqlite_url).__aenter__()


async def test_the_migrations_make_the_tables_that_queries_know(sqlite_url: str, tmp_path: Path) -> None:
    async with open_store(sqlite_url):
        engine = create_engine(f"sqlite:///{tmp_path}/leeward.db")
        found = inspect(engine)
        columns = {name: [column["name"] for column in found.get_columns(name)] for name in found.get_table_names()}
        engine.dispose()
    assert columns == {name: list(table.c.keys()) for name, table in metadata.tables.items()}


def test_migrations_are_numbered_without_a_gap() -> None:
    assert list(migrations()) == list(range(1, len(migrations()) + 1))


class _Noting(SqliteDatabase):
    """Notes the statements of the hot path."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SystemClock())
        self.seen: list[str] = []

    def _driver(self, connection: object) -> Driver:
        return _NotingDriver(cast("aiosqlite.Connection", connection), self.seen)


class _NotingDriver(SqliteDriver):
    def __init__(self, connection: aiosqlite.Connection, seen: list[str]) -> None:
        super().__init__(connection)
        self._seen = seen

    async def fetch(self, statement: str, *values: object) -> Sequence[Raw]:
        self._seen.append(statement.replace("$", "?"))
        return await super().fetch(statement, *values)


async def test_claims_and_outcomes_use_the_indexes(tmp_path: Path) -> None:
    database = _Noting(tmp_path / "leeward.db")
    async with SqlStore(database, NoGuards(), lambda: "session") as store:
        await put_job(store)
        owner = await register(store)
        database.seen.clear()
        await store.settle(owner, [finished(one) for one in await claim(store, owner)])
        steps = [step for statement in database.seen for step in _plan(tmp_path / "leeward.db", statement)]
    assert "SEARCH occurrences USING INDEX occurrences_ready (fire_at<?)" in steps
    assert "SEARCH jobs USING INDEX jobs_claimable (next_due>? AND next_due<?)" in steps
    assert not [step for step in steps if step.startswith(("SCAN jobs", "SCAN occurrences", "SCAN definitions"))]


def _plan(path: Path, statement: str) -> list[str]:
    """Return the steps of SQLite's plan."""
    with closing(sqlite3.connect(path)) as connection:
        places = [None] * len(set(re.findall(r"\?\d", statement)))
        explained = connection.execute(f"EXPLAIN QUERY PLAN {statement}", places)
        return [row[3] for row in explained]


async def test_a_database_of_the_first_schema_is_brought_up_to_date_with_all_that_is_in_it(
    sqlite_url: str, tmp_path: Path
) -> None:
    first = statements(migrations()[1], SqliteWords())
    with closing(sqlite3.connect(tmp_path / "leeward.db")) as connection, connection:
        for statement in first:
            connection.execute(statement)
        connection.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)")
        connection.execute("INSERT INTO schema_version VALUES (1, 0)")
        connection.execute("INSERT INTO replicas (session, replica, lease_until) VALUES ('earlier', 'one', 0)")
    async with open_store(sqlite_url) as store:
        assert (await register(store)).fence > 1
        await put_job(store)
