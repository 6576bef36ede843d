"""What a database has, before it is known whose it is: tables, schema level, the numbers it has given."""

from collections.abc import Mapping, Sequence

from services.scheduler.store.dumps import Shape
from services.scheduler.store.sql.database import Transaction
from services.scheduler.store.sql.plain_rows import TABLES
from services.scheduler.store.sql.tables import schema_version

NUMBERED = {"collections": "id", "jobs": "id", "history": "id", "replicas": "fence", "audit": "id"}
"""The tables whose numbers are never given twice, and the columns that have them."""


async def shapes_of(tx: Transaction) -> tuple[Shape, ...]:
    """Return Leeward's tables, or what is called so, those first that others refer to."""
    columns: dict[str, list[str]] = {}
    for table, column in await tx.fetch(tx.words.described):
        columns.setdefault(table, []).append(column)
    return tuple(Shape(name, tuple(columns[name])) for name in TABLES if name in columns)


async def level_of(tx: Transaction) -> int | None:
    """Return the schema level; None when none is told."""
    described = await tx.fetch(tx.words.described)
    if schema_version.name not in {table for table, _ in described}:
        return None
    [(level,)] = await tx.fetch(f"SELECT max(version) FROM {schema_version.name}")
    return None if level is None else int(level)


async def numbers_of(tx: Transaction, shapes: Sequence[Shape]) -> Mapping[str, int]:
    """Return the highest number that each of the tables ever gave."""
    found: dict[str, int] = {}
    for shape in shapes:
        if key := NUMBERED.get(shape.table):
            [(number,)] = await tx.fetch(tx.words.last_number(shape.table, key))
            found[shape.table] = int(number)
    return found


async def count_of(tx: Transaction, table: str) -> int:
    """Return how many rows a table has."""
    [(count,)] = await tx.fetch(f"SELECT count(*) FROM {table}")
    return int(count)


async def indexes_of(tx: Transaction, shapes: Sequence[Shape]) -> Mapping[str, str]:
    """Return the indexes of the tables, but for those of keys: the statement that makes each, by name."""
    tables = {shape.table for shape in shapes}
    return {name: made for table, name, made in await tx.fetch(tx.words.indexes) if table in tables}
