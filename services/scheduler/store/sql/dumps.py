"""A database read whole at one instant, whatever its schema level, while schedulers go on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from services.scheduler.errors import ConflictError
from services.scheduler.store.dumps import Engine, Refill, Row, Shape, Size, Snapshot
from services.scheduler.store.sql.database import Database, Transaction
from services.scheduler.store.sql.inspection import count_of, level_of, numbers_of, shapes_of
from services.scheduler.store.sql.migrate import migrations
from services.scheduler.store.sql.plain_rows import TABLES, plain
from services.scheduler.store.sql.refilling import refilled
from shared.clock import Clock

_PAGE = 500
"""Rows at a time: more at once is no faster (measured), and some rows have a hundred kilobytes."""


class SqlDumps:
    """The port over one database."""

    def __init__(self, database: Database, engine: Engine, clock: Clock) -> None:
        """Name the database; nothing is opened before a verb's context is entered."""
        self._db = database
        self._engine = engine
        self._clock = clock

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """See the port."""
        async with self._db.snapshot() as tx:
            level = await level_of(tx)
            if level is None:
                raise ConflictError("this is no database of Leeward's: it says no schema level")
            if level > max(migrations()):
                raise ConflictError(
                    f"the database has schema level {level}, this program knows {max(migrations())}: "
                    "back it up with the program that its schedulers run"
                )
            shapes = await shapes_of(tx)
            numbers = await numbers_of(tx, shapes)
            yield _SqlSnapshot(tx, self._engine, level, self._clock.now(), shapes, numbers)

    @asynccontextmanager
    async def refill(
        self, level: int, shapes: Sequence[Shape], numbers: Mapping[str, int], *, replace: bool
    ) -> AsyncIterator[Refill]:
        """See the port."""
        async with (
            self._db.alone() as tx,
            refilled(tx, self._clock, level, shapes, numbers, replace=replace) as filling,
        ):
            yield filling


class _SqlSnapshot:
    """The port over one transaction."""

    def __init__(
        self,
        tx: Transaction,
        engine: Engine,
        level: int,
        taken_at: datetime,
        shapes: tuple[Shape, ...],
        numbers: Mapping[str, int],
    ) -> None:
        self._tx = tx
        self.engine = engine
        self.level = level
        self.taken_at = taken_at
        self.shapes = shapes
        self.numbers = numbers

    async def pages(self, shape: Shape) -> AsyncIterator[Sequence[Row]]:
        """See the port."""
        keys = [column.name for column in TABLES[shape.table].primary_key]
        places = [shape.columns.index(key) for key in keys]
        listed, ordered = ", ".join(shape.columns), ", ".join(keys)
        after = ", ".join(f"${place}" for place in range(2, len(keys) + 2))
        end = f"ORDER BY {ordered} LIMIT $1"
        rows = await self._tx.fetch(f"SELECT {listed} FROM {shape.table} {end}", _PAGE)
        while rows:
            yield list(plain(shape, rows))
            last = [rows[-1][place] for place in places]
            query = f"SELECT {listed} FROM {shape.table} WHERE ({ordered}) > ({after}) {end}"
            rows = await self._tx.fetch(query, _PAGE, *last) if len(rows) == _PAGE else ()

    async def sizes(self) -> Mapping[str, Size]:
        """See the port."""
        found: dict[str, Size] = {}
        for shape in self.shapes:
            told = self._tx.words.table_size
            size = (await self._tx.fetch(told, shape.table))[0][0] if told else None
            found[shape.table] = Size(await count_of(self._tx, shape.table), size)
        return found

    async def sealed_under(self) -> frozenset[str]:
        """See the port."""
        if all("sealed_under" not in shape.columns for shape in self.shapes):
            return frozenset()
        rows = await self._tx.fetch("SELECT DISTINCT sealed_under FROM jobs WHERE sealed_under IS NOT NULL")
        return frozenset(key for (keys,) in rows for key in keys.split())
