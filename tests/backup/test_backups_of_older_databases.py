"""A backup of an older database is restored at its level, then brought up to date; reading one does not migrate it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.scheduler.domain.collections import CollectionId
from services.scheduler.store.open import open_store
from services.scheduler.store.sql.migrate import migrations, statements
from services.scheduler.store.sql.sqlite import SqliteWords
from tests.backup.conftest import BOTH, MakeDatabase
from tests.parts.backups import back_up, bring_back, check
from tests.parts.stored import LEASE, NOW

_VERSIONS = "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)"
_ROWS = [
    "INSERT INTO collections VALUES (1, 's', 'g', 'nightly', 's', 'g', 'nightly', '{}', 0, 0)",
    "INSERT INTO jobs VALUES (7, 1, 'uid', 'backup', 'backup', 'enabled', 0, NULL, 0, 1, 0, 0, 0, NULL, TRUE, 0, 0)",
    """INSERT INTO definitions VALUES (7, '{"action":{"call":{"type":"http","method":"GET","uri":"http://x/"}}}')""",
    "INSERT INTO replicas (fence, session, replica, lease_until) VALUES (41, 'session', 'one', 0)",
    "INSERT INTO occurrences VALUES ('o', 7, 0, 0, 'claimed', 41, 'MainAction', 1, 0, 1, FALSE, NULL, '', '')",
]


def older(path: Path, level: int) -> None:
    """Make a file as the program of a level left it."""
    words = SqliteWords()
    begun = statements(migrations()[1], words)
    later = [one for number, file in migrations().items() if 1 < number <= level for one in statements(file, words)]
    numbers = [f"INSERT INTO schema_version VALUES ({number}, 0)" for number in range(1, level + 1)]
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript(";".join([*begun, *_ROWS, *later, _VERSIONS, *numbers]))


@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize("level", [*migrations()][:-1])
async def test_a_backup_of_an_earlier_level_comes_back_at_the_present_one(
    database: MakeDatabase, tmp_path: Path, level: int, to: str
) -> None:
    older(tmp_path / "older.db", level)
    url, other, backup = f"sqlite:///{tmp_path}/older.db", await database(to), tmp_path / "backup.zip"
    assert (await back_up(url, backup)).level == check(backup).level == level
    with closing(sqlite3.connect(tmp_path / "older.db")) as file:
        assert file.execute("SELECT max(version) FROM schema_version").fetchone() == (level,)
    await bring_back(backup, other)
    async with open_store(other) as store:
        assert (await store.get_job(CollectionId(1), "backup")).id == 7
        assert (await store.gauges(NOW)).occurrences == {"ready": 1}
        assert (await store.register("two", NOW, LEASE)).fence > 41
