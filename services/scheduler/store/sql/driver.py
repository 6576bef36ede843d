"""A driver's own connection, past SQLAlchemy: for statements on the hot path, whose text never changes.

Measured on the 10,000 rows of a claim: SQLAlchemy's rows and types cost twice what the drivers and the databases do.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Table

from services.scheduler.errors import ConflictError

Raw = Sequence[Any]
"""A row as the driver gives it: times are milliseconds, choices and documents are text."""


class Change(msgspec.Struct, frozen=True):
    """How many rows of a table are updated, each by its key, the first of `columns`.

    Each of the others takes the term of its place, in which `{new}` stands for the row's value; its own value is
    written with the table's name before the column's. Without terms it takes the value as it is.
    """

    table: Table
    columns: tuple[str, ...]
    terms: tuple[str, ...] = ()

    def assignments(self, new: Sequence[str]) -> str:
        """Return what follows SET; `new` is how the value of each column after the key is written."""
        terms = self.terms or ("{new}",) * (len(self.columns) - 1)
        pairs = zip(self.columns[1:], terms, new, strict=True)
        return ", ".join(f"{column} = {term.replace('{new}', value)}" for column, term, value in pairs)


class RacedError(ConflictError):
    """Somebody wrote the same unique key first; the same transaction tried again will find it."""


class Driver(ABC):
    """One connection; values are plain, in the order of the columns, their places in a statement `$1`, `$2` and so on.

    All verbs raise the port's errors.
    """

    @abstractmethod
    def is_closed(self) -> bool:
        """Whether the connection is known to be of no use any more."""

    @abstractmethod
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""

    @abstractmethod
    async def run(self, statement: str) -> None:
        """Execute a statement that has no values and no answer."""

    @abstractmethod
    async def fetch(self, statement: str, *values: object) -> Sequence[Raw]:
        """Execute a statement and return all rows; a value that is a list goes with `Words.among_values`."""

    @abstractmethod
    async def insert(self, table: Table, names: Sequence[str], rows: Sequence[Raw]) -> None:
        """Insert rows, however many, by statements whose text depends on the names alone."""

    @abstractmethod
    async def update(self, change: Change, rows: Sequence[Raw]) -> None:
        """Update rows of different keys, each with its values in the order of the change's columns."""
