"""How to break each thing, and how to mend it: one context manager per fault, broken inside, mended at its end."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from random import Random

import asyncpg
import psutil

from tests.drill.records import FaultKind
from tests.drill.replicas import Replica
from tests.drill.site import CONNECTIONS, Site
from tests.parts.tcp_proxy import Direction

_SMALL = 4096
"""The size that no file may exceed on a disk that is full: nothing but a first page fits."""
_SERVER_SMALL = 1 << 20
_GRAB_SECONDS = 0.2


class Strike:
    """One fault about to happen to one replica (of those that concern a replica)."""

    def __init__(self, site: Site, replica: Replica, random: Random) -> None:
        self.site = site
        self.replica = replica
        self.random = random


Fault = Callable[[Strike], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def killed(strike: Strike) -> AsyncIterator[None]:
    """SIGKILL; started again."""
    await strike.replica.kill()
    yield
    await strike.replica.start()


@asynccontextmanager
async def asked_to_leave(strike: Strike) -> AsyncIterator[None]:
    """SIGTERM, as in a rolling upgrade; started again."""
    await strike.replica.leave()
    yield
    await strike.replica.start()


@asynccontextmanager
async def frozen(strike: Strike) -> AsyncIterator[None]:
    """SIGSTOP, then SIGCONT: what a frozen VM does to a process."""
    strike.replica.program.freeze()
    yield
    strike.replica.program.thaw()


@asynccontextmanager
async def server_crashed(strike: Strike) -> AsyncIterator[None]:
    """Every process of the server ends at once; it comes back and replays its log."""
    server = strike.site.server
    assert server is not None
    await asyncio.to_thread(server.stop, "immediate")
    yield
    await asyncio.to_thread(server.start)


@asynccontextmanager
async def crowded(strike: Strike) -> AsyncIterator[None]:
    """Others take every connection, those of the replicas too."""
    async with AsyncExitStack() as stack:
        grabbing = asyncio.create_task(_grab(strike.site, stack))
        yield
        grabbing.cancel()
        await asyncio.wait([grabbing])


async def _grab(site: Site, stack: AsyncExitStack) -> None:
    """Take connections for ever; once all are taken, end those that are somebody else's."""
    mine: list[asyncpg.Connection] = []
    while True:
        try:
            connection = await asyncpg.connect(site.database)
        except (asyncpg.PostgresError, OSError):
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await _end_others(mine)
            await asyncio.sleep(_GRAB_SECONDS)
        else:
            mine.append(connection)
            stack.callback(connection.terminate)


async def _end_others(mine: list[asyncpg.Connection]) -> None:
    if len(mine) < CONNECTIONS // 2:
        return
    ours = [connection.get_server_pid() for connection in mine]
    await mine[0].execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND NOT pid = ANY($1::int[])",
        ours,
    )


@asynccontextmanager
async def cut(strike: Strike) -> AsyncIterator[None]:
    """Connections to the database are reset, new ones too."""
    assert strike.replica.line is not None
    strike.replica.line.cut()
    yield
    strike.replica.line.heal()


def silenced(direction: Direction) -> Fault:
    """Return the fault of a line that passes nothing that way, and tells nobody."""

    @asynccontextmanager
    async def fault(strike: Strike) -> AsyncIterator[None]:
        assert strike.replica.line is not None
        strike.replica.line.blackhole(direction)
        yield
        strike.replica.line.heal()

    return fault


@asynccontextmanager
async def broker_lost(strike: Strike) -> AsyncIterator[None]:
    """The broker dies, and its memory with it."""
    broker = strike.site.broker
    await broker.kill()
    broker.wipe()
    yield
    await broker.start()


@asynccontextmanager
async def target_gone(strike: Strike) -> AsyncIterator[None]:
    """Targets break their connections and refuse new ones."""
    await strike.site.target.gone()
    yield
    await strike.site.target.back()


@asynccontextmanager
async def target_hanging(strike: Strike) -> AsyncIterator[None]:
    """Targets accept and do not answer."""
    strike.site.target.hanging()
    yield
    await strike.site.target.back()


@asynccontextmanager
async def disk_full(strike: Strike) -> AsyncIterator[None]:
    """What stores cannot write; by a limit on the size of files, which needs no rights."""
    server = strike.site.server
    if server is None:
        _limit(strike.replica.program.pid, _SMALL)
        yield
        _limit(strike.replica.program.pid, resource.RLIM_INFINITY)
        return
    await asyncio.to_thread(server.limit_files, _SERVER_SMALL)
    yield
    with suppress(FileNotFoundError, psutil.NoSuchProcess):  # it has gone down, which is what full disks do
        await asyncio.to_thread(server.limit_files, None)
    await asyncio.to_thread(server.revive)


def _limit(process: int, size: int) -> None:
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))


@asynccontextmanager
async def clock_skewed(strike: Strike) -> AsyncIterator[None]:
    """The replica's wall clock goes wrong by up to an hour either way; its monotonic one does not."""
    clock = strike.replica.clock
    wrong = strike.random.choice((-3600, -5, -1, 1, 5, 3600))
    clock.write_text(f"{wrong:+d}\n")
    yield
    clock.write_text("+0\n")


FAULTS: dict[FaultKind, Fault] = {
    FaultKind.KILL: killed,
    FaultKind.TERM: asked_to_leave,
    FaultKind.FREEZE_SHORT: frozen,
    FaultKind.FREEZE_LONG: frozen,
    FaultKind.DATABASE_RESTART: server_crashed,
    FaultKind.CROWDED: crowded,
    FaultKind.CUT: cut,
    FaultKind.HALF_OPEN: silenced(Direction.BOTH),
    FaultKind.MUTE: silenced(Direction.UP),
    FaultKind.DEAF: silenced(Direction.DOWN),
    FaultKind.BROKER_LOST: broker_lost,
    FaultKind.TARGET_GONE: target_gone,
    FaultKind.TARGET_HANGS: target_hanging,
    FaultKind.DISK_FULL: disk_full,
    FaultKind.CLOCK: clock_skewed,
}
