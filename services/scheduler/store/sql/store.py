"""The store in SQL: verbs by subject, over one database."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from services.scheduler.store.listener import Listener
from services.scheduler.store.sql.audit import AuditLog, AuditVerbs
from services.scheduler.store.sql.database import Database
from services.scheduler.store.sql.dispatch import ClaimVerbs
from services.scheduler.store.sql.durations import DurationVerbs
from services.scheduler.store.sql.fleet import FleetVerbs
from services.scheduler.store.sql.groups import GroupVerbs
from services.scheduler.store.sql.guards import Guards
from services.scheduler.store.sql.history import HistoryVerbs
from services.scheduler.store.sql.jobs import JobVerbs
from services.scheduler.store.sql.known import KnownJobs
from services.scheduler.store.sql.lives import LifeVerbs
from services.scheduler.store.sql.rehearsals import RehearsalVerbs
from services.scheduler.store.sql.retention import RetentionVerbs
from services.scheduler.store.sql.sealing import SealingVerbs
from services.scheduler.store.sql.search import SearchVerbs
from services.scheduler.store.sql.settling import SettleVerbs
from services.scheduler.store.sql.whereabouts import WhereaboutsVerbs


class SqlStore(
    JobVerbs,
    GroupVerbs,
    HistoryVerbs,
    DurationVerbs,
    SearchVerbs,
    WhereaboutsVerbs,
    AuditVerbs,
    SealingVerbs,
    RetentionVerbs,
    LifeVerbs,
    ClaimVerbs,
    SettleVerbs,
    FleetVerbs,
    RehearsalVerbs,
):
    """The port over SQLite or PostgreSQL."""

    def __init__(self, database: Database, guards: Guards, new_id: Callable[[], str]) -> None:
        """Keep the database and what guards the lives on it; `new_id` names sessions."""
        self._db = database
        self._guards = guards
        self._new_id = new_id
        self._known = KnownJobs()
        self._audit = AuditLog(database)

    @property
    def is_shared(self) -> bool:
        """See the port."""
        return not self._db.one_process

    async def __aenter__(self) -> Self:
        """Connect and migrate."""
        await self._db.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._db.close()

    async def time(self) -> datetime:
        """See the port."""
        return await self._db.time()

    def listen(self, listener: Listener) -> None:
        """See the port."""
        self._guards.listen(listener)
