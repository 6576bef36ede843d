"""From LEEWARD_DATABASE_URL to a store."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from services.scheduler.errors import InvalidInputError
from services.scheduler.store.base import Store
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.sql.guards import NoGuards
from services.scheduler.store.sql.sqlite import SqliteDatabase
from services.scheduler.store.sql.store import SqlStore
from shared.clock import Clock, SystemClock

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


def _postgres(url: str, clock: Clock, new_id: Callable[[], str], connections: int) -> Store:
    try:
        from services.scheduler.store.sql.postgresql import PostgresDatabase
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            "LEEWARD_DATABASE_URL", "PostgreSQL needs its driver: pip install 'leeward[postgresql]'"
        ) from error
    database = PostgresDatabase(url, clock, connections=connections)
    return SqlStore(database, database.guards, new_id)
