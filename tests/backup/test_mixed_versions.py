"""What docs/howto/upgrade.md promises of two versions on one database, and docs/howto/postgresql.md of its account."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.scheduler.store.open import open_store
from services.scheduler.store.sql.migrate import migrations, statements
from services.scheduler.store.sql.sqlite import SqliteWords
from tests.backup.conftest import MakeDatabase
from tests.parts.backups import back_up, bring_back
from tests.parts.full_store import execute, rows_of
from tests.parts.postgres import Postgres
from tests.parts.stored import LEASE, NOW, claim, finished, put_job, register

Columns = dict[str, dict[str, bool]]


def columns(level: int) -> Columns:
    """Return the columns of every table at a level, and whether a row may come without a value for each."""
    with closing(sqlite3.connect(":memory:")) as file:
        for number, path in migrations().items():
            if number <= level:
                file.executescript(";".join(statements(path, SqliteWords())))
        tables = [row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        described = {table: file.execute(f"PRAGMA table_info({table})").fetchall() for table in tables}
    return {
        table: {name: not required or default is not None for _, name, _, required, default, _ in rows}
        for table, rows in described.items()
    }


@pytest.mark.parametrize("level", [*migrations()][:-1])
def test_what_a_program_of_an_earlier_level_writes_fits_into_the_present_tables(level: int) -> None:
    before, now = columns(level), columns(max(migrations()))
    for table, known in before.items():
        assert now[table].keys() >= known.keys(), "none is taken away"
        assert [name for name in now[table].keys() - known.keys() if not now[table][name]] == []


RIGHTS = {
    "the owner of the database": "ALTER DATABASE {database} OWNER TO {role}",
    "somebody with two rights": (
        "GRANT CONNECT ON DATABASE {database} TO {role};GRANT USAGE, CREATE ON SCHEMA public TO {role}"
    ),
}


@pytest.mark.postgresql
@pytest.mark.parametrize("who", RIGHTS)
async def test_an_account_of_the_least_rights_does_all_that_is_needed(
    postgres: Postgres, database: MakeDatabase, tmp_path: Path, who: str
) -> None:
    url = await database("postgresql")
    name = url.rpartition("/")[2]
    role = f"role_{name}"
    grants = RIGHTS[who].format(database=name, role=role)
    await execute(
        url, f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 20;REVOKE CONNECT ON DATABASE {name} FROM PUBLIC;{grants}"
    )
    own = url.replace("postgres@", f"{role}@")
    async with open_store(own) as store:
        await put_job(store)
        owner = await register(store)
        assert not await store.settle(owner, [finished(one) for one in await claim(store, owner)])
        other = await store.register("two", NOW, LEASE)
        assert await store.take_over([life for life in await store.lives() if life.owner == other], NOW) != {}
    await back_up(own, tmp_path / "backup.zip")
    before = await rows_of(own)
    await bring_back(tmp_path / "backup.zip", own, replace=True)
    assert (await rows_of(own))["history"] == before["history"]
