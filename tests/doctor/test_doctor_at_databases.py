"""The doctor at real databases: what is wrong with them is told, and nothing about them changes."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from services.operations.doctor.database import examine_database
from services.operations.doctor.findings import Finding, Part, Result
from services.scheduler.store.diagnosis import diagnose
from services.scheduler.store.facts import FileFacts
from services.scheduler.store.open import open_store
from tests.parts.doctoring import failed, findings_of, results, troubles
from tests.parts.ports import free_port
from tests.parts.postgres import Postgres

SECONDS = 5.0


async def examined(url: str) -> list[Finding]:
    return await findings_of(lambda notes: examine_database(url, SECONDS, notes), Part.DATABASE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "leeward.db"


async def fill(url: str) -> None:
    async with open_store(url):
        pass


def change(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(statement)
    connection.close()


def spoil(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    file.write_bytes(content)


def write(file: Path, text: str) -> None:
    file.write_text(text)


def open_to_all(file: Path) -> None:
    file.chmod(0o644)


# -- SQLite ------------------------------------------------------------------------------------------------------------


async def test_a_file_in_order_is_told_as_such_and_left_as_it_is(file: Path) -> None:
    await fill(f"sqlite:///{file}")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in file.parent.iterdir())
    found = await examined(f"sqlite:///{file}")
    assert {each.result for each in found} == {Result.OK}
    assert sorted((path.name, path.stat().st_mtime_ns) for path in file.parent.iterdir()) == before


async def test_a_file_that_a_scheduler_has_open_is_looked_at_all_the_same(file: Path) -> None:
    async with open_store(f"sqlite:///{file}"):
        found = await examined(f"sqlite:///{file}")
    assert {each.result for each in found} == {Result.OK}
    assert "a scheduler has it open" in found[0].message


async def test_a_file_that_is_not_there_is_not_made(file: Path) -> None:
    found = await examined(f"sqlite:///{file}")
    assert results(found)["file"] is Result.WARNING
    assert list(file.parent.iterdir()) == []


async def test_a_newer_schema_fails_and_says_what_to_install(file: Path) -> None:
    await fill(f"sqlite:///{file}")
    change(file, "INSERT INTO schema_version VALUES (999, 0)")
    found = await examined(f"sqlite:///{file}")
    assert failed(found).check == "schema"
    assert "999" in failed(found).message


async def test_an_older_schema_is_a_warning(file: Path) -> None:
    await fill(f"sqlite:///{file}")
    change(file, "DELETE FROM schema_version WHERE version > 3")
    assert results(await examined(f"sqlite:///{file}"))["schema"] is Result.WARNING


async def test_damage_is_found(file: Path) -> None:
    await fill(f"sqlite:///{file}")
    spoil(file)
    found = await examined(f"sqlite:///{file}")
    assert any("damaged" in message or "malformed" in message for message in troubles(found))


async def test_what_is_no_database_is_told(file: Path) -> None:
    write(file, "x" * 5000)
    assert "not a database" in failed(await examined(f"sqlite:///{file}")).message


async def test_a_file_for_everybodys_eyes_is_a_warning(file: Path) -> None:
    await fill(f"sqlite:///{file}")
    open_to_all(file)
    assert results(await examined(f"sqlite:///{file}"))["access"] is Result.WARNING


async def test_a_check_that_takes_too_long_is_given_up(file: Path) -> None:
    await fill(f"sqlite:///{file}")
    change(file, "CREATE TABLE much (text TEXT)")
    change(
        file,
        "INSERT INTO much WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
        " SELECT hex(randomblob(50)) FROM n",
    )
    facts = await diagnose(f"sqlite:///{file}", seconds=0)
    assert isinstance(facts, FileFacts)
    assert facts.damage is None


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.mark.postgresql
async def test_a_server_in_order_is_told_as_such(postgres: Postgres) -> None:
    url = await postgres.new_database()
    await fill(url)
    found = await examined(url)
    assert troubles(found) == []
    assert {"reached", "schema", "rights", "connections", "clock"} <= results(found).keys()


@pytest.mark.postgresql
async def test_an_empty_database_is_a_warning_and_stays_empty(postgres: Postgres) -> None:
    url = await postgres.new_database()
    assert results(await examined(url))["schema"] is Result.WARNING
    assert results(await examined(url))["schema"] is Result.WARNING


@pytest.mark.postgresql
async def test_rights_that_an_account_lacks_are_named(postgres: Postgres) -> None:
    url = await postgres.new_database()
    await fill(url)
    connection = await asyncpg.connect(url)
    await connection.execute("DROP ROLE IF EXISTS weak; CREATE ROLE weak LOGIN CONNECTION LIMIT 4")
    await connection.execute("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO weak")
    await connection.close()
    found = await examined(url.replace("//postgres@", "//weak@"))
    assert "UPDATE on jobs" in failed(found).message or "UPDATE on" in failed(found).message
    assert "of the account" in next(each.message for each in found if each.check == "connections")
    assert results(found)["connections"] is Result.WARNING


@pytest.mark.postgresql
async def test_a_database_that_does_not_exist_is_told(postgres: Postgres) -> None:
    assert 'database "nowhere" does not exist' in failed(await examined(postgres.url("nowhere"))).message


async def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    found = await examined(f"postgresql://leeward:hush@127.0.0.1:{free_port()}/leeward")
    assert failed(found).check == "reached"
    assert "hush" not in str(found)


async def test_a_url_that_is_none_is_told_without_its_password() -> None:
    found = await examined("postgresql://leeward:hu@sh:hush@127.0.0.1/leeward")
    assert failed(found).check == "address"
    assert "hush" not in str(found)
