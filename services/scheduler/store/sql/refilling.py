"""A database made anew from the rows of another, in one transaction."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import select

from services.scheduler.errors import ConflictError
from services.scheduler.store.dumps import FENCE_GAP, HISTORY, Refill, Row, Shape
from services.scheduler.store.sql.database import Transaction
from services.scheduler.store.sql.driver import RacedError
from services.scheduler.store.sql.inspection import (
    NUMBERED,
    count_of,
    indexes_of,
    level_of,
    numbers_of,
    shapes_of,
)
from services.scheduler.store.sql.lives import end_lives
from services.scheduler.store.sql.migrate import migrate, migrations
from services.scheduler.store.sql.plain_rows import TABLES
from services.scheduler.store.sql.tables import replicas, schema_version
from shared.clock import Clock

_OF_USE = ("collections", "jobs", "history", "audit", "events", "cordons")
"""The tables whose rows show that somebody's work is in a database."""


@asynccontextmanager
async def refilled(
    tx: Transaction,
    clock: Clock,
    level: int,
    shapes: Sequence[Shape],
    numbers: Mapping[str, int],
    *,
    replace: bool,
) -> AsyncIterator[Refill]:
    """Do what `Dumps.refill` promises, in a transaction that is alone on its database."""
    before = await _cleared(tx, replace=replace)
    await migrate(tx, tx.words, clock, upto=level)
    present = await shapes_of(tx)
    _check_shapes(level, shapes, present)
    filling = _Filling(tx)
    async with _without_indexes(tx, present):
        yield filling
    await filling.check_counts()
    await migrate(tx, tx.words, clock)
    fences = [row.fence for row in await tx.rows(select(replicas.c.fence))]
    await end_lives(tx, fences, clock.now())
    await _go_on(tx, before, numbers)
    if tx.words.analyze:
        await tx.run_text(tx.words.analyze)


@asynccontextmanager
async def _without_indexes(tx: Transaction, present: Sequence[Shape]) -> AsyncIterator[None]:
    """Make the indexes once the rows are there (measured on SQLite, a million of history: 9 s instead of 21)."""
    indexes = await indexes_of(tx, present)
    for name in indexes:
        await tx.run_text(f"DROP INDEX {name}")
    yield
    for made in indexes.values():
        await tx.run_text(made)


async def _go_on(tx: Transaction, *given: Mapping[str, int]) -> None:
    """Let numbers rise above all that were given, and fences above those that lives after the backup may have had."""
    present = await numbers_of(tx, await shapes_of(tx))
    for table, key in NUMBERED.items():
        gap = FENCE_GAP if table == replicas.name else 0
        highest = max(of.get(table, 0) for of in (present, *given)) + gap
        for statement in tx.words.go_on_above(table, key, highest) if highest else ():
            await tx.fetch(statement)


class _Filling:
    """Takes the rows, and knows how many of each table."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._counts: Counter[str] = Counter()

    async def insert(self, shape: Shape, rows: Sequence[Row]) -> None:
        """See the port."""
        try:
            await self._tx.insert(TABLES[shape.table], shape.columns, rows)
        except RacedError as error:
            raise ConflictError(
                f"table {shape.table}: rows contradict each other, or lack what every row has"
            ) from error
        self._counts[shape.table] += len(rows)

    async def check_counts(self) -> None:
        """Raise ConflictError unless each table has what was put into it."""
        for table, count in self._counts.items():
            found = await count_of(self._tx, table)
            if found != count:
                raise ConflictError(f"table {table} has {found} rows, {count} were written to it")


async def _cleared(tx: Transaction, *, replace: bool) -> Mapping[str, int]:
    """Drop what tables there are, and return the highest numbers they gave. Raises ConflictError if they must stay."""
    present = await shapes_of(tx)
    if not present:
        return {}
    level = await level_of(tx)
    if level is None or level > max(migrations()):
        raise ConflictError(
            "the database has tables of another program, or of a newer Leeward: restore into one of its own"
        )
    if not replace:
        await _check_empty(tx, present)
    numbers = await numbers_of(tx, present)
    for shape in reversed(present):
        await tx.run_text(f"DROP TABLE {shape.table}")
    await tx.run_text(f"DROP TABLE {schema_version.name}")
    return numbers


async def _check_empty(tx: Transaction, present: Sequence[Shape]) -> None:
    counts = {shape.table: await count_of(tx, shape.table) for shape in present if shape.table in _OF_USE}
    found = ", ".join(f"{table}: {count:,}" for table, count in counts.items() if count)
    if found:
        raise ConflictError(f"the database is not empty ({found} rows): restore into a new one, or add --replace")


def _check_shapes(level: int, given: Sequence[Shape], wanted: Sequence[Shape]) -> None:
    """Raise ConflictError unless the shapes are of the tables of this level, with all of their columns."""
    told = {shape.table: set(shape.columns) for shape in given}
    for shape in wanted:
        if told.pop(shape.table, None if shape.table not in HISTORY else set(shape.columns)) != set(shape.columns):
            raise ConflictError(f"table {shape.table} is not there, or not as in schema level {level}")
    if told:
        raise ConflictError(f"schema level {level} has no table {min(told)}")
