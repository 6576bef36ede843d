"""Looks at a PostgreSQL database over one connection of its own, which changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import asyncpg

from services.scheduler.errors import InvalidInputError, StoreUnavailableError
from services.scheduler.store.facts import Connections, Level, ServerFacts
from services.scheduler.store.sql.migrate import migrations
from services.scheduler.store.sql.postgresql import URL_HINT
from services.scheduler.store.sql.tables import metadata, schema_version
from shared.clock import SystemClock

_TIMES = 5
"""The clock is asked so often; the answer that came soonest tells it best."""
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_SERVER = """
    SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS is_standby,
        coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_encrypted,
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS can_create"""
_CONNECTIONS = """
    SELECT 'the server' AS scope, count(*) AS used, current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int AS most
    FROM pg_stat_activity WHERE backend_type = 'client backend'
    UNION ALL
    SELECT 'the account', (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user), rolconnlimit
    FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0
    UNION ALL
    SELECT 'the database', (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()), datconnlimit
    FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0"""
_MISSING = """
    SELECT name, kind FROM unnest($1::text[]) AS name, unnest($2::text[]) AS kind
    WHERE to_regclass(name) IS NOT NULL AND NOT has_table_privilege(to_regclass(name), kind)
    ORDER BY name, kind"""


async def diagnose_server(url: str, *, seconds: float) -> ServerFacts:
    """Return what is to be seen. Raises InvalidInputError for a URL that is none, StoreUnavailableError."""
    with _translated():
        connection = await asyncpg.connect(
            url,
            timeout=seconds,
            command_timeout=seconds,
            server_settings={"application_name": "leeward-doctor", "default_transaction_read_only": "on"},
        )
        try:
            return await _look(connection)
        finally:
            await connection.close(timeout=1)


async def _look(connection: asyncpg.Connection) -> ServerFacts:
    server = await connection.fetchrow(_SERVER)
    offset, round_trip = await _offset(connection)
    limits = [(row["most"] - row["used"], row) for row in await connection.fetch(_CONNECTIONS)]
    narrowest: Any = min(limits, key=lambda limit: limit[0])[1]
    level = await _level(connection)
    missing = await connection.fetch(_MISSING, list(metadata.tables), list(_RIGHTS))
    return ServerFacts(
        version=server["version"],
        level=level,
        is_encrypted=server["is_encrypted"],
        is_standby=server["is_standby"],
        offset=offset,
        round_trip=round_trip,
        connections=Connections(used=narrowest["used"], limit=narrowest["most"], scope=narrowest["scope"]),
        can_create=server["can_create"],
        missing=tuple(f"{row['kind']} on {row['name']}" for row in missing),
        replicas=await _replicas(connection, level),
    )


async def _offset(connection: asyncpg.Connection) -> tuple[timedelta, timedelta]:
    best, offset = float("inf"), timedelta()
    clock = SystemClock()
    for _ in range(_TIMES):
        began, asked_at = monotonic(), clock.precise()
        at: datetime = await connection.fetchval("SELECT clock_timestamp()")
        took = monotonic() - began
        if took < best:
            best, offset = took, asked_at + timedelta(seconds=took / 2) - at
    return offset, timedelta(seconds=best)


async def _level(connection: asyncpg.Connection) -> Level:
    present = None
    if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", schema_version.name):
        present = await connection.fetchval(f"SELECT max(version) FROM {schema_version.name}")
    return Level(present=present, known=max(migrations()))


async def _replicas(connection: asyncpg.Connection, level: Level) -> tuple[str, ...]:
    """Return the replicas whose lives are registered; an older schema may have none of that."""
    if level.present != level.known:
        return ()
    return tuple(row["replica"] for row in await connection.fetch("SELECT replica FROM replicas ORDER BY replica"))


@contextmanager
def _translated() -> Iterator[None]:
    """Turn every failure into the port's; a URL that is none may hold a password where a port should be."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as fault:
        raise StoreUnavailableError(f"the account may not look: {fault}") from fault
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as fault:
        raise StoreUnavailableError(str(fault) or type(fault).__name__) from fault
    except TimeoutError as fault:
        raise StoreUnavailableError("no answer in time") from fault
    except OSError as fault:
        raise StoreUnavailableError(fault.strerror or str(fault)) from fault
    except ValueError:
        raise InvalidInputError("LEEWARD_DATABASE_URL", URL_HINT) from None
