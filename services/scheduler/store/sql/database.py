"""A database as the verbs see it: transactions to read and to write. Driver errors are translated here alone."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, CursorResult, Executable, Row, Table, TypeDecorator, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scheduler.errors import StoreUnavailableError
from services.scheduler.store.sql.driver import Change, Driver, RacedError, Raw
from services.scheduler.store.sql.steady import carry_out, to_the_end

Values = Mapping[str, object]


class Words(ABC):
    """What the two databases spell differently."""

    identity: str
    key: str
    postgresql: str
    sqlite: str
    """What stands before a statement of PostgreSQL's alone: a comment's sign elsewhere."""
    locked: str
    unlocked: str
    kept: str
    shared: str
    exclusive: str
    """What ends a query whose rows are locked, are passed over when somebody has them, must not be deleted, or must
    not be changed; nothing where there is one writer."""
    described: str
    """A query of all tables and their columns, in order, whoever made them."""
    indexes: str
    """A query of the indexes that stand for themselves: their tables, their names, the statements that make them."""
    table_size: str
    """A query of the bytes that the table named at `$1` takes with its indexes; empty where that is not known."""
    size: str
    """A query of the bytes that the whole database takes."""
    kind: str
    """What the database is called."""
    analyze: str
    """What brings statistics up to date after very many rows came at once; empty where none are kept."""

    @abstractmethod
    def among(self, column: Column[Any], values: Sequence[object]) -> ColumnElement[bool]:
        """Return `column` is one of `values`, sent as one parameter however many there are."""

    @abstractmethod
    def among_values(self, name: str, place: str) -> str:
        """Return the text of `among` for `Transaction.fetch`; the list is its value at `place`."""

    @abstractmethod
    def among_found(self, name: str, query: str) -> str:
        """Return the text of `name` is one of what the query finds, which is asked once, before anything else."""

    @abstractmethod
    def numbers(self, place: str) -> str:
        """Return a query of the names and values, `id` and `number`, of the JSON object that is given at `place`."""

    @abstractmethod
    def listed(self, name: str) -> str:
        """Return an aggregate: all values of a column as the text of a JSON list, or nothing."""

    @abstractmethod
    def last_number(self, table: str, key: str) -> str:
        """Return a query of the highest number that `$identity` column `key` ever gave, also to a row that is gone."""

    @abstractmethod
    def go_on_above(self, table: str, key: str, number: int) -> Sequence[str]:
        """Return the statements after which the column gives numbers above a positive one."""

    @abstractmethod
    def upsert(self, table: Table, values: Values) -> Executable:
        """Return an insert that overwrites the row with the same primary key."""

    @abstractmethod
    def insert_missing(self, table: Table, values: Values) -> Executable:
        """Return an insert that does nothing when the primary key is taken."""


class Transaction:
    """One open transaction; it ends with the context that gave it."""

    def __init__(self, connection: AsyncConnection, driver: Driver, words: Words, *, steady: bool) -> None:
        """Wrap a connection that has begun, and the driver's below it; `steady` as in Database."""
        self.words = words
        self._connection = connection
        self._driver = driver
        self._steady = steady

    async def fetch(self, statement: str, *values: object) -> Sequence[Raw]:
        """Return all rows of a statement of the hot path, as the driver gives them."""
        return await carry_out(self._driver.fetch(statement, *values), steady=self._steady)

    async def insert(self, table: Table, names: Sequence[str], rows: Sequence[Raw]) -> None:
        """Insert rows of plain values."""
        await carry_out(self._driver.insert(table, names, rows), steady=self._steady)

    async def update(self, change: Change, rows: Sequence[Raw]) -> None:
        """Update rows by plain values."""
        await carry_out(self._driver.update(change, rows), steady=self._steady)

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
        """Insert rows that all name the same columns."""
        if rows:
            await self.insert(table, list(rows[0]), self._stored(table, rows))

    async def update_many(self, table: Table, rows: Sequence[Values]) -> None:
        """Update rows by primary key; all name the same columns, the key first."""
        if rows:
            await self.update(Change(table, tuple(rows[0])), self._stored(table, rows))

    async def run_text(self, statement: str) -> None:
        """Execute one statement as it stands, for migrations and pragmas."""
        await carry_out(self._driver.run(statement), steady=self._steady)

    async def upsert(self, table: Table, **values: object) -> None:
        """Insert a row or overwrite the one with the same primary key."""
        await self._execute(self.words.upsert(table, values))

    async def insert_missing(self, table: Table, **values: object) -> bool:
        """Insert a row unless one with the same primary key exists; False when one does."""
        return bool(await self.run(self.words.insert_missing(table, values)))

    async def exchange(self, table: Table, keys: Values, body: object) -> Any:
        """Write the `body` of the row with these keys and return the one it had, None when it is new.

        Inserted first: a row that is not there yet cannot be locked, so that of two at once both would be the first.
        """
        if await self.insert_missing(table, **keys, body=body):
            return None
        same = [table.c[name] == value for name, value in keys.items()]
        before = await self.scalar(select(table.c.body).where(*same).with_for_update())
        await self.upsert(table, **keys, body=body)
        return before

    def among(self, column: Column[Any], values: Sequence[object]) -> ColumnElement[bool]:
        """Return the condition that `column` is one of `values`."""
        return self.words.among(column, values)

    async def _execute(self, statement: Executable) -> CursorResult[Any]:
        return await carry_out(self._connection.execute(statement), steady=self._steady)

    def _stored(self, table: Table, rows: Sequence[Values]) -> list[Raw]:
        """Return the rows as plain values: a column at a time, past SQLAlchemy's compiler, whose work per row costs
        several times what the databases take for one.
        """
        columns = [self._plain(table.c[name], [row[name] for row in rows]) for name in rows[0]]
        return list(zip(*columns, strict=True))

    def _plain(self, column: Column[Any], values: list[object]) -> list[object]:
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
    async def time(self) -> datetime:
        """Return the present instant by the clock that all who use the database share."""

    @abstractmethod
    async def evict(self, tx: Transaction, processes: Sequence[str]) -> None:
        """End the connections of other processes, and with them their transactions and locks."""

    @abstractmethod
    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """Give a transaction that only reads."""

    @abstractmethod
    def glance(self) -> AbstractAsyncContextManager[Transaction]:
        """Give what a single statement reads by: without a begin and an end, a third of the way there and back."""

    @abstractmethod
    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """Give a transaction that is committed at the end, or rolled back when the body raises."""

    @abstractmethod
    def urgent(self) -> AbstractAsyncContextManager[Transaction]:
        """Give a transaction to write that waits for none of this process's others, and fails soon: for the lease."""

    @abstractmethod
    def snapshot(self) -> AbstractAsyncContextManager[Transaction]:
        """Give a transaction that sees one instant for as long as it takes, on a database that need not be open.

        Raises ConflictError when there is none.
        """

    @abstractmethod
    def alone(self) -> AbstractAsyncContextManager[Transaction]:
        """Give a transaction to write for as long as it takes, on a database that is not open; no scheduler begins
        before its end. Raises ConflictError while one is alive.
        """

    @abstractmethod
    def _driver(self, connection: object) -> Driver:
        """Wrap the driver's own connection."""

    @asynccontextmanager
    async def _begin(self, engine: AsyncEngine, begin: str | None = "BEGIN") -> AsyncIterator[Transaction]:
        with translated_errors():
            connection, driver = engine.connect(), None
            try:
                driver = await carry_out(self._begun(connection, begin), steady=self.steady)
                yield Transaction(connection, driver, self.words, steady=self.steady)
                if begin is not None:
                    await carry_out(driver.run("COMMIT"), steady=self.steady)
            finally:
                if connection.sync_connection is not None:
                    await to_the_end(self._ended(connection, driver))

    async def _begun(self, connection: AsyncConnection, begin: str | None) -> Driver:
        """Begin on a connection that lives: what the server closed while nobody used it is replaced."""
        await connection.start()
        driver = await self._driver_of(connection)
        while driver.is_closed():
            await connection.invalidate()
            driver = await self._driver_of(connection)
        if begin is not None:
            await driver.run(begin)
        return driver

    async def _ended(self, connection: AsyncConnection, driver: Driver | None) -> None:
        """Give the connection back to the pool, rolled back if it was not committed; one that cannot be is closed."""
        try:
            if not connection.invalidated:
                await self._rolled_back(connection, driver)
        finally:
            await connection.close()

    async def _rolled_back(self, connection: AsyncConnection, driver: Driver | None) -> None:
        try:
            if driver is None or driver.is_closed():  # None: a BEGIN that was cut off may yet take effect
                await connection.invalidate()
            elif driver.is_in_transaction():
                await driver.run("ROLLBACK")
        except StoreUnavailableError:
            await connection.invalidate()

    async def _driver_of(self, connection: AsyncConnection) -> Driver:
        return self._driver((await connection.get_raw_connection()).driver_connection)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what drivers raise into the port's errors; our own mistakes (bad SQL, bad values) stay as they are."""
    try:
        yield
    except (ProgrammingError, DataError):
        raise
    except IntegrityError as error:
        raise RacedError("somebody else wrote the same thing at the same moment; try again") from error
    except DBAPIError as error:
        raise StoreUnavailableError(f"the database failed: {error.orig}") from error
    except PoolTimeoutError as error:
        raise StoreUnavailableError("no database connection became free in time") from error
    except OSError as error:
        raise StoreUnavailableError(f"the database cannot be reached: {error}") from error
