"""The store in SQL: verbs by subject, over one database."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from sqlalchemy import literal, select

from services.scheduler.store.sql.database import Database
from services.scheduler.store.sql.dispatch import ClaimVerbs, SettleVerbs
from services.scheduler.store.sql.fleet import FleetVerbs
from services.scheduler.store.sql.groups import GroupVerbs
from services.scheduler.store.sql.history import HistoryVerbs
from services.scheduler.store.sql.jobs import JobVerbs


class SqlStore(JobVerbs, GroupVerbs, HistoryVerbs, ClaimVerbs, SettleVerbs, FleetVerbs):
    """The port over SQLite or PostgreSQL."""

    def __init__(self, database: Database, new_id: Callable[[], str]) -> None:
        """Keep the database; `new_id` names sessions."""
        self._db = database
        self._new_id = new_id

    async def __aenter__(self) -> Self:
        """Connect and migrate."""
        await self._db.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._db.close()

    async def ping(self) -> None:
        """See the port."""
        async with self._db.read() as tx:
            await tx.scalar(select(literal(1)))
