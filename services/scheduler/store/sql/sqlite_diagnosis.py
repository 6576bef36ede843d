"""Looks at a SQLite file without making, locking or changing anything."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import monotonic

from services.scheduler.errors import StoreUnavailableError
from services.scheduler.store.facts import FileFacts, Level
from services.scheduler.store.sql.migrate import migrations
from services.scheduler.store.sql.tables import schema_version
from shared.keyfile import is_exposed

_STEPS = 100_000
"""Instructions of SQLite's machine between two looks at the time."""
_MOST_SIGNS = 200
_LOCKS = Path("/proc/locks")


def diagnose_file(path: Path, *, seconds: float) -> FileFacts:
    """Return what is to be seen, within about so many seconds; to be run in a thread. Raises StoreUnavailableError."""
    folder = next(place for place in path.absolute().parents if place.exists())
    if not path.exists():
        return _facts(path, folder, level=None, has_log=True, damage="")
    try:
        with closing(_open(path)) as connection:
            level = Level(present=_level(connection), known=max(migrations()))
            damage = _damage(connection, monotonic() + seconds)
    except sqlite3.Error as fault:
        raise StoreUnavailableError(f"{path}: {fault}") from fault
    return _facts(path, folder, level=level, has_log=_writes_log(path), damage=damage)


def _facts(path: Path, folder: Path, *, level: Level | None, has_log: bool, damage: str | None) -> FileFacts:
    mode = path.stat().st_mode if path.exists() else 0
    writable = os.access(folder, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.W_OK))
    return FileFacts(
        path=path,
        level=level,
        is_writable=writable,
        is_exposed=is_exposed(mode, read_only=False),
        is_open=_is_open(path),
        size=_size(path),
        log_size=_size(_log(path)),
        free=shutil.disk_usage(folder).free,
        has_log=has_log,
        damage=damage,
    )


def _open(path: Path) -> sqlite3.Connection:
    """Open it for reading. Nobody writes to a file without a log beside it, and reading one need not make one then."""
    # Else a reader in another account would leave files behind that the scheduler may not write.
    how = "mode=ro" if _log(path).exists() else "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=1)


def _level(connection: sqlite3.Connection) -> int | None:
    with suppress(sqlite3.OperationalError):  # there is no such table
        present: int | None = connection.execute(f"SELECT max(version) FROM {schema_version.name}").fetchone()[0]
        return present
    return None


def _damage(connection: sqlite3.Connection, deadline: float) -> str | None:
    with _interrupted(connection, deadline):
        try:
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError as fault:
            if "interrupted" in str(fault):
                return None
            raise
        except sqlite3.DatabaseError as fault:
            said = str(fault)
    return "" if said == "ok" else said[:_MOST_SIGNS]


@contextmanager
def _interrupted(connection: sqlite3.Connection, deadline: float) -> Iterator[None]:
    connection.set_progress_handler(lambda: monotonic() > deadline, _STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def _is_open(path: Path) -> bool:
    """Whether a scheduler has the file: the kernel lists who holds the lock beside it.

    It is not tried: a scheduler that starts at that very moment would be told that another one has the file.
    """
    try:
        lock = path.with_name(f"{path.name}.lock").stat()
        locks = _LOCKS.read_text(encoding="ascii")
    except OSError:
        return False
    place = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}"
    return any(place in line.split() for line in locks.splitlines())


def _writes_log(path: Path) -> bool:
    """Whether the file is in WAL mode, as its header says (https://sqlite.org/fileformat.html §1.3.3)."""
    with path.open("rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
