"""The port of backups: all that a database holds as plain rows, and a database made anew from such rows.

A row is a sequence of texts, whole numbers, truth values and None, in the order of its shape's columns: sealed secrets
stay sealed, documents are their JSON text, instants milliseconds since 1970. The databases agree on all of it, so that
what was read from one goes into the other.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

Row = Sequence[Any]


class Engine(StrEnum):
    """What keeps the rows."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Shape(msgspec.Struct, frozen=True):
    """A table and its columns, in order."""

    table: str
    columns: tuple[str, ...]


class Size(msgspec.Struct, frozen=True):
    """How many rows a table has, and how many bytes with its indexes; None where the database does not tell."""

    rows: int
    bytes: int | None


HISTORY = frozenset({"history", "deleted_jobs"})
"""The tables that a dump without history leaves out: the second names jobs whose history is still to be deleted."""
FENCE_GAP = 1_000_000
"""How far above every fence that was ever given a restored database goes on: lives after the backup had some, too."""


class Snapshot(Protocol):
    """A database at one instant. `numbers` are the highest ever given, by table, also to rows that are gone."""

    engine: Engine
    level: int
    taken_at: datetime
    shapes: tuple[Shape, ...]
    numbers: Mapping[str, int]

    def pages(self, shape: Shape) -> AsyncIterator[Sequence[Row]]:
        """Give all rows of a table by primary key, some at a time."""
        ...

    async def sizes(self) -> Mapping[str, Size]:
        """Return the size of each table. Every row is counted."""
        ...

    async def sealed_under(self) -> frozenset[str]:
        """Return the ids of the keys that secrets of jobs are sealed under."""
        ...


class Refill(Protocol):
    """A database that is being made anew; nothing of it stands before its context has ended well."""

    async def insert(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Add rows, each as `plain_rows.reader_of` the shape gives them."""
        ...


class Dumps(Protocol):
    """A database that is no store at the moment, or one of somebody else's: nothing is migrated by looking at it.

    All verbs raise StoreUnavailableError when it is away, and ConflictError when its state forbids them.
    """

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """Look at it while schedulers go on. Raises ConflictError when it is none of Leeward's, or a newer one's."""
        ...

    def refill(
        self, level: int, shapes: Sequence[Shape], numbers: Mapping[str, int], *, replace: bool
    ) -> AbstractAsyncContextManager[Refill]:
        """Make it anew at a schema level, for rows of these shapes, then bring it to the present level: all or nothing.

        The lives of the rows are over at the end, as after a crash: what they had claimed is READY, with a higher
        attempt where it may have been sent. Numbers go on above `numbers` and those of what was replaced.
        Raises ConflictError while a scheduler is alive on it, when it is not empty and not to be replaced, when its
        tables are not Leeward's, and when the shapes are not those of that level.
        """
        ...
