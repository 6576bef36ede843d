"""The site of a drill: a broker, a database, replicas and targets, all real, on loopback, all taken down after."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from aiohttp import ClientSession, ClientTimeout

from tests.drill.jobs import HOSTS, OTHERS
from tests.drill.replicas import Replica
from tests.drill.target import Target
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import Postgres
from tests.parts.tcp_proxy import TcpProxy

CONNECTIONS = 60
_CALL_SECONDS = 5


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill runs on; SQLite has one replica."""

    name: str
    replicas: int = 1
    postgresql: bool = True


CONFIGURATIONS = (
    Configuration(name="SQLite", postgresql=False),
    Configuration(name="PostgreSQL, one"),
    Configuration(name="PostgreSQL, two", replicas=2),
    Configuration(name="PostgreSQL, three", replicas=3),
)


class Site:
    """Everything that runs; what the nemesis breaks and callers use."""

    def __init__(
        self,
        *,
        broker: Mosquitto,
        target: Target,
        server: Postgres | None,
        database: str,
        replicas: tuple[Replica, ...],
        http: ClientSession,
    ) -> None:
        self.broker = broker
        self.target = target
        self.server = server
        self.database = database
        """The database's own URL, past every proxy; a file's path on SQLite."""
        self.replicas = replicas
        self.http = http


@asynccontextmanager
async def opened(folder: Path, configuration: Configuration, *, seed: int, lease: int) -> AsyncIterator[Site]:
    """Start all parts and wait until every replica dispatches."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=_CALL_SECONDS)))
        broker = await stack.enter_async_context(Mosquitto(_own_folder(folder, "broker")))
        target = await stack.enter_async_context(Target(*HOSTS.values(), *OTHERS, seed=seed))
        server = await _server(stack) if configuration.postgresql else None
        database = await server.new_database() if server is not None else f"sqlite:///{folder}/leeward.db"
        common = {"LEEWARD_MQTT_URL": broker.url, "LEEWARD_LEASE_SECONDS": str(lease)}
        replicas = []
        for number in range(configuration.replicas):
            line = await stack.enter_async_context(TcpProxy("127.0.0.1", server.port)) if server is not None else None
            settings = {**common, "LEEWARD_DATABASE_URL": _through(line, database)}
            replica = Replica(f"replica-{number}", folder, http, settings, line)
            stack.push_async_callback(replica.kill)
            replicas.append(replica)
        # One after the other: the first one lays out the database.
        for replica in replicas:
            await replica.start()
        yield Site(broker=broker, target=target, server=server, database=database, replicas=tuple(replicas), http=http)


def _own_folder(folder: Path, name: str) -> Path:
    """Make a folder below: a broker that loses its memory must take no database with it."""
    own = folder / name
    own.mkdir()
    return own


async def _server(stack: AsyncExitStack) -> Postgres:
    server = Postgres(max_connections=str(CONNECTIONS))
    await asyncio.to_thread(server.__enter__)
    stack.push_async_callback(asyncio.to_thread, server.__exit__, None, None, None)
    return server


def _through(line: TcpProxy | None, database: str) -> str:
    """Return the database's URL by way of a proxy."""
    if line is None:
        return database
    parts = urlsplit(database)
    return parts._replace(netloc=f"postgres@127.0.0.1:{line.port}").geturl()
