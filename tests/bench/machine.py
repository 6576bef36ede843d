"""Processor time: of processes, of the database server, and of whatever else kept the machine busy meanwhile."""

import os
import time

import asyncpg
import msgspec
import psutil

BUSY_SHARE = 0.12
"""A take is disturbed when others than the benchmark used more than this share of all cores."""
STEAL_SHARE = 0.03
"""Or when the machine beneath held back more than this share of them."""


def processor_seconds(pid: int) -> float:
    """Return user and system seconds of a process."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


class ServerProcesses:
    """A PostgreSQL server's processes, found by one of its connections."""

    def __init__(self, main: int) -> None:
        """`main` is the server's main process, the parent of all others."""
        self.main = psutil.Process(main)

    @classmethod
    async def of(cls, url: str) -> "ServerProcesses":
        """Find the server behind a database's URL, on this machine."""
        connection = await asyncpg.connect(url)
        try:
            backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
            return cls(backend.ppid())
        finally:
            await connection.close()

    def seconds(self) -> float:
        """Return the processor seconds of all of them so far, those that have ended included."""
        times = self.main.cpu_times()
        ended = times.children_user + times.children_system
        return times.user + times.system + ended + _sum(self.main.children())


async def executed(database: str) -> int | None:
    """Return PostgreSQL's own count of the statements in a database, transaction control included; None without one."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        return int(await connection.fetchval(_COUNT))
    except asyncpg.PostgresError:
        return None
    finally:
        await connection.close()


_COUNT = """
SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
JOIN pg_database ON pg_database.oid = dbid AND datname = current_database()
WHERE query NOT LIKE '%pg_stat_statements%'
"""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The machine's counters at an instant, in seconds."""

    at: float
    busy: float
    steal: float
    own: float


class Quiet:
    """Watches, over a window, what others than the benchmark's own processes do to the machine."""

    def __init__(self, server: ServerProcesses | None) -> None:
        self._server = server
        self._began = self._look()

    def _look(self) -> Look:
        times = psutil.cpu_times()
        own = psutil.Process()
        seconds = processor_seconds(own.pid) + _sum(own.children(recursive=True))
        seconds += self._server.seconds() if self._server is not None else 0.0
        return Look(at=time.monotonic(), busy=times.user + times.nice + times.system, steal=times.steal, own=seconds)

    def ended(self) -> bool:
        """Return whether the window that ends now was quiet."""
        now = self._look()
        cores = (now.at - self._began.at) * (os.cpu_count() or 1)
        others = (now.busy - self._began.busy) - (now.own - self._began.own)
        return others <= BUSY_SHARE * cores and now.steal - self._began.steal <= STEAL_SHARE * cores


def _sum(processes: list[psutil.Process]) -> float:
    return sum(_seconds(process) for process in processes)


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system
