"""What SQLite and PostgreSQL bring along for backups does as docs/howto/backup-and-restore.md says."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.scheduler.store.open import open_store
from tests.parts.fakes_api import NOON
from tests.parts.full_store import fill_with_everything, rows_of
from tests.parts.postgres import Postgres, binaries
from tests.parts.stored import LEASE, MINUTE, NOW, SECOND, claim, put_job, register, rescue


def copied(origin: Path, copy: Path, how: str) -> None:
    """Copy a database that is in use, by `.backup` of the command sqlite3, or by VACUUM INTO."""
    with closing(sqlite3.connect(origin)) as file, closing(sqlite3.connect(copy)) as target:
        if how == ".backup":
            file.backup(target)
        else:
            copy.unlink()
            file.execute("VACUUM INTO ?", [str(copy)])


@pytest.mark.parametrize("how", [".backup", "VACUUM INTO"])
async def test_a_copy_of_a_file_in_use_goes_on_where_the_file_stood(tmp_path: Path, how: str) -> None:
    origin, copy = tmp_path / "leeward.db", tmp_path / "copy.db"
    await fill_with_everything(f"sqlite:///{origin}")
    async with open_store(f"sqlite:///{origin}") as store:
        job = await put_job(store)
        await asyncio.to_thread(copied, origin, copy, how)
        await put_job(store, "after")
        owner = await store.register("one", NOW, LEASE)
    before = await rows_of(f"sqlite:///{copy}")
    async with open_store(f"sqlite:///{copy}") as store:
        assert (await store.get_job(job.collection_id, job.name)).uid == job.uid
        assert (await store.register("one", NOW, LEASE)).fence == owner.fence
        assert (await store.gauges(NOW)).occurrences.keys() == {"ready", "held"}
    assert len((await rows_of(f"sqlite:///{copy}"))["history"]) == len(before["history"])


@pytest.fixture
def programs() -> Path:
    """The folder of PostgreSQL's programs, those for backups among them."""
    folder = binaries()
    return (
        folder if (folder / "pg_dump").exists() else Path(shutil.which("pg_dump") or pytest.skip("no pg_dump")).parent
    )


async def run(program: Path, *words: str) -> None:
    """Run a program, which must do it."""
    ran = await asyncio.create_subprocess_exec(program, *words, stderr=asyncio.subprocess.PIPE)
    _, said = await ran.communicate()
    assert ran.returncode == 0, said


@pytest.mark.postgresql
async def test_a_dump_of_a_database_in_use_goes_on_where_it_stood(
    postgres: Postgres, programs: Path, tmp_path: Path
) -> None:
    url, other = await postgres.new_database(), await postgres.new_database()
    await fill_with_everything(url)
    async with open_store(url) as store:
        owner = await register(store, "still alive")
        await put_job(store)
        assert len(await claim(store, owner, at=NOW + SECOND)) > 0
        await run(programs / "pg_dump", "--format=custom", f"--file={tmp_path}/leeward.dump", url)
    await run(programs / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={other}", f"{tmp_path}/leeward.dump")
    before, after = await rows_of(url), await rows_of(other)
    assert {table: after[table] for table in before} == before
    async with open_store(other) as store:
        assert await rescue(store, NOON + MINUTE) > 0
        assert (await register(store)).fence == owner.fence + 1
        assert "claimed" not in (await store.gauges(NOW)).occurrences
