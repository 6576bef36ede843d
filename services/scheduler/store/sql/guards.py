"""What shows others that a life goes on, beyond its lease; a database of one process needs nothing of the kind."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.listener import Listener
from services.scheduler.store.records import Guard, SessionId
from services.scheduler.store.sql.database import Transaction


class Guards(ABC):
    """Session locks of this process's lives, and the line on which replicas tell each other what they changed."""

    standing: str
    """SQL: how a row of `replicas` is guarded, as a Guard's value."""

    @abstractmethod
    async def take(self, session: SessionId) -> bool:
        """Guard a life for as long as this process lives; False when that cannot be had now: it is tried again."""

    @abstractmethod
    def holds(self, session: SessionId) -> bool:
        """Whether a life is guarded now."""

    @abstractmethod
    async def drop(self, session: SessionId) -> None:
        """Let go of a life that is over."""

    @abstractmethod
    async def is_free(self, tx: Transaction, session: SessionId) -> bool:
        """Whether nobody guards a life; nobody will before the transaction ends."""

    @abstractmethod
    def listen(self, listener: Listener) -> None:
        """Tell `listener` what others announce, and when it may have been missed."""

    @abstractmethod
    async def announce_jobs(self, tx: Transaction, job_ids: Sequence[JobId], collection_id: CollectionId) -> None:
        """Tell the others, once the transaction is committed, that jobs of a collection were replaced or deleted."""

    @abstractmethod
    async def announce_collection(self, tx: Transaction, collection_id: CollectionId) -> None:
        """Tell the others that a collection was moved or deleted."""


class NoGuards(Guards):
    """For a database that one process has to itself."""

    standing = f"'{Guard.ABSENT}'"

    async def take(self, session: SessionId) -> bool:
        """Never."""
        return False

    def holds(self, session: SessionId) -> bool:
        """Never."""
        return False

    async def drop(self, session: SessionId) -> None:
        """Nothing was taken."""

    async def is_free(self, tx: Transaction, session: SessionId) -> bool:
        """Always."""
        return True

    def listen(self, listener: Listener) -> None:
        """Nobody else announces anything."""

    async def announce_jobs(self, tx: Transaction, job_ids: Sequence[JobId], collection_id: CollectionId) -> None:
        """Nobody else listens."""

    async def announce_collection(self, tx: Transaction, collection_id: CollectionId) -> None:
        """Nobody else listens."""
