"""From LEEWARD_DATABASE_URL to a store."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from services.scheduler.errors import InvalidInputError
from services.scheduler.store.base import Store
from services.scheduler.store.dumps import Dumps, Engine
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.sql.dumps import SqlDumps
from services.scheduler.store.sql.guards import NoGuards
from services.scheduler.store.sql.sqlite import SqliteDatabase
from services.scheduler.store.sql.store import SqlStore
from shared.clock import Clock, SystemClock

if TYPE_CHECKING:
    from services.scheduler.store.sql.postgresql import PostgresDatabase

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def _new_id() -> str:
    return uuid4().hex


def open_store(
    url: str, *, clock: Clock | None = None, new_id: Callable[[], str] = _new_id, connections: int = 8
) -> Store:
    """Return the store that `url` names; nothing is opened before `async with`.

    `sqlite:///leeward.db` (relative), `sqlite:////var/lib/leeward.db` (absolute), `postgresql://…` with libpq's
    options, `memory://` (forgets everything at the end). `connections` is the size of PostgreSQL's pool,
    beside which two more are used: for the lease, and for what guards it.
    Raises InvalidInputError for anything else.
    """
    clock = clock or SystemClock()
    if url == "memory://":
        return MemoryStore(new_id)
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqlStore(SqliteDatabase(Path(url.removeprefix(_SQLITE)), clock), NoGuards(), new_id)
    if url.startswith(_POSTGRES):
        return _postgres(url, clock, new_id, connections)
    raise InvalidInputError(
        "LEEWARD_DATABASE_URL", "write sqlite:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or memory://"
    )


def open_dumps(url: str, *, clock: Clock | None = None) -> Dumps:
    """Return what reads and makes anew the database that `url` names, as `open_store` takes it.

    Raises InvalidInputError for anything else, and for `memory://`, which nobody but its process can reach.
    """
    clock = clock or SystemClock()
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqlDumps(SqliteDatabase(Path(url.removeprefix(_SQLITE)), clock), Engine.SQLITE, clock)
    if url.startswith(_POSTGRES):
        return SqlDumps(_postgres_database(url, clock, 1), Engine.POSTGRESQL, clock)
    raise InvalidInputError("LEEWARD_DATABASE_URL", "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")


def _postgres(url: str, clock: Clock, new_id: Callable[[], str], connections: int) -> Store:
    database = _postgres_database(url, clock, connections)
    return SqlStore(database, database.guards, new_id)


def _postgres_database(url: str, clock: Clock, connections: int) -> "PostgresDatabase":
    try:
        from services.scheduler.store.sql.postgresql import PostgresDatabase
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            "LEEWARD_DATABASE_URL", "PostgreSQL needs its driver: pip install 'leeward[postgresql]'"
        ) from error
    return PostgresDatabase(url, clock, connections=connections)
