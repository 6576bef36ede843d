"""`leeward backup` and `leeward restore` as they are typed."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.client.__main__ import leeward as command
from shared.keyfile import add_key, create_keys, load_keys
from tests.parts.full_store import KEY, fill_with_everything, rows_of
from tests.parts.vaults import key


def leeward(*words: str | Path, given: bytes | None = None) -> Result:
    """Run the command; what it says comes back."""
    return CliRunner().invoke(command, [str(word) for word in words], input=given, prog_name="leeward")


def done(*words: str | Path, given: bytes | None = None) -> str:
    """Run the command, which must do it; return all it said."""
    ran = leeward(*words, given=given)
    assert ran.exit_code == 0, ran.output
    return ran.stdout + ran.stderr


def refused(*words: str | Path, code: int = 1) -> str:
    """Run the command, which must not do it; return what it said."""
    ran = leeward(*words)
    assert ran.exit_code == code, ran.output
    return ran.stderr


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of every kind of row and its keys file."""
    folder = tmp_path_factory.mktemp("filled")
    asyncio.run(fill_with_everything(f"sqlite:///{folder}/leeward.db"))
    create_keys(folder / "leeward.keys", KEY)
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(filled, tmp_path / "site")


def stored(url: str, table: str) -> list[tuple[object, ...]]:
    """Return the rows of a table."""
    return asyncio.run(rows_of(url))[table]


def test_a_database_is_backed_up_checked_and_restored_elsewhere(folder: Path) -> None:
    url, other, file = f"sqlite:///{folder}/leeward.db", f"sqlite:///{folder}/other.db", folder / "backup.zip"
    said = done("backup", file, "--database-url", url)
    assert "8 jobs in 2 collections" in said
    assert f"secrets are sealed under key {KEY.id}: keep a copy of the keys file, apart from this" in said
    assert f"{file} is sound: 8 jobs in 2 collections" in done("backup", "--verify", file)
    said = done("restore", file, "--database-url", other)
    assert f"secrets are sealed under key {KEY.id}, which is not in {folder}/other.keys" in said
    assert stored(other, "jobs") == stored(url, "jobs")
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.glob(".*")) == []


def test_a_backup_goes_through_pipes(folder: Path) -> None:
    url, other = f"sqlite:///{folder}/leeward.db", f"sqlite:///{folder}/other.db"
    taken = leeward("backup", "-", "--database-url", url)
    assert (taken.exit_code, taken.stdout_bytes[:2]) == (0, b"PK"), taken.stderr
    assert "8 jobs in 2 collections" in taken.stderr
    told = json.loads(done("--output", "json", "backup", "--verify", "-", given=taken.stdout_bytes))
    assert (told["engine"], told["history"]) == ("sqlite", True)
    done("restore", "-", "--database-url", other, given=taken.stdout_bytes)
    assert stored(other, "history") == stored(url, "history")


def test_keys_come_along_only_when_asked_and_never_replace_others(folder: Path) -> None:
    url, file = f"sqlite:///{folder}/leeward.db", folder / "with-keys.zip"
    without = folder / "without.zip"
    done("backup", without, "--database-url", url)
    said = done("backup", file, "--with-keys", "--database-url", url)
    assert "holds the keys: whoever has it can read every secret" in said
    assert [KEY.secret in path.read_bytes() for path in (without, file)] == [False, False]
    assert "the keys are in" in done("restore", file, "--database-url", f"sqlite:///{folder}/other.db")
    assert load_keys(folder / "other.keys") == (KEY,)
    assert (folder / "other.keys").stat().st_mode & 0o777 == 0o600
    create_keys(folder / "third.keys", key("of-somebody-else"))
    said = refused("restore", file, "--database-url", f"sqlite:///{folder}/third.db")
    assert f"stays as it is, and lacks {KEY.id} of the backup" in said
    assert not (folder / "third.db").exists()
    add_key(folder / "third.keys", KEY)
    done("restore", file, "--database-url", f"sqlite:///{folder}/third.db")


def test_keys_that_a_failed_restore_made_are_taken_away_again(folder: Path) -> None:
    url, file = f"sqlite:///{folder}/leeward.db", folder / "with-keys.zip"
    done("backup", file, "--with-keys", "--database-url", url)
    (folder / "leeward.keys").unlink()
    assert "not empty" in refused("restore", file, "--database-url", url)
    assert not (folder / "leeward.keys").exists()
    assert "cannot be read" in refused("backup", folder / "x.zip", "--with-keys", "--database-url", url)
    assert not (folder / "x.zip").exists()


def test_nothing_is_replaced_where_the_keys_cannot_be_read(folder: Path) -> None:
    url, file = f"sqlite:///{folder}/leeward.db", folder / "backup.zip"
    done("backup", file, "--without-history", "--database-url", url)
    before = stored(url, "history")
    (folder / "leeward.keys").write_text("garbage")
    assert "leeward.keys" in refused("restore", file, "--replace", "--yes", "--database-url", url)
    assert stored(url, "history") == before != []


def test_nothing_is_replaced_without_being_asked_for(folder: Path) -> None:
    url, file = f"sqlite:///{folder}/leeward.db", folder / "backup.zip"
    done("backup", file, "--database-url", url)
    assert "is there: name another file, or add --overwrite" in refused("backup", file, "--database-url", url)
    done("backup", file, "--overwrite", "--without-history", "--database-url", url)
    assert "no history" in done("backup", "--verify", file)
    assert "add --replace" in refused("restore", file, "--database-url", url)
    asked = leeward("restore", file, "--replace", "--database-url", url, given=b"n\n")
    assert (asked.exit_code, "Replace all that is in" in asked.output) == (1, True)
    done("restore", file, "--replace", "--yes", "--database-url", url)


def test_what_is_wrong_is_said_in_one_line_without_a_password(folder: Path) -> None:
    url = "postgresql://me:secret-password@127.0.0.1:1/leeward"
    said = refused("backup", folder / "x.zip", "--database-url", url, code=3)
    assert "the database cannot be reached" in said
    (folder / "garbage.zip").write_bytes(b"garbage" * 1000)
    said += refused("restore", folder / "garbage.zip", "--database-url", url)
    assert "the file is no backup, or only a part of one" in said
    said += refused("restore", folder / "nowhere.zip", "--database-url", url)
    assert "No such file or directory" in said
    said += refused("backup", folder / "no" / "x.zip", "--database-url", f"sqlite:///{folder}/leeward.db")
    assert "secret-password" not in said
    assert len(said.splitlines()) == 4
    assert sorted(path.name for path in folder.glob("*.zip")) == ["garbage.zip"]
