"""Bring a database to the present schema: numbered files, each applied once, under a lock that the caller holds."""

from pathlib import Path
from string import Template

from sqlalchemy import func, insert, select

from services.scheduler.errors import ConflictError
from services.scheduler.store.sql.database import Transaction, Words
from services.scheduler.store.sql.tables import schema_version
from shared.clock import Clock

_FOLDER = Path(__file__).with_name("migrations")
_VERSION_TABLE = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)"


def migrations(folder: Path = _FOLDER) -> dict[int, Path]:
    """Return the migration files by number, in order."""
    return {int(path.name.split("_")[0]): path for path in sorted(folder.glob("[0-9]*.sql"))}


def statements(path: Path, words: Words) -> list[str]:
    """Return a file's statements in the database's own words."""
    script = Template(_uncommented(path.read_text()))
    code = script.substitute(identity=words.identity, key=words.key, postgresql=words.postgresql, sqlite=words.sqlite)
    return [statement.strip() for statement in _uncommented(code).split(";") if statement.strip()]


def _uncommented(code: str) -> str:
    return "\n".join(line for line in code.splitlines() if not line.startswith("--"))


async def migrate(tx: Transaction, words: Words, clock: Clock, *, upto: int | None = None) -> int:
    """Apply what is missing, no further than `upto`, and return the version reached.

    Raises ConflictError when a newer program has been here: going on would write rows it cannot read.
    """
    known = {version: path for version, path in migrations().items() if upto is None or version <= upto}
    await tx.run_text(_VERSION_TABLE)
    present = await tx.scalar(select(func.max(schema_version.c.version))) or 0
    newest = max(known)
    if present > newest:
        raise ConflictError(
            f"the database has schema version {present}, this program knows {newest}: start a newer program on it"
        )
    for version, path in known.items():
        if version > present:
            for statement in statements(path, words):
                await tx.run_text(statement)
            await tx.run(insert(schema_version).values(version=version, applied_at=clock.now()))
    return newest
