"""Rows of tables as plain values, checked: what a dump may hold, and nothing that a store could not read."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Integer, Table

from services.scheduler.store.dumps import Row, Shape
from services.scheduler.store.sql.tables import Choice, Document, Instant, metadata, schema_version

_LONG = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_SHORT = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
TABLES = {name: table for name, table in metadata.tables.items() if table is not schema_version}
"""All tables with rows of their own, by name."""


class Reader:
    """Reads rows of one shape from lines of JSON."""

    def __init__(self, shape: Shape) -> None:
        """Raise ValueError for a table or column that this program does not know."""
        columns = _columns(shape)
        kinds: Any = tuple(_kind(column) for column in columns)
        self._decoder: msgspec.json.Decoder[Row] = msgspec.json.Decoder(tuple[kinds])
        self._documents = [(place, *check) for place, column in enumerate(columns) if (check := _check(column))]

    def rows(self, lines: bytes) -> Sequence[Row]:
        """Return the rows of whole lines. Raises ValueError that names the first line that is none, from 1."""
        try:
            rows = self._decoder.decode_lines(lines)
        except (msgspec.DecodeError, UnicodeDecodeError):
            rows = list(self._one_by_one(lines))
        for number, row in enumerate(rows, 1):
            self._check_documents(number, row)
        return rows

    def _one_by_one(self, lines: bytes) -> Iterator[Row]:
        for number, line in enumerate(lines.splitlines(), 1):
            try:
                yield self._decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as fault:
                raise ValueError(f"line {number}: {fault}") from None

    def _check_documents(self, number: int, row: Row) -> None:
        for place, name, decode in self._documents:
            try:
                if row[place] is not None:
                    decode(row[place])
            except (msgspec.DecodeError, ValueError):  # what it says may quote the document
                raise ValueError(f"line {number}: {name} is no document that this version can read") from None


def _columns(shape: Shape) -> list[Column[Any]]:
    table = TABLES.get(shape.table)
    if table is None:
        raise ValueError(f"table {shape.table!r} is not known")
    unknown = [name for name in shape.columns if name not in table.c]
    if unknown or len(set(shape.columns)) != len(shape.columns):
        raise ValueError(f"table {shape.table}: columns {', '.join(unknown) or 'twice the same'} cannot be read")
    return [table.c[name] for name in shape.columns]


def _kind(column: Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, Choice):
        plain: Any = Literal[tuple(str(member) for member in kind.kind)]
    elif isinstance(kind, Boolean):
        plain = bool
    elif isinstance(kind, BigInteger | Instant):
        plain = _LONG
    else:
        plain = _SHORT if isinstance(kind, Integer) else str
    return plain | None


def _check(column: Column[Any]) -> tuple[str, Callable[[str], object]] | None:
    kind = column.type
    return (column.name, kind.decode) if isinstance(kind, Document) else None


def plain(shape: Shape, rows: Sequence[Row]) -> Iterator[Row]:
    """Yield rows of a database as plain values: SQLite's truth values are numbers."""
    table: Table = TABLES[shape.table]
    places = [place for place, name in enumerate(shape.columns) if isinstance(table.c[name].type, Boolean)]
    for row in rows:
        values = list(row)
        for place in places:
            values[place] = None if values[place] is None else bool(values[place])
        yield values
