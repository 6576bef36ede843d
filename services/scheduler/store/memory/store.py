"""The memory store: verbs by subject, over one state."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from services.scheduler.store.listener import Listener
from services.scheduler.store.memory.audit import AuditVerbs
from services.scheduler.store.memory.dispatch import ClaimVerbs, SettleVerbs
from services.scheduler.store.memory.durations import DurationVerbs
from services.scheduler.store.memory.fleet import FleetVerbs
from services.scheduler.store.memory.groups import GroupVerbs
from services.scheduler.store.memory.history import HistoryVerbs
from services.scheduler.store.memory.jobs import JobVerbs
from services.scheduler.store.memory.lives import LifeVerbs
from services.scheduler.store.memory.rehearsals import RehearsalVerbs
from services.scheduler.store.memory.retention import RetentionVerbs
from services.scheduler.store.memory.sealing import SealingVerbs
from services.scheduler.store.memory.search import SearchVerbs
from services.scheduler.store.memory.state import State
from services.scheduler.store.memory.whereabouts import WhereaboutsVerbs
from shared.clock import SystemClock


class MemoryStore(
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
    """The port over plain dictionaries. Several owners may register on one instance, as replicas on PostgreSQL do."""

    is_shared = False

    def __init__(self, new_id: Callable[[], str]) -> None:
        """Start empty; `new_id` names sessions."""
        self._state = State()
        self._new_id = new_id

    async def __aenter__(self) -> Self:
        """Open nothing."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what is known: an instance entered again continues where it was."""

    async def time(self) -> datetime:
        """See the port."""
        return SystemClock().precise()

    def listen(self, listener: Listener) -> None:
        """Tell nobody: whoever shares an instance is in this process."""
