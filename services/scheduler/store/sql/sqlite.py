"""SQLite: one writer, a few readers, one process."""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import aiosqlite
from sqlalchemy import Column, ColumnElement, Executable, Table, event, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from services.scheduler.errors import ConflictError, StoreUnavailableError
from services.scheduler.store.sql.database import Database, Transaction, Values, Words
from services.scheduler.store.sql.driver import Driver
from services.scheduler.store.sql.migrate import migrate
from services.scheduler.store.sql.sqlite_driver import SqliteDriver
from shared.clock import Clock, SystemClock

_READERS = 2
_WRITER_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000", "foreign_keys = ON")
"""FULL: what was answered survives a power failure; a commit then costs 0.2-0.4 ms (measured), and they are few."""
_READER_PRAGMAS = ("busy_timeout = 5000", "query_only = ON")


class SqliteWords(Words):
    """SQLite's spelling."""

    identity = "INTEGER PRIMARY KEY AUTOINCREMENT"
    key = "TEXT"
    postgresql = "--"
    sqlite = ""
    locked = ""
    unlocked = ""
    kept = ""
    shared = ""
    exclusive = ""
    described = (
        "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c "
        "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid"
    )
    indexes = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    kind = "SQLite"
    table_size = ""
    analyze = ""

    def among(self, column: Column[Any], values: Sequence[object]) -> ColumnElement[bool]:
        """Unfold a JSON list: the statement's text stays the same for any number of values, so it is prepared once."""
        unfolded = func.json_each(json.dumps(values)).table_valued("value")
        return column.in_(select(unfolded.c.value))

    def among_values(self, name: str, place: str) -> str:
        """Unfold a JSON list."""
        return f"{name} IN (SELECT value FROM json_each({place}))"

    def among_found(self, name: str, query: str) -> str:
        """SQLite makes a list of it by itself."""
        return f"{name} IN ({query})"

    def numbers(self, place: str) -> str:
        """Unfold a JSON object."""
        return f"SELECT CAST(key AS INTEGER) AS id, value AS number FROM json_each({place})"

    def listed(self, name: str) -> str:
        """Make a JSON list."""
        return f"json_group_array({name})"

    def last_number(self, table: str, key: str) -> str:
        """Ask the table of AUTOINCREMENT."""
        return f"SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{table}'"

    def go_on_above(self, table: str, key: str, number: int) -> Sequence[str]:
        """Write to the table of AUTOINCREMENT, which has a row of a table once that has had one."""
        new = f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {number})"
        return (f"DELETE FROM sqlite_sequence WHERE name = '{table}'", new)

    def upsert(self, table: Table, values: Values) -> Executable:
        """INSERT … ON CONFLICT DO UPDATE."""
        change = insert(table).values(**values)
        return change.on_conflict_do_update(index_elements=list(table.primary_key), set_=dict(values))

    def insert_missing(self, table: Table, values: Values) -> Executable:
        """INSERT … ON CONFLICT DO NOTHING."""
        return insert(table).values(**values).on_conflict_do_nothing()


class FileLock:
    """Keeps a second process off a file for as long as this one lives; the kernel lets go when it dies."""

    def __init__(self, path: Path) -> None:
        """Name the lock file; nothing happens before `take`."""
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raise ConflictError when another holder has it, StoreUnavailableError when the file cannot be made."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailableError(f"the database's folder cannot be written: {error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise ConflictError(
                f"another scheduler has {self._path.with_suffix('')} open (it holds {self._path.name}); stop it, "
                "or use PostgreSQL for several replicas"
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; the file stays, since removing it would let two processes lock two files of one name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class SqliteDatabase(Database):
    """One database file, in WAL mode: readers see the last commit and never wait for the writer."""

    words = SqliteWords()
    one_process = True
    process = ""
    steady = True
    """A connection closed in mid-statement lives on, with its write lock, until the garbage collector comes by
    (measured: the next writer waited 5 s)."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Prepare the engines; the file is touched by `open`."""
        self._clock = clock
        self._path = path
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._writing = asyncio.Lock()
        self._writer = _engine(path, 1, _WRITER_PRAGMAS)
        self._reader = _engine(path, _READERS, _READER_PRAGMAS)

    async def open(self) -> None:
        """Take the file for this process and migrate it."""
        self._lock.take()
        _make(self._path)
        try:
            async with self.write() as tx:
                await migrate(tx, self.words, self._clock)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close every connection, then let go of the file."""
        await self._reader.dispose()
        await self._writer.dispose()
        self._lock.release()

    async def time(self) -> datetime:
        """Return the machine's time: nobody else uses the file."""
        return SystemClock().precise()

    async def evict(self, tx: Transaction, processes: Sequence[str]) -> None:
        """Nothing: no other process has the file."""

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Give a snapshot of the last commit."""
        async with self._begin(self._reader) as tx:
            yield tx

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[Transaction]:
        """Give one statement's look at the last commit."""
        async with self._begin(self._reader, None) as tx:
            yield tx

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Give the only write transaction; others wait their turn here rather than in SQLite's busy loop."""
        async with self._writing, self._begin(self._writer, "BEGIN IMMEDIATE") as tx:
            yield tx

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transaction]:
        """Give the last commit, beside the process that has the file, whose log grows meanwhile."""
        if not self._path.is_file():
            raise ConflictError(f"there is no database {self._path}: name the one that the scheduler uses")
        try:
            async with self.read() as tx:
                yield tx
        finally:
            await self.close()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Transaction]:
        """Take the file for this process, made if it is not there."""
        self._lock.take()
        is_new = not self._path.exists()
        try:
            _make(self._path)
            async with self.write() as tx:
                yield tx
            is_new = False
        finally:
            await self._reader.dispose()
            await self._writer.dispose()
            if is_new:
                _remove(self._path)
            self._lock.release()

    def _driver(self, connection: object) -> Driver:
        """Wrap a connection of aiosqlite."""
        return SqliteDriver(cast("aiosqlite.Connection", connection))

    @asynccontextmanager
    async def urgent(self) -> AsyncIterator[Transaction]:
        """Give the only write transaction: nobody could use the time that waiting for it takes from the lease."""
        async with self.write() as tx:
            yield tx


def _make(path: Path) -> None:
    """Make a file that is not there yet for its owner's eyes only: histories hold what targets answered."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailableError(f"the database cannot be opened: {error}") from error


def _remove(path: Path) -> None:
    """Remove a file that came to nothing, and what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _engine(path: Path, connections: int, pragmas: Sequence[str]) -> AsyncEngine:
    """Return an engine that leaves transactions to us: the driver's own late BEGIN cannot promise a lock."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        pool_size=connections,
        max_overflow=0,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine.sync_engine, "connect", prepare)
    return engine
