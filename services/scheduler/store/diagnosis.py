"""From LEEWARD_DATABASE_URL to what can be seen of that database, without opening it as a store."""

import asyncio
from pathlib import Path

from services.scheduler.errors import InvalidInputError
from services.scheduler.store.facts import Facts
from services.scheduler.store.sql.sqlite_diagnosis import diagnose_file

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


async def diagnose(url: str, *, seconds: float) -> Facts | None:
    """Return the facts, within so many seconds; None for `memory://`, of which nobody else sees anything.

    Raises StoreUnavailableError when the database is away or does not let us look, InvalidInputError for other URLs.
    """
    if url == "memory://":
        return None
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        # A file on a disk that hangs keeps its thread, and nobody waits for it any more.
        return await asyncio.to_thread(diagnose_file, Path(url.removeprefix(_SQLITE)), seconds=seconds)
    if not url.startswith(_POSTGRES):
        raise InvalidInputError(
            "LEEWARD_DATABASE_URL", "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    try:
        from services.scheduler.store.sql.postgresql_diagnosis import diagnose_server
    except ModuleNotFoundError as fault:
        raise InvalidInputError(
            "LEEWARD_DATABASE_URL", "PostgreSQL needs its driver: pip install 'leeward[postgresql]'"
        ) from fault
    return await diagnose_server(url, seconds=seconds)
