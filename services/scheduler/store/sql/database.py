"""A database as the verbs see it: transactions to read and to write. Driver errors are translated here alone."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import Column, ColumnElement, CursorResult, Executable, Row, Table, TypeDecorator
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scheduler.errors import ConflictError, StoreUnavailableError
from services.scheduler.store.sql.steady import carry_out, to_the_end

Values = Mapping[str, object]
Parameters = list[tuple[object, ...]] | tuple[object, ...]


class RacedError(ConflictError):
    """Somebody wrote the same unique key first; the same transaction tried again will find it."""


class Words(ABC):
    """What the two databases spell differently."""

    identity: str
    key: str

    @abstractmethod
    def among(self, column: Column[Any], values: Sequence[object]) -> ColumnElement[bool]:
        """Return `column` is one of `values`, sent as one parameter however many there are."""

    @abstractmethod
    def insert_text(self, table: Table, names: Sequence[str]) -> str:
        """Return the insert of many rows of those columns, for `batch`."""

    @abstractmethod
    def update_text(self, table: Table, names: Sequence[str]) -> str:
        """Return the update of many rows by primary key, which is among the names, for `batch`."""

    @abstractmethod
    def batch(self, names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> Parameters:
        """Return rows of plain values as the driver takes them."""

    @abstractmethod
    def upsert(self, table: Table, values: Values) -> Executable:
        """Return an insert that overwrites the row with the same primary key."""

    @abstractmethod
    def insert_missing(self, table: Table, values: Values) -> Executable:
        """Return an insert that does nothing when the primary key is taken."""


class Transaction:
    """One open transaction; it ends with the context that gave it."""

    def __init__(self, connection: AsyncConnection, words: Words, *, steady: bool) -> None:
        """Wrap a connection that has begun; `steady` as in Database."""
        self._connection = connection
        self._words = words
        self._steady = steady

    async def rows(self, query: Executable) -> Sequence[Row[Any]]:
        """Return all rows."""
        return (await self._execute(query)).all()

    async def first(self, query: Executable) -> Row[Any] | None:
        """Return the first row, None when there is none."""
        return (await self._execute(query)).first()

    async def scalar(self, query: Executable) -> Any:
        """Return the first column of the first row, None when there is none."""
        return (await self._execute(query)).scalar()

    async def run(self, change: Executable) -> int:
        """Execute a change and return how many rows it met."""
        return (await self._execute(change)).rowcount

    async def insert_many(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert rows that all name the same columns, in one message."""
        await self._run_batch(self._words.insert_text, table, rows)

    async def update_many(self, table: Table, rows: Sequence[Values]) -> None:
        """Update rows by primary key; all name the same columns, the key among them. One message."""
        await self._run_batch(self._words.update_text, table, rows)

    async def run_text(self, statement: str) -> None:
        """Execute one statement as it stands, for migrations and pragmas."""
        await carry_out(self._connection.exec_driver_sql(statement), steady=self._steady)

    async def upsert(self, table: Table, **values: object) -> None:
        """Insert a row or overwrite the one with the same primary key."""
        await self._execute(self._words.upsert(table, values))

    async def insert_missing(self, table: Table, **values: object) -> None:
        """Insert a row unless one with the same primary key exists."""
        await self._execute(self._words.insert_missing(table, values))

    def among(self, column: Column[Any], values: Sequence[object]) -> ColumnElement[bool]:
        """Return the condition that `column` is one of `values`."""
        return self._words.among(column, values)

    async def _run_batch(
        self, text: Callable[[Table, Sequence[str]], str], table: Table, rows: Sequence[Values]
    ) -> None:
        # Past SQLAlchemy's compiler: its work per row costs several times what the databases take for one.
        if not rows:
            return
        names = list(rows[0])
        columns = [self._stored(table.c[name], [row[name] for row in rows]) for name in names]
        batch = self._words.batch(names, list(zip(*columns, strict=True)))
        await carry_out(self._connection.exec_driver_sql(text(table, names), batch), steady=self._steady)

    async def _execute(self, statement: Executable) -> CursorResult[Any]:
        return await carry_out(self._connection.execute(statement), steady=self._steady)

    def _stored(self, column: Column[Any], values: list[object]) -> list[object]:
        kind, dialect = column.type, self._connection.dialect
        if isinstance(kind, TypeDecorator):
            return [kind.process_bind_param(value, dialect) for value in values]
        return values


class Database(ABC):
    """Connections to one database."""

    words: Words
    one_process: bool
    """Whether nobody else can be alive on it, so that every earlier life is over."""
    process: str
    """What this process's connections are known by; empty where nobody else can have any."""
    steady: bool
    """Whether a statement must end before a cancellation is heard."""

    @abstractmethod
    async def open(self) -> None:
        """Connect and migrate. Raises StoreUnavailableError or ConflictError."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""

    @abstractmethod
    async def evict(self, processes: Sequence[str]) -> None:
        """End the connections of other processes, and with them their transactions and locks."""

    @abstractmethod
    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """Give a transaction that only reads."""

    @abstractmethod
    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """Give a transaction that is committed at the end, or rolled back when the body raises."""

    @asynccontextmanager
    async def _begin(self, engine: AsyncEngine) -> AsyncIterator[Transaction]:
        with translated_errors():
            connection = engine.connect()
            try:
                await carry_out(_start(connection), steady=self.steady)
                yield Transaction(connection, self.words, steady=self.steady)
                await carry_out(connection.commit(), steady=self.steady)
            finally:
                if connection.sync_connection is not None:
                    await to_the_end(connection.close())  # rolls back what was not committed


async def _start(connection: AsyncConnection) -> None:
    await connection.start()
    await connection.begin()


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what drivers raise into the port's errors; our own mistakes (bad SQL, bad values) stay as they are."""
    try:
        yield
    except (ProgrammingError, DataError):
        raise
    except IntegrityError as error:
        raise RacedError(f"the same thing was written at the same moment: {error.orig}") from error
    except DBAPIError as error:
        raise StoreUnavailableError(f"the database failed: {error.orig}") from error
    except PoolTimeoutError as error:
        raise StoreUnavailableError("no database connection became free in time") from error
    except OSError as error:
        raise StoreUnavailableError(f"the database cannot be reached: {error}") from error
