"""Everything in a database comes back from a backup, in a database of either kind."""

import zipfile
from pathlib import Path

import pytest

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.secret_fields import secrets_of
from services.scheduler.store.dumps import FENCE_GAP
from services.scheduler.store.open import open_dumps, open_store
from tests.backup.conftest import BOTH, MakeDatabase
from tests.parts.backups import back_up, bring_back, check
from tests.parts.every_action import SECRETS
from tests.parts.full_store import KEY, fill_with_everything, rows_of
from tests.parts.stored import LEASE, MINUTE, NOW, put_job
from tests.parts.vaults import vault

LIVING = {"occurrences", "replicas", "drain_reports"}
"""The tables that change, since the lives of the rows are over."""


@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize("origin", BOTH)
async def test_every_row_of_every_kind_comes_back(database: MakeDatabase, tmp_path: Path, origin: str, to: str) -> None:
    url, other, file = await database(origin), await database(to), tmp_path / "backup.zip"
    await fill_with_everything(url)
    before = await rows_of(url)
    assert [table for table, rows in before.items() if not rows] == []
    manifest = await back_up(url, file)
    assert check(file) == manifest
    assert manifest.sealed_under == (KEY.id,)
    await bring_back(file, other)
    after = await rows_of(other)
    assert await rows_of(url) == before
    assert {table: after[table] for table in after.keys() - LIVING} == {
        table: before[table] for table in before.keys() - LIVING
    }
    assert (after["replicas"], after["drain_reports"]) == ([], [])


async def secrets_in(url: str) -> set[str]:
    keeper = vault(KEY)
    async with open_store(url) as store:
        jobs = await store.list_jobs(CollectionId(2), top=100, skip=0)
    return {
        keeper.open(held.secret, place_of(job.collection_id, job.name, held.field, held.call))
        for job in jobs
        for held in secrets_of(job.definition.action)
    }


@pytest.mark.parametrize("to", BOTH)
async def test_secrets_stay_sealed_and_open_with_their_key(database: MakeDatabase, tmp_path: Path, to: str) -> None:
    url, other, file = await database("sqlite"), await database(to), tmp_path / "backup.zip"
    await fill_with_everything(url)
    await back_up(url, file)
    await bring_back(file, other)
    opened = await secrets_in(other)
    assert opened == await secrets_in(url)
    assert len(opened & set(SECRETS)) > 4


async def test_no_secret_stands_in_a_backup(database: MakeDatabase, tmp_path: Path) -> None:
    url, file = await database("sqlite"), tmp_path / "backup.zip"
    await fill_with_everything(url)
    await back_up(url, file)
    with zipfile.ZipFile(file) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"sealed" in content
    assert [secret for secret in SECRETS if secret.encode() in content] == []
    assert KEY.secret not in content


@pytest.mark.parametrize("kind", BOTH)
async def test_a_snapshot_tells_how_large_each_table_is(database: MakeDatabase, kind: str) -> None:
    url = await database(kind)
    await fill_with_everything(url)
    async with open_dumps(url).snapshot() as snapshot:
        sizes = await snapshot.sizes()
    assert {table: size.rows for table, size in sizes.items()} == {
        table: len(rows) for table, rows in (await rows_of(url)).items()
    }
    assert all((size.bytes or 0) > 0 for size in sizes.values()) is (kind == "postgresql")


@pytest.mark.parametrize("to", BOTH)
async def test_what_was_under_way_is_repeated_once_with_a_higher_attempt(
    database: MakeDatabase, tmp_path: Path, to: str
) -> None:
    url, other, file = await database("sqlite"), await database(to), tmp_path / "backup.zip"
    await fill_with_everything(url)
    await back_up(url, file)
    await bring_back(file, other)
    before, after = await states(url), await states(other)
    claimed = {name for name, (state, _) in before.items() if state == "claimed"}
    assert claimed
    assert {name: after[name] for name in claimed} == {name: ("ready", before[name][1] + 1) for name in claimed}
    assert {name: after[name] for name in before.keys() - claimed} == {
        name: before[name] for name in before.keys() - claimed
    }


async def states(url: str) -> dict[object, tuple[object, int]]:
    rows = (await rows_of(url))["occurrences"]
    return {row[0]: (row[4], int(str(row[7]))) for row in rows}


@pytest.mark.parametrize("to", BOTH)
async def test_numbers_and_fences_rise_above_all_that_were_ever_given(
    database: MakeDatabase, tmp_path: Path, to: str
) -> None:
    url, other, file = await database("sqlite"), await database(to), tmp_path / "backup.zip"
    async with open_store(url) as store:
        for _ in range(3):
            last = await store.register("one", NOW, LEASE)
            await store.resign(last)
        gone = await put_job(store)
        await store.delete_job(gone.collection_id, gone.name)
    await back_up(url, file)
    await bring_back(file, other)
    async with open_store(other) as store:
        assert (await store.register("one", NOW + MINUTE, LEASE)).fence == last.fence + FENCE_GAP + 1
        assert (await put_job(store, "another")).id > gone.id


@pytest.mark.parametrize("kind", BOTH)
async def test_a_backup_may_leave_the_history_behind(database: MakeDatabase, tmp_path: Path, kind: str) -> None:
    url, other, file = await database(kind), await database(kind), tmp_path / "backup.zip"
    await fill_with_everything(url)
    await back_up(url, file, history=False)
    await bring_back(file, other)
    before, after = await rows_of(url), await rows_of(other)
    assert (after["history"], after["deleted_jobs"]) == ([], [])
    assert after["jobs"] == before["jobs"]
    assert after["audit"] == before["audit"]
    async with open_store(other) as store:
        [job, *_] = await store.list_jobs(CollectionId(2), top=1, skip=0)
        assert await store.list_history(job.id, top=1, skip=0) == []


@pytest.mark.parametrize("kind", BOTH)
async def test_a_backup_is_of_one_instant_while_the_database_is_written(database: MakeDatabase, kind: str) -> None:
    url = await database(kind)
    async with open_store(url) as store:
        for number in range(3):
            await put_job(store, f"before-{number}")
        async with open_dumps(url).snapshot() as snapshot:
            await put_job(store, "after")
            [jobs] = [shape for shape in snapshot.shapes if shape.table == "jobs"]
            names = [row[jobs.columns.index("name")] async for page in snapshot.pages(jobs) for row in page]
        assert sum((await store.job_counts()).values()) == 4
    assert names == ["before-0", "before-1", "before-2"]
