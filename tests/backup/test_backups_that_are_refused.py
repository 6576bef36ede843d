"""A file that is no sound backup, and a database that must not be written, are refused; nothing changes."""

import asyncio
import struct
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import asyncpg
import msgspec
import pytest

from services.operations.errors import ArchiveError
from services.scheduler.errors import ConflictError
from services.scheduler.store.open import open_dumps, open_store
from services.scheduler.store.sql.migrate import migrations
from shared.errors import LeewardError
from tests.backup.conftest import BOTH, MakeDatabase
from tests.parts.backups import back_up, bring_back, check, rewritten, told
from tests.parts.full_store import execute, fill_with_everything, rows_of
from tests.parts.stored import put_job
from tests.parts.waiting import until

Content = dict[str, bytes]
Spoil = Callable[[Content], object]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup with rows of every kind; what tests make of it stands beside it."""
    folder = tmp_path_factory.mktemp("sound")
    url = f"sqlite:///{folder}/leeward.db"
    asyncio.run(fill_with_everything(url))
    asyncio.run(back_up(url, folder / "backup.zip"))
    return folder / "backup.zip"


def rows(table: str, change: Callable[[bytes], bytes], **columns: object) -> Spoil:
    """Return what changes the rows of a table, and the manifest with them, so that all sums are right."""

    def spoil(content: Content) -> None:
        name = f"rows/{table}.ndjson"
        lines = content[name] = change(content[name])
        manifest = msgspec.json.decode(content["manifest.json"])
        part = next(one for one in manifest["parts"] if one["table"] == table)
        part |= {"size": len(lines), "sha256": sha256(lines).hexdigest(), "rows": lines.count(b"\n"), **columns}
        told(content, parts=manifest["parts"])

    return spoil


def first(change: Callable[[list[object]], object]) -> Callable[[bytes], bytes]:
    """Return what changes the values of the first row."""

    def spoil(lines: bytes) -> bytes:
        head, _, rest = lines.partition(b"\n")
        values = msgspec.json.decode(head)
        change(values)
        return msgspec.json.encode(values) + b"\n" + rest

    return spoil


def put(place: int, value: object) -> Callable[[bytes], bytes]:
    """Return what changes one value of the first row."""
    return first(lambda values: values.__setitem__(place, value))


SPOILT: dict[str, tuple[Spoil, str]] = {
    "no manifest": (lambda content: content.pop("manifest.json"), "no manifest"),
    "a manifest of garbage": (lambda content: content.update({"manifest.json": b"{"}), "manifest cannot be read"),
    "a manifest far too long": (lambda content: content.update({"manifest.json": b" " * 2_000_000}), "more than"),
    "a manifest of wrong types": (lambda content: told(content, level="nine"), "manifest cannot be read"),
    "a newer schema": (lambda content: told(content, level=999, leeward="9.9"), "install Leeward 9.9 or a later one"),
    "a newer form": (lambda content: told(content, form=2, leeward="9.9", parts=7), "made by Leeward 9.9: install"),
    "an unknown table": (lambda content: content.update({"rows/passwords.ndjson": b""}), "which no backup has"),
    "a path out of it": (lambda content: content.update({"../../etc/cron.d/x": b"x"}), "which no backup has"),
    "an absolute path": (lambda content: content.update({"/etc/passwd": b"x"}), "which no backup has"),
    "a part too few": (lambda content: content.pop("rows/jobs.ndjson"), "disagree about 'rows/jobs.ndjson'"),
    "keys nobody told of": (lambda content: content.update({"leeward.keys": b"x"}), "disagree about 'leeward.keys'"),
    "a row too few": (lambda content: content.update({"rows/cordons.ndjson": b""}), "not as long as the manifest"),
    "a changed row": (lambda content: content.update(_flipped(content)), "not what the manifest says"),
    "no row but garbage": (rows("cordons", lambda _: b"garbage\n"), "rows of cordons, after the first 0: line 1"),
    "a last line cut off": (rows("cordons", lambda lines: lines[:-1]), "not what the manifest says"),
    "a text for a number": (rows("jobs", put(0, "1")), "rows of jobs, after the first 0: line 1: Expected `int"),
    "a number out of range": (rows("jobs", put(0, 2**63)), "rows of jobs"),
    "a state nobody knows": (rows("jobs", put(5, "tired")), "rows of jobs"),
    "a value too many": (rows("jobs", first(lambda values: values.append(1))), "rows of jobs"),
    "a document nobody can read": (rows("definitions", put(1, '{"action":7}')), "body is no document that this"),
    "a document that is none": (rows("definitions", put(1, "{")), "body is no document that this version can read"),
    "an unknown column": (rows("cordons", bytes, columns=["host", "password"]), "columns password cannot be read"),
    "a column twice": (rows("cordons", bytes, columns=["host", "host"]), "columns twice the same"),
    "a line without an end": (rows("cordons", lambda _: b"[" * 20_000_000), "a line of more than"),
}


def _flipped(content: Content) -> Content:
    return {"rows/jobs.ndjson": content["rows/jobs.ndjson"].replace(b"enabled", b"Enabled", 1)}


@pytest.mark.parametrize("what", SPOILT)
async def test_a_backup_with_something_wrong_in_it_is_refused_and_nothing_is_made(
    sound: Path, tmp_path: Path, what: str
) -> None:
    spoil, words = SPOILT[what]
    spoilt = rewritten(sound, spoil)
    with pytest.raises(ArchiveError, match=words):
        check(spoilt)
    with pytest.raises(ArchiveError, match=words):
        await bring_back(spoilt, f"sqlite:///{tmp_path}/new/leeward.db")
    assert not (tmp_path / "new" / "leeward.db").exists()


def _without(table: str) -> Spoil:
    def spoil(content: Content) -> None:
        del content[f"rows/{table}.ndjson"]
        parts = msgspec.json.decode(content["manifest.json"])["parts"]
        told(content, parts=[part for part in parts if part["table"] != table])

    return spoil


CONTRADICTIONS: dict[str, tuple[Spoil, str]] = {
    "two rows of one key": (rows("cordons", lambda lines: lines + lines), "table cordons: rows contradict each other"),
    "nothing where something must be": (rows("jobs", put(3, None)), "table jobs: rows contradict each other, or lack"),
    "columns of another level": (lambda content: told(content, level=3), "is not there, or not as in schema level 3"),
    "no jobs at all": (_without("jobs"), "table jobs is not there"),
}


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("what", CONTRADICTIONS)
async def test_rows_that_no_database_would_hold_leave_the_old_ones_as_they_were(
    sound: Path, database: MakeDatabase, kind: str, what: str
) -> None:
    spoil, words = CONTRADICTIONS[what]
    url = await database(kind)
    await fill_with_everything(url)
    before = await rows_of(url)
    with pytest.raises(ConflictError, match=words):
        await bring_back(rewritten(sound, spoil), url, replace=True)
    assert await rows_of(url) == before


def test_a_file_cut_off_anywhere_is_no_backup(sound: Path, tmp_path: Path) -> None:
    whole, cut = sound.read_bytes(), tmp_path / "cut.zip"
    for length in [0, 1, 30, *range(100, len(whole), len(whole) // 20), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match="no backup, or only a part of one"):
            check(cut)


def test_no_flipped_bit_goes_unseen_or_unexplained(sound: Path, tmp_path: Path) -> None:
    whole, other = sound.read_bytes(), tmp_path / "flipped.zip"
    manifest, seen = check(sound), 0
    for place in range(0, len(whole), 97):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        other.write_bytes(flipped)
        try:
            assert check(other) == manifest, "what is not read may be anything: times, modes, unused fields"
        except ArchiveError:
            seen += 1
    assert seen > len(whole) / 97 * 0.9


@pytest.mark.parametrize("how", [{"twice": True}, {"compression": zipfile.ZIP_BZIP2}])
def test_a_zip_made_by_somebody_else_is_refused(sound: Path, tmp_path: Path, how: dict[str, int]) -> None:
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(sound) as before, zipfile.ZipFile(other, "w", how.get("compression", 0)) as after:
        for name in before.namelist():
            after.writestr(name, before.read(name))
        if "twice" in how:
            with pytest.warns(UserWarning, match="Duplicate"):
                after.writestr("manifest.json", before.read("manifest.json"))
    with pytest.raises(ArchiveError, match=r"two files of one name|packed in a way that no backup is"):
        check(other)


def test_a_file_that_says_it_is_encrypted_is_refused(sound: Path, tmp_path: Path) -> None:
    whole, other = bytearray(sound.read_bytes()), tmp_path / "encrypted.zip"
    at = whole.index(b"PK\x01\x02")
    whole[at + 8 : at + 10] = struct.pack("<H", 1)
    other.write_bytes(whole)
    with pytest.raises(ArchiveError, match="encrypted"):
        check(other)


@pytest.mark.parametrize("kind", BOTH)
async def test_a_database_with_something_in_it_is_not_written_unless_it_is_to_be_replaced(
    sound: Path, database: MakeDatabase, kind: str
) -> None:
    url, other = await database(kind), await database(kind)
    async with open_store(url) as store:
        await put_job(store, "mine")
    before = await rows_of(url)
    with pytest.raises(ConflictError, match=r"not empty \(collections: 1, jobs: 1 rows\).*--replace"):
        await bring_back(sound, url)
    assert await rows_of(url) == before
    await bring_back(sound, url, replace=True)
    await bring_back(sound, other)
    mine, theirs = await rows_of(url), await rows_of(other)
    assert mine == theirs


@pytest.mark.parametrize("kind", BOTH)
async def test_a_database_that_a_scheduler_has_only_opened_is_empty(
    sound: Path, database: MakeDatabase, kind: str
) -> None:
    url = await database(kind)
    async with open_store(url):
        pass
    await bring_back(sound, url)
    assert len((await rows_of(url))["jobs"]) > 5


@pytest.mark.parametrize("kind", BOTH)
async def test_a_database_on_which_a_scheduler_is_alive_is_never_written(
    sound: Path, database: MakeDatabase, kind: str
) -> None:
    url = await database(kind)
    async with open_store(url) as store:
        job = await put_job(store)
        with pytest.raises(
            ConflictError, match=r"another scheduler has .* open|schedulers are connected to the database"
        ):
            await bring_back(sound, url, replace=True)
        assert await store.get_job(job.collection_id, job.name) == job
    await bring_back(sound, url, replace=True)


@pytest.mark.postgresql
async def test_a_scheduler_that_begins_during_a_restore_waits_for_its_end(sound: Path, database: MakeDatabase) -> None:
    url, manifest = await database("postgresql"), check(sound)
    shapes = [part.shape for part in manifest.parts]
    store = open_store(url)
    async with open_dumps(url).refill(manifest.level, shapes, {"jobs": 77}, replace=False):
        opening = asyncio.create_task(store.__aenter__())
        await until(lambda: _waits(url))
    async with await opening:
        assert (await put_job(store)).id == 78


async def _waits(url: str) -> bool:
    """Whether somebody waits for a lock."""
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    finally:
        await connection.close()


@pytest.mark.parametrize("kind", BOTH)
async def test_tables_of_another_program_are_left_alone(sound: Path, database: MakeDatabase, kind: str) -> None:
    url = await database(kind)
    if kind == "sqlite":
        Path(url.removeprefix("sqlite:///")).parent.mkdir()
    await execute(url, "CREATE TABLE jobs (id INTEGER PRIMARY KEY, salary INTEGER)")
    with pytest.raises(ConflictError, match="tables of another program"):
        await bring_back(sound, url, replace=True)
    with pytest.raises(ConflictError, match="no database of Leeward's"):
        await back_up(url, sound.with_name("theirs.zip"))


@pytest.mark.parametrize("kind", BOTH)
async def test_a_database_of_a_newer_program_is_neither_read_nor_written(
    sound: Path, database: MakeDatabase, kind: str
) -> None:
    url = await database(kind)
    async with open_store(url):
        pass
    await execute(url, "INSERT INTO schema_version VALUES (9999, 0)")
    with pytest.raises(ConflictError, match="another program, or of a newer Leeward"):
        await bring_back(sound, url, replace=True)
    with pytest.raises(ConflictError, match=f"schema level 9999, this program knows {max(migrations())}"):
        await back_up(url, sound.with_name("newer.zip"))


async def test_a_database_that_is_not_there_is_not_made_by_a_backup(tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="there is no database"):
        await back_up(f"sqlite:///{tmp_path}/leeward.db", tmp_path / "backup.zip")
    assert not (tmp_path / "leeward.db").exists()


@pytest.mark.parametrize("url", ["memory://", "mysql://x", "sqlite:///"])
async def test_a_url_of_no_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(LeewardError, match="write sqlite:///FILE or postgresql://"):
        await back_up(url, tmp_path / "backup.zip")


@pytest.mark.postgresql
async def test_an_account_without_rights_is_told_so(sound: Path, database: MakeDatabase) -> None:
    url = await database("postgresql")
    name = url.rpartition("/")[2]
    await execute(url, f"CREATE ROLE guest_{name} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(ConflictError, match="the account lacks a right"):
        await bring_back(sound, url.replace("postgres@", f"guest_{name}@"))
