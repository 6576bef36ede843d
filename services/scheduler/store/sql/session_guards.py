"""PostgreSQL: lives guarded by session advisory locks, on a connection of their own that also hears the others."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime

import asyncpg
from sqlalchemy import func, select

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.listener import Listener
from services.scheduler.store.records import SessionId
from services.scheduler.store.sql.database import Transaction
from services.scheduler.store.sql.guards import Guards
from shared.logs import get_logger

log = get_logger(__name__)

PULSE_SECONDS = 1.0
"""How often the connection is tried: only an answer shows that a partition has not cut it off."""
ANSWER_SECONDS = 2.0
_NAMESPACE = 5_263_002
_CHANNEL = "leeward_changes"
_MOST_IDS = 200
"""Jobs named in one announcement (PostgreSQL takes 8,000 bytes); more are announced as their collection."""
_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
_STANDING = f"""
CASE WHEN NOT replicas.guarded THEN 'absent'
WHEN hashtextextended(replicas.session, {_NAMESPACE}) = ANY (ARRAY(
    SELECT l.classid::bigint << 32 | l.objid::bigint FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND d.datname = current_database()))
OR clock_timestamp() < pg_postmaster_start_time() + interval '10 seconds' THEN 'held' ELSE 'lost' END
"""
"""A server that has just started has seen nobody's lock yet: each replica gets its time to come back."""


class SessionGuards(Guards):
    """One connection outside the pool. While it stands, its locks do; when it breaks, the listener is told at once.

    `vanished` is called when the server did not answer in time: nothing else on its connections will be answered.
    """

    standing = _STANDING

    def __init__(
        self, connect: Callable[[], Awaitable[asyncpg.Connection]], process: str, vanished: Callable[[], None]
    ) -> None:
        self._connect = connect
        self._process = process
        self._vanished = vanished
        self._connection: asyncpg.Connection | None = None
        self._backend = 0
        self._sessions: set[SessionId] = set()
        self._held: set[SessionId] = set()
        self._listener: Listener | None = None
        self._using = asyncio.Lock()
        self._ended = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    def listen(self, listener: Listener) -> None:
        """See Guards."""
        self._listener = listener

    async def take(self, session: SessionId) -> bool:
        """See Guards."""
        self._sessions.add(session)
        await self._try()
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep(), name="guard")
        return self.holds(session)

    def holds(self, session: SessionId) -> bool:
        """See Guards."""
        return session in self._held

    async def drop(self, session: SessionId) -> None:
        """See Guards."""
        self._sessions.discard(session)
        if session in self._held:
            self._held.discard(session)
            await self._ask("SELECT pg_advisory_unlock(hashtextextended($1, $2))", session, _NAMESPACE)

    async def time(self) -> datetime | None:
        """Return the database's time; None when it cannot be asked here."""
        row = await self._ask("SELECT clock_timestamp()")
        return None if row is None else row[0]

    async def close(self) -> None:
        """Let go of every life."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait([watch])
        async with self._using:
            self._listener = None
            self._forget()

    async def is_free(self, tx: Transaction, session: SessionId) -> bool:
        """See Guards."""
        key = func.hashtextextended(session, _NAMESPACE)
        return bool(await tx.scalar(select(func.pg_try_advisory_xact_lock(key))))

    async def announce_jobs(self, tx: Transaction, job_ids: Sequence[JobId], collection_id: CollectionId) -> None:
        """See Guards."""
        if len(job_ids) > _MOST_IDS:
            await self.announce_collection(tx, collection_id)
        elif job_ids:
            await self._announce(tx, "jobs", job_ids)

    async def announce_collection(self, tx: Transaction, collection_id: CollectionId) -> None:
        """See Guards."""
        await self._announce(tx, "collection", [collection_id])

    async def _announce(self, tx: Transaction, kind: str, ids: Sequence[int]) -> None:
        payload = f"{self._process}:{kind}:{','.join(map(str, ids))}"
        await tx.scalar(select(func.pg_notify(_CHANNEL, payload)))

    # -- the connection ----------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PULSE_SECONDS):
                    await self._ended.wait()
            self._ended.clear()
            try:
                changed = await self._try()
            except Exception:  # the rim: without this loop nobody would notice a break
                log.exception("the guarding connection is in an odd state")
                changed = True
            if changed:
                self._tell()

    async def _try(self) -> bool:
        """Bring the connection and every lock about; True when that has changed which are held."""
        async with self._using:
            before = frozenset(self._held)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._hold()
            except _FAULTS as fault:
                self._lose(fault)
            return before != self._held

    async def _hold(self) -> None:
        if self._connection is None or self._connection.is_closed():
            self._forget()
            self._connection = await self._connect()
            self._connection.add_termination_listener(self._on_end)
            await self._connection.add_listener(_CHANNEL, self._on_news)
            self._backend = await self._connection.fetchval("SELECT pg_backend_pid()")
        if await self._connection.fetchval("SELECT pg_backend_pid()") != self._backend:
            raise asyncpg.InterfaceError("a pooler without sessions stands before the database")
        for session in self._sessions - self._held:
            if await self._connection.fetchval(
                "SELECT pg_try_advisory_lock(hashtextextended($1, $2))", session, _NAMESPACE
            ):
                self._held.add(session)

    async def _ask(self, question: str, *values: object) -> asyncpg.Record | None:
        async with self._using:
            if self._connection is None or self._connection.is_closed():
                return None
            try:
                return await self._connection.fetchrow(question, *values, timeout=ANSWER_SECONDS)
            except _FAULTS:
                self._ended.set()
                return None

    def _lose(self, fault: Exception) -> None:
        stood = self._connection is not None
        self._forget()
        if stood:
            log.warning("the guarding connection broke", error=str(fault) or type(fault).__name__)
        if stood and isinstance(fault, TimeoutError):
            self._vanished()

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        self._held.clear()
        if connection is not None and not connection.is_closed():
            connection.remove_termination_listener(self._on_end)
            connection.terminate()

    def _on_end(self, _connection: object) -> None:
        if self._held:
            self._held.clear()
            self._tell()
        self._ended.set()

    def _on_news(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        process, kind, ids = payload.split(":")
        if self._listener is None or process == self._process:
            return
        numbers = [int(number) for number in ids.split(",")]
        if kind == "jobs":
            self._listener.jobs_changed([JobId(number) for number in numbers])
        else:
            self._listener.collection_changed(CollectionId(numbers[0]))

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener.shaken()
