"""SQLite: one writer, a few readers, one process."""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Executable, Table, event, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from services.scheduler.errors import ConflictError, StoreUnavailableError
from services.scheduler.store.sql.database import Database, Parameters, Transaction, Values, Words
from services.scheduler.store.sql.migrate import migrate
from shared.clock import Clock

_READERS = 2
_WRITER_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000", "foreign_keys = ON")
"""FULL: what was answered survives a power failure; a commit then costs 0.2-0.4 ms (measured), and they are few."""
_READER_PRAGMAS = ("busy_timeout = 5000", "query_only = ON")


class SqliteWords(Words):
    """SQLite's spelling."""

    identity = "INTEGER PRIMARY KEY AUTOINCREMENT"
    key = "TEXT"

    def among(self, column: Column[Any], values: Sequence[object]) -> ColumnElement[bool]:
        """Unfold a JSON list: the statement's text stays the same for any number of values, so it is prepared once."""
        unfolded = func.json_each(json.dumps(values)).table_valued("value")
        return column.in_(select(unfolded.c.value))

    def insert_text(self, table: Table, names: Sequence[str]) -> str:
        """One row's statement: the driver's loop over the rows costs 2-4 us each, half of unfolding JSON here."""
        return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608

    def update_text(self, table: Table, names: Sequence[str]) -> str:
        """One row's statement; the places are numbered, so that the key need not come last."""
        key = table.primary_key.columns[0].name
        places = {name: f"{name} = ?{place}" for place, name in enumerate(names, 1)}
        where = places.pop(key)
        return f"UPDATE {table.name} SET {', '.join(places.values())} WHERE {where}"  # noqa: S608

    def batch(self, names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> Parameters:
        """Rows as they are."""
        return list(rows)

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
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._writing = asyncio.Lock()
        self._writer = _engine(path, 1, _WRITER_PRAGMAS, "BEGIN IMMEDIATE")
        self._reader = _engine(path, _READERS, _READER_PRAGMAS, "BEGIN")

    async def open(self) -> None:
        """Take the file for this process and migrate it."""
        self._lock.take()
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

    async def evict(self, processes: Sequence[str]) -> None:
        """Nothing: no other process has the file."""

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Give a snapshot of the last commit."""
        async with self._begin(self._reader) as tx:
            yield tx

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Give the only write transaction; others wait their turn here rather than in SQLite's busy loop."""
        async with self._writing, self._begin(self._writer) as tx:
            yield tx


def _engine(path: Path, connections: int, pragmas: Sequence[str], begin: str) -> AsyncEngine:
    """Return an engine whose transactions start with `begin`: the driver's own late BEGIN cannot promise a lock."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        pool_size=connections,
        max_overflow=0,
        connect_args={"isolation_level": None},
    )

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
